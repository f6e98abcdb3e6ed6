"""The command ``render``: render an edit from its token."""

from __future__ import annotations

import argparse
import os
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs

import numpy as np

from explorer.cli.options import add_model, default_model, open_engine, path, read
from explorer.edits import recipe_png
from explorer.edits.recipe import EditRecipe, RecipeError
from explorer.engines import models
from explorer.portraits.photos import Photo
from explorer.session.fitting import aligned_picture
from glowcore.cli import console, options, pictures
from glowcore.errors import CheckpointError
from glowcore.storage import output

EXAMPLE = (
    "python -m explorer render --recipe WzEsWyJzIiwiNyJdLHt9LFtdLFs3MF0sIiJd --out face.png\n"
    "  python -m explorer render --recipe 'http://127.0.0.1:8501/?s=TOKEN' --image holiday.jpg --out face.png"
)


def add_parser(commands, summary: str) -> None:
    """Add the command's arguments."""
    p = options.command(commands, "render", summary, EXAMPLE)
    p.add_argument(
        "--recipe",
        required=True,
        metavar="TOKEN",
        help="the token, the application's address with ?s= and the token in it, or a PNG that it saved",
    )
    p.add_argument("--image", type=path, metavar="PHOTO", help="the photo, if the edit starts from one")
    add_model(p, default="the token's own")
    p.add_argument("--out", required=True, type=options.path, metavar="FILE", help="picture to write, .png")


def run(args: argparse.Namespace) -> int:
    """Render a token to a PNG; exit code 0."""
    out = output.check_path(args.out, pictures.PNG)
    options.check_no_input(out, "--recipe", args.recipe)
    if args.image is not None:
        options.check_no_input(out, "--image", args.image)
    recipe, crop = _recipe(args.recipe)
    entry = models.at(args.model) if args.model else _model_of(recipe)
    photo = Photo.read(read(args.image)) if args.image is not None else None
    if photo is not None and recipe.source.value != photo.key:
        console.say("note: the recipe was made for another picture; its moves are applied to this one")
        recipe = replace(recipe, source=photo.source)
    engine = open_engine(entry, args)
    recipe = replace(recipe, model=engine.model_hash)
    picture = crop if photo is None else None
    if picture is None:
        picture = aligned_picture(recipe.source, engine, photo)
    output.write(out, recipe_png.to_png(engine.render(recipe, picture).picture, recipe))
    console.say(f"wrote {out}")
    return 0


def _recipe(text: str) -> tuple[EditRecipe, np.ndarray | None]:
    """Return the recipe of a token, of a link with a token, or of a PNG file, and the crop if the PNG holds one.

    Raises:
        RecipeError: the text is none of them.
        ImageError: the PNG cannot be read.
    """
    if text.lower().endswith(pictures.PNG):
        contents = recipe_png.read_png(read(Path(text)))
        if contents is None:
            raise RecipeError(f"{text} holds no recipe; expected a PNG as the application saves it")
        return contents
    if os.path.isfile(text):
        raise RecipeError(
            f"{text} is no PNG that the application saved; expected such a PNG, a token or a link with one"
        )
    if "?" in text:
        tokens = parse_qs(text.partition("?")[2].partition("#")[0]).get("s")
        if not tokens:
            raise RecipeError(f"the link {text:.80} holds no edit; expected one with ?s= in it")
        return EditRecipe.from_token(tokens[0]), None
    return EditRecipe.from_token(text), None


def _model_of(recipe: EditRecipe) -> models.ModelEntry:
    """Return the listed model of a recipe's hash, or the default model for a recipe without one."""
    if not recipe.model:
        return default_model()
    entry = models.of_hash(recipe.model)
    if entry is None:
        default_model()  # raises the clearer error if there is no model at all
        raise CheckpointError(
            f"no model here has the recipe's hash {recipe.model}; name one with --model to use it instead"
        )
    return entry
