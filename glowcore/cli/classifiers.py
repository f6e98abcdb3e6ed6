"""Options for a classifier that is trained on labelled pictures of another set, and its training."""

from __future__ import annotations

import argparse

from glowcore.classifiers.classifier import ClassifierSettings
from glowcore.classifiers.store import StoredClassifier, cached_classifier
from glowcore.cli import options
from glowcore.data import PictureSet, open_dataset
from glowcore.errors import DataError
from glowcore.flow import Flow

FOLDER = "runs/classifiers"
HELD_OUT_PICTURES = 3000
SPLITS = ("valid", "test", "train")  # accuracy is measured on the first that exists and was not trained on


def add_arguments(group: argparse._ActionsContainer, purpose: str) -> None:
    """Add ``--classifier-data DIR`` and ``--classifier-folder DIR``; ``purpose`` ends the help of the first."""
    group.add_argument(
        "--classifier-data",
        type=options.path,
        metavar="DIR",
        help=f"labelled pictures in CelebA's layout (or with attributes.csv); {purpose}",
    )
    group.add_argument(
        "--classifier-folder",
        type=options.path,
        metavar="DIR",
        help=f"where trained classifiers are kept (default {FOLDER})",
    )


def classifier(
    args: argparse.Namespace, model: Flow, split: str, settings: ClassifierSettings | None = None
) -> StoredClassifier:
    """Return the classifier of a split of ``--classifier-data`` at the picture size of ``model``, cached or trained."""

    def open_split(split: str, limit: int | None = None) -> PictureSet:
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
            return first, open_split(first, HELD_OUT_PICTURES)
        except DataError:  # some copies of the set lack that split
            return second, open_split(second, HELD_OUT_PICTURES)

    folder = FOLDER if args.classifier_folder is None else args.classifier_folder
    return cached_classifier(open_split(split), held_out, folder, settings, progress=not args.quiet)
