"""``info``: show what is in a model folder."""

from __future__ import annotations

import argparse
from typing import Any

from glowcore import checkpoint, classes
from glowcore.attributes.facts import direction_kind
from glowcore.cli import console, options
from glowcore.flow import Flow
from glowcore.metadata import CLASS_NAMES
from glowcore.text import printable

EXAMPLE = "python -m glowcore info --model pretrained/faces64"


def add_parser(commands, summary: str) -> None:
    """Add the command's arguments."""
    p = options.command(commands, "info", summary, EXAMPLE)
    options.add_model_folder(p)
    p.add_argument("--json", action="store_true", help="print it as JSON to stdout")


def run(args: argparse.Namespace) -> int:
    """Verify the hashes of the folder and show its contents; exit code 0."""
    stored = checkpoint.read_info(args.model)
    # Loading verifies the weights, and only a built model distinguishes parameters from buffers.
    model = checkpoint.load(args.model, device="cpu")
    facts = {
        "model": stored["model"],
        "is_flow": isinstance(model, Flow),
        "parameters": sum(p.numel() for p in model.parameters()),
        "bytes": sum(file["size"] for file in stored["files"].values()),
        "sha256": stored["files"][checkpoint.WEIGHTS]["sha256"],
        "glowcore_version": stored["glowcore_version"],
        "format_version": stored["format_version"],
        "config": stored["config"],
        "classes": classes.class_names(model),
        "metadata": stored["metadata"],
        "files": stored["files"],
        "attributes": None if model.attributes is None else model.attributes.metadata(),  # only well-formed facts
    }
    if args.json:
        console.print_json(facts)
    else:
        print(_words(args.model, facts))
    return 0


def _words(folder: str, facts: dict[str, Any]) -> str:
    lines = [
        f"{folder}: {facts['model']}, {facts['parameters']:,} parameters, {facts['bytes'] / 1e6:.1f} MB, "
        f"written by glowcore {printable(str(facts['glowcore_version']), 30)}",
        f"sha256  {facts['sha256']} (verified)",
        "config",
        *(f"  {name:<18}{value}" for name, value in facts["config"].items()),
    ]
    if facts["classes"]:
        lines.append("classes\n  " + ", ".join(printable(name, 60) for name in facts["classes"]))
    metadata = list(_flat({name: value for name, value in facts["metadata"].items() if name != CLASS_NAMES}))
    if metadata:
        lines += ["metadata", *(f"  {printable(name, 60)}: {printable(str(value), 500)}" for name, value in metadata)]
    if facts["attributes"] is None and not facts["is_flow"]:
        lines.append(f"no flow: {facts['model']} is a baseline without exact latents, so without attributes")
    elif facts["attributes"] is None and facts["classes"]:
        lines.append("no attributes, which the command attributes fits to models without classes only")
    elif facts["attributes"] is None:
        lines.append(f"no attributes; {options.fitting(folder)}")
    else:
        lines.append("attributes")
        for name, info in facts["attributes"]["info"].items():
            separation = info.get("separation")
            shown = "unknown" if separation is None else f"{separation:.3f}"
            counts = f"{info.get('positives', '?'):>7} with, {info.get('negatives', '?'):>7} without"
            kind = printable(direction_kind(info))
            lines.append(f"  {printable(name, 60):<24}{counts}, separation {shown}, direction {kind}")
    return "\n".join(lines)


def _flat(value: dict[str, Any], prefix: str = ""):
    for key, item in value.items():
        if isinstance(item, dict):
            yield from _flat(item, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", item
