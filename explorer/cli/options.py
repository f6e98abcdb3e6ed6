"""Arguments and small steps that several commands share."""

from __future__ import annotations

import argparse
from pathlib import Path

from explorer.catalogue import models
from explorer.engines.engine import Engine
from glowcore.cli import options
from glowcore.data import PictureSet, open_dataset
from glowcore.errors import CheckpointError, ImageError, reason


def add_model(command: argparse.ArgumentParser, default: str | None = None) -> None:
    """Add `--model MODEL`, required unless `default` says which model is taken without it."""
    text = "model: its name, such as pretrained/faces64, or its folder"
    command.add_argument(
        "--model", required=default is None, metavar="MODEL", help=text + (f" (default: {default})" if default else "")
    )


def default_model() -> models.ModelEntry:
    """The model that the application opens with.

    Raises:
        CheckpointError: there is none.
    """
    entries = [entry for entry in models.list_models() if entry.usable]
    if not entries:
        raise CheckpointError(f"no model found in pretrained/ or runs/ of {models.where()}")
    return models.find(models.default_name(entries))


def add_data(command: argparse.ArgumentParser, what: str) -> None:
    """Add `--data DIR`, which is `what`, and what chooses among its pictures."""
    command.add_argument("--data", required=True, metavar="DIR", help=what)
    command.add_argument("--split", default="test", help="train, valid, test (default) or all")
    command.add_argument("--limit", type=int, metavar="N", help="use only the first N pictures")
    options.add_skip_broken(command)


def open_data(args: argparse.Namespace, engine: Engine, most: int | None = None) -> PictureSet:
    """The pictures that the arguments of `add_data` name, at the model's size; says what was left out.

    Raises:
        DataError: as `glowcore.data.open_dataset`.
    """
    found = open_dataset(
        args.data, image_size=engine.size, split=args.split, limit=args.limit, skip_broken=args.skip_broken, most=most
    )
    options.say_skipped(found.skipped)
    options.say_passed_over(found.other_kinds)
    return found


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
