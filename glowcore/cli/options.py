"""Arguments and small steps that several commands share."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

import torch

from glowcore.errors import ConfigError


def command(commands, name: str, summary: str, example: str) -> argparse.ArgumentParser:
    """Add the parser of a command, with an example under its ``--help``."""
    return commands.add_parser(
        name,
        help=summary,
        description=summary[0].upper() + summary[1:] + ".",
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def add_device(parser: argparse.ArgumentParser) -> None:
    """Add ``--device`` and ``--threads``."""
    parser.add_argument("--device", default="auto", help="auto (cuda, then cpu), cpu, cuda, cuda:N or mps")
    parser.add_argument("--threads", type=int, help="CPU threads (default: torch's own choice)")


def add_model(parser: argparse.ArgumentParser) -> None:
    """Add ``--model DIR`` and the device."""
    parser.add_argument("--model", required=True, metavar="DIR", help="model folder, such as pretrained/faces64")
    add_device(parser)


def load_model(args: argparse.Namespace):
    """Load the model that ``--model`` names onto ``--device``."""
    from glowcore import checkpoint

    set_threads(args.threads)
    return checkpoint.load(args.model, device=args.device)


def set_threads(threads: int | None) -> None:
    """Set the number of CPU threads, if one is given."""
    if threads is not None:
        if threads < 1:
            raise ConfigError(f"--threads is {threads}, expected 1 or more")
        torch.set_num_threads(threads)


def int_per_level(text: str) -> int | tuple[int, ...]:
    """Read ``16`` or ``8,16,32`` (one a level, finest first)."""
    numbers = tuple(int(part) for part in text.split(","))
    return numbers[0] if len(numbers) == 1 else numbers


def image_size(text: str) -> int | tuple[int, int]:
    """Read ``64`` or ``HxW`` such as ``48x64``."""
    numbers = tuple(int(part) for part in text.lower().split("x"))
    if len(numbers) > 2:
        raise argparse.ArgumentTypeError(f"{text!r} is no size, expected 64 or 48x64 (height x width)")
    return numbers[0] if len(numbers) == 1 else numbers


def print_json(value: Any) -> None:
    """Write a result for machines to stdout."""
    print(json.dumps(asdict(value) if is_dataclass(value) else value, indent=2, allow_nan=True))


def output_path(text: str) -> Path:
    """Return the path of a file to write, after a look whether its folder is there."""
    path = Path(text)
    if not path.parent.is_dir():
        raise ConfigError(f"cannot write {path}: the folder {path.parent} does not exist")
    return path
