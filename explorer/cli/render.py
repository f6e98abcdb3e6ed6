"""`render`: an edit from its token."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from explorer import export, models
from explorer.cli.options import add_device, read
from explorer.photos import Photo
from explorer.recipe import EditRecipe
from explorer.sources import aligned_picture
from glowcore.cli import options, pictures
from glowcore.errors import CheckpointError
from glowcore.storage import output

EXAMPLE = (
    "python -m explorer render --recipe WzEsWyJzIiwiNyJdLHt9LFtdLFs3MF0sIiJd --out face.png\n"
    "  python -m explorer render --recipe TOKEN --image holiday.jpg --out face.png"
)


def add_parser(commands, summary: str) -> None:
    """Add the command's arguments."""
    p = options.command(commands, "render", summary, EXAMPLE)
    p.add_argument(
        "--recipe", required=True, metavar="TOKEN", help="the token: what follows ?s= in the application's address"
    )
    p.add_argument("--image", type=Path, metavar="PHOTO", help="the photo, if the edit starts from one")
    p.add_argument(
        "--model", metavar="NAME", help="model to render with, such as pretrained/faces64 (default: the token's own)"
    )
    add_device(p)
    p.add_argument("--out", type=Path, required=True, metavar="FILE", help="picture to write, .png")


def run(args: argparse.Namespace) -> int:
    """Render a token to a PNG; exit code 0."""
    out = output.check_path(args.out, pictures.PNG)
    recipe = EditRecipe.from_token(args.recipe)
    entry = models.at(args.model) if args.model else _model_of(recipe)
    photo = Photo.read(read(args.image)) if args.image is not None else None
    if photo is not None and recipe.source.value != photo.key:
        options.say("note: the recipe was made for another picture; its moves are applied to this one")
        recipe = replace(recipe, source=photo.source)
    engine = models.open_engine(entry, args.device)
    recipe = replace(recipe, model=engine.model_hash)
    picture = aligned_picture(recipe.source, engine, photo)
    output.write(out, export.to_png(engine.render(recipe, picture).picture, recipe))
    return 0


def _model_of(recipe: EditRecipe) -> models.ModelEntry:
    """The listed model a recipe was made with; any model for a recipe that names none."""
    entries = [e for e in models.list_models() if e.usable]
    if not entries:
        raise CheckpointError(f"no model found in pretrained/ or runs/ of {models.where()}")
    if not recipe.model:
        return models.find(models.default_name(entries))
    entry = models.of_hash(recipe.model)
    if entry is None:
        raise CheckpointError(
            f"no model here has the recipe's hash {recipe.model}; name one with --model to use it instead"
        )
    return entry
