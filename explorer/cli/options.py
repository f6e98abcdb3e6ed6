"""Arguments and small steps that several commands share."""

from __future__ import annotations

import argparse
from pathlib import Path

from glowcore.errors import ImageError, reason


def add_model(command: argparse.ArgumentParser) -> None:
    """Add `--model NAME`."""
    command.add_argument("--model", required=True, metavar="NAME", help="model, such as pretrained/faces64")


def add_data(command: argparse.ArgumentParser, what: str) -> None:
    """Add `--data DIR`, which is `what`, and `--split`."""
    command.add_argument("--data", required=True, metavar="DIR", help=what)
    command.add_argument("--split", default="test", help="train, valid, test (default) or all")


def add_device(command: argparse.ArgumentParser) -> None:
    """Add `--device`."""
    command.add_argument("--device", default="auto", help="auto (default), cpu, cuda or mps")


def read(photo: Path) -> bytes:
    """The bytes of a photo.

    Raises:
        ImageError: it cannot be read.
    """
    try:
        return photo.read_bytes()
    except OSError as error:
        raise ImageError(f"{photo} cannot be read: {reason(error)}") from error
