"""Arguments and steps that several commands share."""

from __future__ import annotations

import argparse
from pathlib import Path

from explorer.engines import models
from explorer.engines.engine import Engine
from glowcore.cli import options
from glowcore.errors import CheckpointError, ImageError, reason


def add_model(command: argparse.ArgumentParser, default: str | None = None) -> None:
    """Add ``--model MODEL`` and the device; ``default`` describes the model without the option, None requires it."""
    text = "model: its name, such as pretrained/faces64 or faces64, or its folder"
    command.add_argument(
        "--model",
        required=default is None,
        type=options.path,
        metavar="MODEL",
        help=text + (f" (default: {default})" if default else ""),
    )
    options.add_device(command)


def open_engine(entry: models.ModelEntry, args: argparse.Namespace) -> Engine:
    """Open a model on ``--device`` with ``--threads`` threads.

    Raises:
        CheckpointError: the model is damaged or no flow.
        ConfigError: fewer than one thread.
    """
    options.set_threads(args.threads)
    if entry.flow_problem:
        raise CheckpointError(entry.flow_problem)
    return models.open_model(entry, args.device)


def default_model() -> models.ModelEntry:
    """Return the model that the application uses by default.

    Raises:
        CheckpointError: there is no usable model.
    """
    entries = [entry for entry in models.list_models() if entry.usable]
    if not entries:
        raise CheckpointError(
            f"no model found in pretrained/ or runs/ of {models.home()}; set {models.HOME_VARIABLE} to the folder that "
            "holds them"
        )
    return models.find(models.default_name(entries))


def path(text: str) -> Path:
    """Return a path that is not empty, as :func:`glowcore.cli.options.path`."""
    return Path(options.path(text))


def read(photo: Path) -> bytes:
    """Return the bytes of a photo.

    Raises:
        ImageError: the file cannot be read.
    """
    try:
        return photo.read_bytes()
    except OSError as error:
        raise ImageError(f"{photo} cannot be read: {reason(error)}") from error
