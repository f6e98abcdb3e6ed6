"""The command ``faces``: the share of samples, and of real pictures, in which a face is found."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np

from explorer.catalogue.temperatures import to_text
from explorer.cli.options import add_model, open_engine
from explorer.engines import models
from explorer.pixels import lost_pictures
from explorer.portraits import face_check
from glowcore.cli import console, options
from glowcore.errors import ConfigError
from glowcore.temperature import HIGHEST, from_text
from glowcore.text import counted

EXAMPLE = "python -m explorer faces --model pretrained/faces64 --data FACES --seeds 0:200 --compare 0.6,0.8"
#: Number of seeds listed: those of the samples with the lowest scores of the detector.
LISTED_SEEDS = 9
#: Most samples at a temperature.
MOST_SEEDS = 100_000


def add_parser(commands, summary: str) -> None:
    """Add the command's arguments."""
    p = options.command(commands, "faces", summary, EXAMPLE)
    add_model(p)
    p.add_argument(
        "--seeds",
        default="0:1000",
        metavar="A:B|N[,N...]",
        help="seeds of the samples: A to B - 1, or a list (default 0:1000)",
    )
    p.add_argument(
        "--temperature",
        metavar="T[,T...]",
        help="spread of the noise, one number or one per level, finest first (default: the model's)",
    )
    p.add_argument("--compare", metavar="T,T[,T...]", help="several temperatures, one after another, such as 0.6,0.8")
    options.add_data(p, "test", "real ones, to compare the samples with")


def run(args: argparse.Namespace) -> int:
    """Print the shares; exit code 0, or 1 if samples are not finite, which are left out."""
    drawn = list(dict.fromkeys(options.read_seeds(args.seeds, MOST_SEEDS)))  # one twice would count twice
    if args.compare is not None and args.temperature is not None:
        raise ConfigError("--compare has its own temperatures, expected no --temperature beside it")
    compared = [] if args.compare is None else args.compare.split(",")
    temperatures = [(options.number("--compare", part, 0, HIGHEST),) for part in compared]
    engine = open_engine(models.at(args.model), args)
    if args.temperature is not None:
        temperatures = [from_text(args.temperature, engine.num_levels, name="--temperature")]
    real = options.open_pictures_at(args, engine.image_size).images.permute(0, 2, 3, 1).numpy()
    print(
        f"score >= {face_check.SCORE}, pictures enlarged {face_check.ENLARGE} times; "
        "spread: mean standard deviation of a value in [0, 1] over the pictures"
    )
    code = 0
    for temperature in temperatures or [engine.temperature]:
        pictures = dict(zip(drawn, engine.sample(drawn, temperature), strict=True))
        lost = [drawn[index] for index in lost_pictures.lost(list(pictures.values()))]
        if lost:
            code = 1
            _say_lost(lost, len(drawn), temperature)
        seeds = [seed for seed in drawn if seed not in lost]
        if not seeds:
            continue
        words, scores = face_check.summary(np.stack([pictures[seed] for seed in seeds]))
        least = ",".join(str(seed) for seed in sorted(seeds[index] for index in np.argsort(scores)[:LISTED_SEEDS]))
        samples = f"{counted(len(seeds), 'sample')} at temperature {to_text(temperature)}"
        print(f"{words}: {samples}; least sure at seeds {least}")
    print(f"{face_check.summary(real)[0]}: {counted(len(real), 'real picture')}")
    return code


def _say_lost(seeds: Sequence[int], count: int, temperature: Sequence[float]) -> None:
    """Print the first few seeds whose samples are not finite."""
    first = ", ".join(map(str, seeds[:5])) + (", ..." if len(seeds) > 5 else "")
    console.say(
        f"error: {len(seeds)} of {counted(count, 'sample')} at temperature {to_text(temperature)} (of seed {first}) "
        "hold values that are not finite, in float64 too, and are left out; a lower temperature may do"
    )
