"""The command ``photos``: try a model on a folder of photos."""

from __future__ import annotations

import argparse
from pathlib import Path

from explorer.cli import photo_trial
from explorer.cli.options import add_model, open_engine, read
from explorer.edits.recipe import STRENGTH_LIMIT
from explorer.engines import models
from explorer.portraits import photo_folder
from explorer.wording.labels import noun
from glowcore.cli import console, options
from glowcore.errors import ConfigError, ImageError
from glowcore.progress import progress_bar
from glowcore.text import counted, printable

EXAMPLE = "python -m explorer photos --model pretrained/faces64 --data ~/holidays --strength 2"


def add_parser(commands, summary: str) -> None:
    """Add the command's arguments."""
    p = options.command(commands, "photos", summary, EXAMPLE)
    add_model(p)
    p.add_argument(
        "--data", type=Path, required=True, metavar="DIR", help="folder of uncropped photos, those below it included"
    )
    p.add_argument(
        "--strength",
        type=float,
        default=2.0,
        metavar="X",
        help="strength of the edits, from -5 to 5; one edit is made per attribute (default 2)",
    )
    p.add_argument("--skip-broken", action="store_true", help="leave out photos that cannot be read")
    options.add_quiet(p)


def run(args: argparse.Namespace) -> int:
    """Print the summary; exit code 0."""
    options.check_range("--strength", args.strength, -STRENGTH_LIMIT, STRENGTH_LIMIT)
    names, others = photo_folder.photos_in(args.data)
    engine = open_engine(models.at(args.model), args)
    if noun(engine) != "face":
        raise ConfigError(f"--model {args.model} draws classes of pictures, expected a model of faces")
    trials, skipped = [], []
    for name in progress_bar(names, progress=not args.quiet, unit=" photos"):
        try:
            trials.append(photo_trial.try_photo(engine, name, read(args.data / name), args.strength))
        except ImageError as error:
            if not args.skip_broken:
                message = f"{printable(name, 120)}: {error}; --skip-broken leaves out what cannot be read"
                raise ImageError(message) from error
            skipped.append((name, str(error)))
    console.say_skipped(skipped, "")
    console.say_passed_over(others)
    if not trials:
        files = f"{counted(len(skipped), 'file')}, {photo_folder.SUFFIXES}"
        raise ConfigError(f"--data {args.data} holds no photo that can be read ({files})")
    print(photo_trial.summary(trials))
    return 0
