"""The option ``--class`` of the commands for class-conditional models."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import torch
from torch import Tensor

from glowcore import classes
from glowcore.errors import ConfigError
from glowcore.likelihood_model import LikelihoodModel
from glowcore.text import printable

#: Value of ``--class`` that stands for every class, unless a class has that name.
EVERY = "all"


def add(parser: argparse.ArgumentParser, *, every: bool = False) -> None:
    """Add ``--class NAME``; ``every`` for a command that also takes :data:`EVERY`."""
    text = "class of a class-conditional model, by its name (see info) or its number from 0"
    if every:
        text += f"; {EVERY}: each seed in every class, one column per class"
    parser.add_argument("--class", dest="class_name", metavar="NAME", help=text)


def chosen(model: LikelihoodModel, name: str | None, *, every: bool = False) -> Tensor | None:
    """Return the class called ``name`` as int64 ``[1]``, None for a model without classes.

    ``every``: the command also takes :data:`EVERY`, which the message of a missing class then names.

    Raises:
        ConfigError: a class that the model does not have, or None although it has some.
    """
    if classes.num_classes(model) == 0:
        if name is not None:
            raise ConfigError(f"--class {printable(name, 30)}: this model has no classes; leave it out")
        return None
    if name is None:
        also = f", or {EVERY}" if every and is_every(model, EVERY) else ""
        raise ConfigError(f"--class is missing, expected one of this model's: {classes.names_in_a_line(model)}{also}")
    return torch.tensor([classes.class_number(model, name)])


def is_every(model: LikelihoodModel, name: str | None) -> bool:
    """Return whether ``name`` stands for every class of a model: :data:`EVERY`, and no class has that name."""
    names = classes.class_names(model)
    return name == EVERY and bool(names) and EVERY not in names


def seeds_and_classes(
    model: LikelihoodModel, seeds: Sequence[int], name: str | None
) -> tuple[Sequence[int], Tensor | None]:
    """Return the seeds ``[N]`` and classes to sample: int64 ``[N]`` or ``[1]``, None for a model without classes.

    :data:`EVERY` draws each seed once per class, in the order of the classes: one row per seed, one column per class.

    Raises:
        ConfigError: as :func:`chosen`.
    """
    names = classes.class_names(model)
    if not is_every(model, name):
        return seeds, chosen(model, name, every=True)
    return [seed for seed in seeds for _ in names], torch.arange(len(names)).repeat(len(seeds))
