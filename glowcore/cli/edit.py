"""``edit``: change attributes of a picture, each by one strength, or two of them over a grid."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping, Sequence

import torch

from glowcore import attribute_grid
from glowcore.attribute_grid import Axis
from glowcore.attributes import MAX_STRENGTH
from glowcore.cli import class_option, console, options, pictures
from glowcore.errors import ConfigError
from glowcore.exact import MOST_OUT_OF_RANGE
from glowcore.latents import Latents
from glowcore.storage import output
from glowcore.text import printable

EXAMPLE = (
    "python -m glowcore edit --model pretrained/faces64 --image face.png --set Smiling=2.0 --set Young=-1 "
    "--lock Male --out edited.png"
)
GRID_EXAMPLE = (
    "python -m glowcore edit --model pretrained/faces64 --image face.png "
    "--grid Smiling=-2:2:5,Eyeglasses=-2:2:5 --out grid.png"
)
MOST = 25  # pictures along a side of the grid


def add_parser(commands, summary: str) -> None:
    """Add the command's arguments."""
    p = options.command(commands, "edit", summary, f"{EXAMPLE}\n  {GRID_EXAMPLE}")
    options.add_model(p)
    p.add_argument(
        "--image",
        type=options.path,
        required=True,
        metavar="PICTURE",
        help="an aligned picture; one of another size is cropped to the model's shape and area-averaged",
    )
    p.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=STRENGTH",
        help="move an attribute (info lists a model's) by so many standard deviations of the training data, from "
        f"{-MAX_STRENGTH:g} to {MAX_STRENGTH:g}, usually within 3; may be given once per attribute",
    )
    p.add_argument(
        "--grid",
        metavar="NAME=A:B:N,NAME=A:B:N",
        help="many pictures on one sheet: one attribute changes from strength A to B in N steps from left "
        "to right, another from top to bottom; the edges name both",
    )
    options.add_lock(p)
    class_option.add(p)
    p.add_argument("--out", required=True, type=options.path, metavar="FILE", help="picture to write, .png or .jpg")


@torch.inference_mode()
def run(args: argparse.Namespace) -> int:
    """Edit and return exit code 0, or 1 with nothing written if an edit leaves the model's range."""
    out = output.check_path(args.out, pictures.PNG + pictures.JPEG)
    options.check_no_input(out, "--image", args.image)
    strengths = read_strengths(args.set)
    axes = read_grid(args.grid, strengths) if args.grid is not None else ()
    if not strengths and not axes:
        raise ConfigError("there is nothing to do, expected --set NAME=STRENGTH or --grid NAME=A:B:N,NAME=A:B:N")
    model = options.load_flow(args, attributes=True)
    attributes, y = model.attributes, class_option.chosen(model, args.class_name)
    for name in [*strengths, *args.lock, *(axis.name for axis in axes)]:
        attributes.sigma(name)  # raises for an unknown name before the work
    exact = pictures.with_float64(model)
    before = pictures.encode(exact, args.image, y)
    variants = attribute_grid.moves(*axes) if axes else [{}]
    after = Latents.cat([attributes.apply(before, strengths | moves, locked=args.lock) for moves in variants])
    shown, lost = pictures.show(pictures.decode(exact, after), MOST_OUT_OF_RANGE)
    if lost:
        edit = " ".join([*args.set, *([args.grid] if axes else [])])
        part = f" in {len(lost)} of {len(shown)} pictures" if axes else ""
        console.say(
            f"error: {edit} takes {printable(args.image)} out of the model's range{part}, to values "
            f"that are not finite or more than {MOST_OUT_OF_RANGE:g} outside of 0 to 1, in float64 too; "
            "nothing is written; a strength nearer to 0, or a picture more like those it has learnt, may do"
        )
        return 1
    if axes:
        words = {attribute_grid.TEXT_KEY: attribute_grid.axes_json(*axes)}
        pictures.save(out, attribute_grid.sheet(shown, *axes), words)
        return 0
    say_locked_moves(strengths, args.lock)
    for name in dict.fromkeys([*strengths, *args.lock]):
        scores = [float(attributes.score(latents, name)) for latents in (before, after)]
        print(f"{name}: score {scores[0]:+.2f} -> {scores[1]:+.2f}{' (locked)' if name in args.lock else ''}")
    pictures.save(out, shown[0])
    return 0


def say_locked_moves(strengths: Mapping[str, float], locks: Sequence[str]) -> None:
    """Print a note for every locked attribute that has a strength of its own."""
    for name in strengths:
        if name in locks:
            console.say(
                f"note: {name} is moved by its own strength; its lock only keeps the other moves from changing it"
            )


def read_strengths(texts: Sequence[str], most: float = MAX_STRENGTH) -> dict[str, float]:
    """Parse ``["Smiling=2.0", ...]``.

    Raises:
        ConfigError: a text without ``=`` or without a number from ``-most`` to ``most``, or an attribute twice.
    """
    strengths: dict[str, float] = {}
    for text in texts:
        name, sign, strength = text.rpartition("=")
        name = name.strip()
        if not sign or not name:
            raise ConfigError(f"--set {text!r:.80} is not understood, expected NAME=STRENGTH such as Smiling=2.0")
        if name in strengths:
            raise ConfigError(f"--set {name} is given twice, expected one strength per attribute")
        strengths[name] = options.number(f"strength of {name}", strength.strip(), -most, most)
    return strengths


def read_grid(text: str, strengths: Mapping[str, float]) -> tuple[Axis, Axis]:
    """Parse ``Smiling=-2:2:5,Eyeglasses=-2:2:5`` into the axes across and down.

    Args:
        text: of ``--grid``.
        strengths: of ``--set``, whose attributes must not be on an axis.

    Raises:
        ConfigError: another form, a strength not from -100 to 100, a count not from 2 to 25, or an attribute twice.
    """
    side = "(.+)=([^:,]*):([^:,]*):([^:,]*)"
    match = re.fullmatch(f"{side},{side}", text)
    if match is None:
        raise ConfigError(
            f"--grid {text!r:.80} is not understood, expected NAME=A:B:N,NAME=A:B:N such as "
            "Smiling=-2:2:5,Eyeglasses=-2:2:5"
        )
    across, down = (_axis(*match.groups()[start : start + 4]) for start in (0, 4))
    names = [*strengths, across.name, down.name]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise ConfigError(f"{twice[0]} is given twice, expected two attributes in --grid and others in --set")
    return across, down


def _axis(name: str, first: str, last: str, count: str) -> Axis:
    name = name.strip()
    ends = [options.number(f"strength of {name}", end, -MAX_STRENGTH, MAX_STRENGTH) for end in (first, last)]
    number = int(count) if re.fullmatch(r"\d{1,3}", count) else 0
    if not 2 <= number <= MOST:
        raise ConfigError(f"number of strengths of {name} is {count!r:.40}, expected a whole number from 2 to {MOST}")
    return Axis.even(name, *ends, number)
