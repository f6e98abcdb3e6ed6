"""The command ``photos``: try a model on a folder of photos."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

from explorer.cli.options import add_model, open_engine, path, read
from explorer.edits.recipe import STRENGTH_LIMIT, EditRecipe
from explorer.engines import models
from explorer.engines.engine import Engine
from explorer.portraits import photo_folder
from explorer.portraits.photos import Photo
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
        "--data", type=path, required=True, metavar="DIR", help="folder of uncropped photos, those below it included"
    )
    p.add_argument(
        "--strength",
        type=float,
        default=2.0,
        metavar="X",
        help="strength of the edits, from -5 to 5; one edit is made per attribute (default 2)",
    )
    p.add_argument("--skip-broken", action="store_true", help="leave out photos that cannot be read")
    p.add_argument("--json", action="store_true", help="print the summary as JSON to stdout")
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
            trials.append(try_photo(engine, read(args.data / name), args.strength))
        except ImageError as error:
            if not args.skip_broken:
                raise ImageError(
                    f"{printable(name, 120)}: {error}; --skip-broken leaves out what cannot be read, "
                    "and python -m glowcore scan lists it"
                ) from error
            skipped.append((name, str(error)))
    console.say_skipped(skipped)
    console.say_passed_over(others)
    if not trials:
        files = f"{counted(len(skipped), 'file')}, {photo_folder.SUFFIXES}"
        raise ConfigError(f"--data {args.data} holds no photo that can be read ({files})")
    figures = figures_of(trials)
    if args.json:
        console.print_json(figures)
    else:
        print(in_words(figures))
    return 0


def try_photo(engine: Engine, data: bytes, strength: float) -> dict[str, Any]:
    """Try a model on one photo, with one edit of the given strength for each attribute.

    Returns:
        ``faces`` (1 if a face was found; without one the centre crop is used), ``pixels_changed`` by encoding and
        decoding at 8 bits, ``edits``, ``edits_finite`` (the number with finite values only) and ``bits_per_dim``.

    Raises:
        ImageError: the file is not a picture of an accepted format.
    """
    photo = Photo.read(data)
    picture = photo.aligned(min(engine.image_size), photo.source).image
    encoded = engine.encode(picture)
    recipes = [EditRecipe(photo.source, ((n, strength),), model=engine.model_hash) for n in engine.attribute_names]
    return {
        "faces": int(bool(photo.found)),
        "pixels_changed": encoded.pixels_changed,
        "edits": len(recipes),
        "edits_finite": sum(engine.render(recipe, picture).finite for recipe in recipes),
        "bits_per_dim": encoded.bits_per_dim,
    }


def figures_of(trials: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the number of trials, their sums, and the mean bits per dimension."""
    sums = {name: sum(trial[name] for trial in trials) for name in trials[0]}
    return {"pictures": len(trials), **sums, "bits_per_dim": sums["bits_per_dim"] / len(trials)}


def in_words(figures: Mapping[str, Any]) -> str:
    """Return the figures of ``figures_of`` in a few lines."""
    finite = f"{figures['edits_finite']} of {figures['edits']}"
    return "\n".join(
        [
            f"faces found              {figures['faces']} of {figures['pictures']}",
            f"pixels changed at 8 bits {figures['pixels_changed']}",
            f"edits finite             {finite if figures['edits'] else 'none made: the model has no attributes'}",
            f"bits/dim, at most        {figures['bits_per_dim']:.3f}",
        ]
    )
