"""Facts about a model for its card, from the metadata in its folder; the weights are not read."""

from __future__ import annotations

import re
from typing import Any

from explorer.atlas.latent_map import MAP_FILE
from explorer.edits.recipe import MODEL_DIGITS
from explorer.engines.models import ModelEntry
from glowcore import checkpoint
from glowcore.metadata import DATA, INIT_FROM, LICENCE, METRICS, TRAINING

CARD = "README.md"  # the model card
LONGEST = 200  # characters of a sentence
KINDS = {"glow": "Glow", "realnvp": "Real NVP", "nice": "NICE", "vae": "VAE, no flow"}


def purpose(entry: ModelEntry) -> str:
    """Return what the model is for: the first quotation ("> ...") of its model card, "" without one."""
    try:
        text = (entry.folder / CARD).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    quotation = re.search(r"^> (.+)$", text, re.MULTILINE)
    return quotation[1][:LONGEST] if quotation else ""


def facts(entry: ModelEntry) -> list[tuple[str, str]]:
    """Return pairs of a name and a value that tell a visitor what a usable model can do."""
    config = entry.info["config"]
    rows = [
        ("Kind", KINDS.get(entry.info["model"], str(entry.info["model"]))),
        ("Pictures", f"{_size(config['image_size'])}, {_colours(config)}"),
    ]
    if config.get("num_classes"):
        rows.append(("Classes", str(config["num_classes"])))
    if entry.is_flow:
        rows.append(("Attributes", str(len((entry.info["attributes"] or {}).get("names", [])))))
        rows.append(("Map", "yes" if (entry.folder / MAP_FILE).is_file() else "of a few pictures"))
    return rows


def details(entry: ModelEntry) -> list[tuple[str, str]]:
    """Return pairs of a name and a value about the structure, weights and training of a usable model."""
    config, metadata, files = entry.info["config"], entry.info["metadata"], entry.info["files"]
    weights = files[checkpoint.WEIGHTS]
    return [
        ("Bits per value", str(config.get("n_bits", 8))),
        ("Levels", str(config.get("num_levels", 1))),
        ("Steps per level", _list(config.get("steps_per_level"))),
        ("Width", _list(config.get("hidden_channels"))),
        ("Weights", f"{weights['size'] / 1e6:.1f} MB"),
        ("SHA-256", weights["sha256"][:MODEL_DIGITS]),
        *held_out_bits(metadata),
    ]


def provenance(entry: ModelEntry) -> str:
    """Return the training data and the licence, "" if the metadata state neither."""
    return _pictures_of(entry.info["metadata"])


def began_from(entry: ModelEntry) -> list[str]:
    """Return the models whose weights the training started from, the latest first: a hash and the training data.

    Malformed items of the metadata's ``init_from`` are left out.
    """
    stated = entry.info["metadata"].get(INIT_FROM)
    earlier = [model for model in stated if isinstance(model, dict)] if isinstance(stated, list) else []
    hashed = [(model, model["sha256"][:MODEL_DIGITS]) for model in earlier if isinstance(model.get("sha256"), str)]
    return [f"{digits} ({data})" if (data := _pictures_of(model)) else digits for model, digits in hashed]


def held_out_bits(metadata: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the held-out bits per dimension as a row, with a label that says how they were measured; [] without any.

    Training measures on a few hundred pictures, so its figure differs from one that a model card measured on more.
    """
    training = metadata.get(TRAINING) or {}
    for place in (metadata, metadata.get(METRICS)):
        if _bits(place) is not None:
            return [("Held-out bits/dim", f"{_bits(place):.3f}")]
    bits = _bits(training.get("evaluation"))
    if bits is None:
        return []
    most = (training.get("settings") or {}).get("eval_pictures")
    which = f" on up to {most} held-out pictures" if isinstance(most, int) else ""
    return [("Bits/dim as training ended", f"{bits:.3f}{which}")]


def _pictures_of(metadata: dict[str, Any]) -> str:
    texts = (metadata.get(key) for key in (DATA, LICENCE))
    return " · ".join(text[:LONGEST] for text in texts if isinstance(text, str) and text)


def _bits(place: Any) -> float | None:
    bits = place.get("bits_per_dim") if isinstance(place, dict) else None
    return float(bits) if isinstance(bits, int | float) else None


def _size(size: int | list[int]) -> str:
    height, width = (size, size) if isinstance(size, int) else size
    return f"{height} × {width}"


def _colours(config: dict[str, Any]) -> str:
    return {1: "grey", 3: "colour"}.get(config.get("channels", 3), f"{config.get('channels')} channels")


def _list(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value if value is not None else "–")
