"""The command ``edit``: edit the face in a photo and put it back."""

from __future__ import annotations

import argparse
from pathlib import Path

from explorer.cli.options import add_model, default_model, open_engine, path, read
from explorer.edits import recipe_png
from explorer.edits.recipe import STRENGTH_LIMIT, EditRecipe, Source
from explorer.engines import models
from explorer.engines.engine import Engine
from explorer.portraits.photos import Photo
from explorer.session.editor_view import NO_FACE, exactness, strengths, verdict
from explorer.wording.labels import noun, ordered, words
from glowcore.cli import console, options, pictures
from glowcore.cli.edit import read_strengths, say_locked_moves
from glowcore.errors import ConfigError
from glowcore.image_decoding import MAX_WORKING_PIXELS
from glowcore.images import is_transparent
from glowcore.storage import output
from glowcore.text import counted, printable

EXAMPLE = (
    "python -m explorer edit --image holiday.jpg --set Smiling=2 --lock Male --out smiling.png\n"
    "  python -m explorer edit --image holiday.jpg --set Young=-1.5 --face 2 --aligned --out older.png"
)


def add_parser(commands, summary: str) -> None:
    """Add the command's arguments."""
    p = options.command(commands, "edit", summary, EXAMPLE)
    p.add_argument(
        "--image",
        type=path,
        required=True,
        metavar="PHOTO",
        help="the photo, as a camera took it; without a face in it, its centre is edited",
    )
    p.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=STRENGTH",
        help="move an attribute by so many standard deviations, from -5 to 5; may be given once per attribute. NAME is "
        "that of the library (python -m glowcore info --model DIR lists a model's) or of the application, in any case",
    )
    options.add_lock(p)
    p.add_argument(
        "--face",
        type=int,
        metavar="N",
        help="which face, where there are several: 1 (default) is the largest and most central",
    )
    p.add_argument("--aligned", action="store_true", help="write the aligned face alone, as the model sees it")
    add_model(p, default="the one that the application opens with")
    p.add_argument(
        "--out",
        required=True,
        type=options.path,
        metavar="FILE",
        help="picture to write, .png or .jpg; with --aligned .png, with the recipe inside",
    )


def run(args: argparse.Namespace) -> int:
    """Edit a photo; exit code 0, or 1 without output if the edit leaves the model's range."""
    out = output.check_path(args.out, pictures.PNG if args.aligned else pictures.PNG + pictures.JPEG)
    options.check_no_input(out, "--image", args.image)
    moves = read_strengths(args.set, STRENGTH_LIMIT)
    if not any(moves.values()):
        raise ConfigError("there is nothing to do, expected --set NAME=STRENGTH" + (", not 0" if moves else ""))
    entry = models.at(args.model) if args.model else default_model()
    photo = Photo.read(read(args.image))
    _say_reduced(args.image, photo)
    if is_transparent(photo.data):
        name = printable(str(args.image), 120)
        console.say(f"note: {name} is transparent in places, which are white in the result")
    source = _source(args, photo)
    engine = open_engine(entry, args)
    if noun(engine) != "face":
        raise ConfigError(f"{entry.name} draws classes of pictures, expected a model of faces")
    if not engine.attribute_names:
        raise ConfigError(f"{entry.name} has no attributes yet; {options.fitting(entry.folder)}")
    moves = {_attribute(engine, name): strength for name, strength in moves.items()}
    locks = [_attribute(engine, name) for name in args.lock]
    if len(moves) < len(args.set):
        raise ConfigError(f"--set {' '.join(args.set)}: two names of one attribute, expected one strength for each")
    recipe = EditRecipe(source, tuple(moves.items()), tuple(locks), model=engine.model_hash)
    aligned = photo.aligned(min(engine.image_size), source).image
    rendered = engine.render(recipe, aligned)
    fact, mood = exactness(engine.source(recipe, aligned))
    outcome = verdict(recipe, rendered, engine.prior, of_face=True)
    moved = ", ".join(strengths(recipe))
    if not rendered.in_range:
        console.say(f"error: {moved}: {outcome}; nothing is written; a strength nearer to 0 may do")
        return 1
    console.say(f"{'warning: ' if mood == 'bad' else ''}before the edit: {fact}")
    say_locked_moves(moves, locks)
    console.say(moved if outcome == NO_FACE else f"{moved}: {outcome}")  # _source has said that there is no face
    if args.aligned:
        output.write(out, recipe_png.to_png(rendered.picture, recipe))
        console.say(f"wrote {out}")
    else:
        pictures.save(out, photo.with_edits({source: rendered.picture}))
    return 0


def _attribute(engine: Engine, name: str) -> str:
    """Return the attribute of a name that the user gives, which may also be the one that pages and messages show.

    Raises:
        ConfigError: the model has no attribute of this name.
    """
    names = engine.attribute_names
    if name in names:
        return name
    labels = {a: words(a).label for a in ordered(names, own=names)}
    shown = [a for a, label in labels.items() if name.lower() in (a.lower(), label.lower())]
    if len(shown) == 1:
        return shown[0]
    known = ", ".join(label if label == a else f"{label} ({a})" for a, label in labels.items())
    raise ConfigError(f"this model has no attribute {name!r:.60}; it has {known}")


def _say_reduced(path: Path, photo: Photo) -> None:
    """Print a note if the photo has too many pixels to be used, and written, at its full size."""
    if photo.reduced:
        full, (height, width) = photo.full_size, photo.picture.shape[:2]
        console.say(
            f"note: {printable(str(path), 120)} has {full[0] * full[1] / 1e6:.1f} megapixels and is reduced "
            f"to {width} wide, {height} high, for at most {MAX_WORKING_PIXELS // 10**6} are used"
        )


def _source(args: argparse.Namespace, photo: Photo) -> Source:
    """Return the face that ``--face`` names, else the best one, else the centre crop; print a choice among several.

    Raises:
        ConfigError: the photo has no face of this number.
    """
    count, name = len(photo.found), printable(str(args.image), 120)
    if args.face is not None and not 1 <= args.face <= count:
        expected = f"expected 1 to {count}" if count > 1 else "expected 1" if count else "leave it out"
        raise ConfigError(
            f"--face is {args.face} and {name} has {counted(count, 'face') if count else 'none'}; {expected}"
        )
    if not count:
        console.say(f"no face was found in {name}, so its centre is used")
        return photo.source
    chosen = args.face or 1
    if count > 1:
        console.say(f"{name} has {count} faces, this is face {chosen}; --face N chooses another")
    return Source("photo", photo.key, chosen - 1)
