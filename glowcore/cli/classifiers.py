"""Arguments for a classifier that learns from labelled pictures of another set, and the classifier."""

from __future__ import annotations

import argparse

from glowcore.classifiers.classifier import ClassifierSettings
from glowcore.classifiers.store import StoredClassifier, cached_classifier
from glowcore.data import PictureSet, open_dataset
from glowcore.errors import DataError
from glowcore.flow import Flow

FOLDER = "runs/classifiers"
HELD_OUT_PICTURES = 3000
SPLITS = ("valid", "test", "train")  # the first that is there and nothing was learned from measures its accuracy


def add_arguments(group: argparse._ActionsContainer, purpose: str) -> None:
    """Add ``--classifier-data DIR`` and ``--classifier-folder DIR``; ``purpose`` says what the pictures are for."""
    group.add_argument(
        "--classifier-data",
        metavar="DIR",
        help=f"labelled pictures in CelebA's layout (or with attributes.csv); {purpose}",
    )
    group.add_argument(
        "--classifier-folder",
        default=FOLDER,
        metavar="DIR",
        help=f"where trained classifiers are kept (default {FOLDER})",
    )


def classifier(
    args: argparse.Namespace, model: Flow, split: str, settings: ClassifierSettings | None = None
) -> StoredClassifier:
    """Return the classifier of a split of ``--classifier-data`` at the size of ``model``: kept, or trained now."""

    def opened(split: str, limit: int | None = None) -> PictureSet:
        return open_dataset(
            args.classifier_data,
            image_size=model.image_size,
            channels=model.config.channels,
            split=split,
            skip_broken=args.skip_broken,
            limit=limit,
            cache_dir=args.cache_dir,
            progress=not args.quiet,
        )

    def held_out() -> tuple[str, PictureSet]:
        first, second = (other for other in SPLITS if other != split)
        try:
            return first, opened(first, HELD_OUT_PICTURES)
        except DataError:  # not every copy of the set has a split of that name
            return second, opened(second, HELD_OUT_PICTURES)

    return cached_classifier(opened(split), held_out, args.classifier_folder, settings, progress=not args.quiet)
