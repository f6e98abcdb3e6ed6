"""`map`: a model's map from a folder of pictures."""

from __future__ import annotations

import argparse

from explorer import models
from explorer.cli.options import add_data, add_device, add_model
from explorer.latent_map import LatentMap
from glowcore.cli import options
from glowcore.data import open_dataset

EXAMPLE = "python -m explorer map --model pretrained/faces64 --data FACES --split test"


def add_parser(commands, summary: str) -> None:
    """Add the command's arguments."""
    p = options.command(commands, "map", summary, EXAMPLE)
    add_model(p)
    add_data(p, "folder of pictures that may be passed on, since the map shows them")
    add_device(p)


def run(args: argparse.Namespace) -> int:
    """Encode a set of pictures and write `map.safetensors` into the model's folder; exit code 0."""
    entry = models.find(args.model)
    engine = models.open_engine(entry, args.device)
    found = open_dataset(args.data, image_size=engine.size, split=args.split)
    shown = found.images.permute(0, 2, 3, 1).contiguous().numpy()
    path = LatentMap.build(engine, shown, found.attributes.numpy(), found.attribute_names).save(entry.folder)
    options.say(f"{path}: {len(found)} pictures, {path.stat().st_size / 1e6:.1f} MB")
    return 0
