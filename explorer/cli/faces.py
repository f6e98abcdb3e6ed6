"""`faces`: the share of samples, and of real pictures, in which a face is found."""

from __future__ import annotations

import argparse

import numpy as np

from explorer.catalogue.temperatures import in_words
from explorer.cli.options import add_model, open_engine
from explorer.engines import models
from explorer.portraits import face_check
from glowcore.cli import options, pictures
from glowcore.errors import ConfigError
from glowcore.text import counted

EXAMPLE = "python -m explorer faces --model pretrained/faces64 --data FACES --seeds 200 --temperature 0.6,0.8"
#: How many seeds are named: those of the samples that the detector is least sure of.
NAMED_SEEDS = 9


def add_parser(commands, summary: str) -> None:
    """Add the command's arguments."""
    p = options.command(commands, "faces", summary, EXAMPLE)
    add_model(p)
    p.add_argument("--seeds", type=int, default=1000, metavar="N", help="sample seeds 0 to N - 1 (default 1000)")
    p.add_argument(
        "--temperature",
        metavar="T[,T...]",
        help="temperatures to try, one after another: each a number from 0 to 10, or one per level separated by /, "
        "finest first (default: the model's)",
    )
    options.add_data(p, "test", "real ones, to compare the samples with")


def run(args: argparse.Namespace) -> int:
    """Print the shares; exit code 0."""
    if args.seeds < 1:
        raise ConfigError(f"--seeds is {args.seeds}, expected 1 or more")
    parts = args.temperature.split(",") if args.temperature is not None else []
    temperatures = [tuple(pictures.number("--temperature", t, 0, 10) for t in part.split("/")) for part in parts]
    engine = open_engine(models.at(args.model), args)
    for temperature in temperatures:
        if len(temperature) not in (1, engine.num_levels):
            raise ConfigError(
                f"--temperature {in_words(temperature)} has {len(temperature)} levels, expected {engine.num_levels}"
            )
    real = options.open_pictures_at(args, engine.size).images.permute(0, 2, 3, 1).numpy()
    print(
        f"score >= {face_check.SCORE}, pictures enlarged {face_check.ENLARGE} times; "
        "spread: mean standard deviation of a value in [0, 1] over the pictures"
    )
    for temperature in temperatures or [engine.temperature]:
        words, scores = face_check.summary(np.stack(engine.sample(range(args.seeds), temperature)))
        least = ",".join(str(seed) for seed in sorted(np.argsort(scores)[:NAMED_SEEDS]))
        drawn = f"{counted(args.seeds, 'sample')} at temperature {in_words(temperature)}"
        print(f"{words}: {drawn}; least sure at seeds {least}")
    print(f"{face_check.summary(real)[0]}: {counted(len(real), 'real picture')}")
    return 0
