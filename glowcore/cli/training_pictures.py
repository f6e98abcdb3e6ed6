"""The pictures of ``train`` and ``ablate``: both splits, and the number of classes of a fresh model."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from glowcore.cli import console, options
from glowcore.data import PictureSet, open_dataset
from glowcore.data.torchvision_sets import TORCHVISION_PREFIX
from glowcore.errors import ConfigError


@dataclass(frozen=True)
class Splits:
    """The pictures of a run.

    Attributes:
        train: pictures to train on.
        held_out: pictures to evaluate on.
        skipped: number of files that ``--skip-broken`` left out.
    """

    train: PictureSet
    held_out: PictureSet
    skipped: int


def check_elsewhere(args: argparse.Namespace, say: Callable[[str], None], *, going_on: bool) -> None:
    """Refuse an ``--out`` within ``--data``, where the next run would read the samples of this one as its pictures.

    A run that lies there already may go on (``going_on``), with a warning.
    """
    if args.data.startswith(TORCHVISION_PREFIX):
        return
    try:
        options.check_elsewhere(args.out, args.data)
    except ConfigError as error:
        if not going_on:
            raise
        say(f"warning: {error}; move it when this run has ended, or its samples become training pictures")


def open_splits(
    args: argparse.Namespace,
    image_size: int | tuple[int, int],
    channels: int = 3,
    *,
    limit: int | None = None,
    quiet: bool = False,
) -> Splits:
    """Open the splits ``train`` and ``test`` of ``--data``, of the latter at most the first ``limit`` pictures.

    Unless ``quiet``, lists the first files that were skipped, the endings that are not read and unused bits.
    """
    train, held_out = (
        open_dataset(
            args.data,
            image_size=image_size,
            channels=channels,
            split=split,
            limit=most,
            skip_broken=args.skip_broken,
            progress=not quiet and not args.quiet,
        )
        for split, most in (("train", None), ("test", limit))
    )
    if not quiet:
        console.say_remarks(train, held_out)
    return Splits(train, held_out, len({*train.skipped, *held_out.skipped}))


def with_classes(
    args: argparse.Namespace, config: Any, pictures: PictureSet, say: Callable[[str], None], *, fresh: bool
) -> Any:
    """Return ``config`` with as many classes as the pictures have, unless ``--num-classes`` is given.

    The classes are used only by a fresh model of a kind that can have some; a message says whether they are. A single
    class counts as none.

    Raises:
        ConfigError: some of the pictures have no class.
    """
    if pictures.labels is None or args.num_classes is not None or getattr(config, "num_classes", 0):
        return config
    count = len(pictures.class_names) or int(pictures.labels.max()) + 1
    if count < 2:
        return config
    if not fresh or not hasattr(config, "num_classes"):
        say(
            f"the {count} classes of the pictures are not used: "
            + (f"a {config.model_name} has none" if fresh else f"the model in {args.init_from} has none")
        )
        return config
    if unknown := int((pictures.labels < 0).sum()):
        raise ConfigError(
            f"{args.data}: {unknown} of {len(pictures)} pictures have no class; every picture needs one, "
            "or give --num-classes 0 for a model without classes"
        )
    say(f"a model of {count} classes, as the pictures have; --num-classes 0 makes one without")
    return replace(config, num_classes=count)
