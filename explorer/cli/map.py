"""The command ``map``: make a model's map from a folder of pictures."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from explorer.atlas.latent_map import FEWEST_PICTURES, MAP_FILE, LatentMap
from explorer.atlas.sheet import most_pictures
from explorer.cli.options import add_model, open_engine
from explorer.edits.recipe import MODEL_DIGITS
from explorer.engines import models
from glowcore import checkpoint
from glowcore.cli import console, options
from glowcore.data import open_dataset
from glowcore.data.folders import list_pictures
from glowcore.data.torchvision_sets import TORCHVISION_PREFIX
from glowcore.errors import CheckpointError, ConfigError, DataError
from glowcore.storage import output
from glowcore.text import counted
from glowcore.training import run_lock

EXAMPLE = "python -m explorer map --model runs/faces --data FACES --split all"
#: A map of fewer pictures than this is told, where other splits have more.
SPARSE = 50


def add_parser(commands, summary: str) -> None:
    """Add the command's arguments."""
    p = options.command(commands, "map", summary, EXAMPLE)
    add_model(p)
    options.add_data(p, "test", "such as may be passed on, since the map shows them; its split train places them")
    p.add_argument("--force", action="store_true", help="replace the map that the model has")


def run(args: argparse.Namespace) -> int:
    """Write the map of a set of pictures into the model's folder; exit code 0.

    The map can be arranged by the attributes of the model. The components are fitted to the pictures of split train,
    unless the map shows these or there are none.
    """
    entry = models.at(args.model)
    path = entry.folder / MAP_FILE
    if path.exists() and not args.force:
        raise ConfigError(f"{path} is there already; --force replaces it")
    output.check_path(path, (path.suffix,))
    run_lock.check_free(entry.folder)  # a map of weights that are about to be replaced would be of no use
    engine = open_engine(entry, args)
    dataset = options.open_pictures_at(args, engine.image_size, most=most_pictures(engine.image_size))
    if len(dataset) < FEWEST_PICTURES:
        raise DataError(
            f"{args.data} has {counted(len(dataset), 'picture')} in split {args.split}, expected {FEWEST_PICTURES} or "
            f"more for a map{'' if args.split == 'all' else '; --split all takes those of every split'}"
        )
    foreign = set(dataset.class_names) - set(engine.class_names)
    if engine.class_names and (foreign or not dataset.class_names):
        raise ConfigError(
            f"{args.data} has {'other classes than' if foreign else 'no classes for'} those of "
            f"{args.model} ({', '.join(engine.class_names)}); expected pictures that it can have learnt"
        )
    training = _training_pictures(args, engine.image_size)
    latent_map = LatentMap.build(
        engine,
        dataset.images.permute(0, 2, 3, 1).contiguous().numpy(),
        dataset.attributes.numpy(),
        dataset.attribute_names,
        fitted_to=training,
        compress=True,
        progress=not args.quiet,
    )
    run_lock.check_free(entry.folder)
    if checkpoint.fingerprint(entry.folder)[:MODEL_DIGITS] != engine.model_hash:
        raise CheckpointError(
            f"{args.model}: its weights were replaced meanwhile, so this map is not stored; "
            "make it again when the training has ended"
        )
    latent_map.save(entry.folder)
    size, share = path.stat().st_size / 1e6, latent_map.explained
    console.say(
        f"wrote {path}: {counted(len(dataset), 'picture')}, {size:.1f} MB; arranged by "
        f"{counted(len(latent_map.scored), 'attribute')} or by two components, which hold {share:.2%} of the variance"
    )
    if training is not None and len(dataset) < min(SPARSE, args.limit or SPARSE):
        console.say("so few make a sparse map; --split all --force makes it of the pictures of every split")
    return 0


def _training_pictures(args: argparse.Namespace, size: tuple[int, int]) -> np.ndarray | None:
    """Return the pictures of split train, uint8 ``[N, H, W, 3]``; None if there are none or the map shows them."""
    if args.split in ("train", "all") or not _has_training_pictures(args):
        return None
    train = open_dataset(
        args.data,
        image_size=size,
        split="train",
        skip_broken=args.skip_broken,
        limit=args.limit,
        cache_dir=args.cache_dir,
        progress=not args.quiet,
    )
    console.say_skipped(train.skipped)
    return train.images.permute(0, 2, 3, 1).numpy()


def _has_training_pictures(args: argparse.Namespace) -> bool:
    if args.data.startswith(TORCHVISION_PREFIX):
        return True
    return bool((list_pictures(Path(args.data), tolerant=args.skip_broken).splits == "train").any())
