"""``edit``: move attributes of a picture."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import torch

from glowcore import output
from glowcore.attributes import MAX_STRENGTH
from glowcore.cli import options, pictures
from glowcore.errors import ConfigError
from glowcore.exact import REACH
from glowcore.images import printable

EXAMPLE = (
    "python -m glowcore edit --model pretrained/faces64 --image face.png --set Smiling=2.0 --set Young=-1 "
    "--lock Male --out edited.png"
)


def add_parser(commands, summary: str) -> None:
    """Add the command's arguments."""
    p = options.command(commands, "edit", summary, EXAMPLE)
    options.add_model(p)
    p.add_argument("--image", required=True, metavar="PICTURE",
                   help="an aligned picture; one of another size is cropped to the model's shape and area-averaged")
    p.add_argument("--set", action="append", required=True, metavar="NAME=STRENGTH",
                   help="move an attribute, in standard deviations of the training data; once for every attribute")
    p.add_argument("--lock", action="append", default=[], metavar="NAME",
                   help="an attribute whose score the moves of the others must not change")
    pictures.add_class(p)
    p.add_argument("--out", required=True, metavar="FILE", help="picture to write, .png or .jpg")


@torch.inference_mode()
def run(args: argparse.Namespace) -> int:
    """Edit; exit code 0, or 1 with nothing written where the edit leaves the model's range."""
    out = output.check_path(args.out, pictures.PNG + pictures.JPEG)
    strengths = read_strengths(args.set)
    model = options.load_flow(args)
    if model.attributes is None:
        raise ConfigError(f"{args.model} has no attributes yet; python -m glowcore attributes --model {args.model} "
                          "--data DIR fits them")
    attributes, y = model.attributes, pictures.label(model, args.label)
    for name in [*strengths, *args.lock]:
        attributes.sigma(name)  # an unknown name is told before the work
    exact = pictures.exact(model)
    before = pictures.encode(exact, args.image, y)
    after = attributes.apply(before, strengths, locked=args.lock)
    picture, lost = pictures.show(pictures.decode(exact, after), REACH)
    if lost:
        options.say(f"error: {' '.join(args.set)} takes {printable(args.image)} out of the model's range, to values "
                    f"that are not finite or more than {REACH:g} outside of 0 to 1, in float64 too; nothing "
                    "is written; a strength nearer to 0, or a picture more like those it has learnt, may do")
        return 1
    for name in dict.fromkeys([*strengths, *args.lock]):
        scores = [float(attributes.score(latents, name)) for latents in (before, after)]
        options.say(f"{name}: score {scores[0]:+.2f} -> {scores[1]:+.2f}{' (locked)' if name in args.lock else ''}")
    pictures.save(out, picture[0])
    return 0


def read_strengths(texts: Sequence[str]) -> dict[str, float]:
    """Read ``["Smiling=2.0", ...]``.

    Raises:
        ConfigError: no ``=``, no number from -100 to 100, or an attribute twice.
    """
    strengths: dict[str, float] = {}
    for text in texts:
        name, sign, strength = text.rpartition("=")
        name = name.strip()
        if not sign or not name:
            raise ConfigError(f"--set {text!r:.80} is not understood, expected NAME=STRENGTH such as Smiling=2.0")
        if name in strengths:
            raise ConfigError(f"--set {name} is given twice, expected one strength an attribute")
        strengths[name] = pictures.number(f"strength of {name}", strength.strip(), -MAX_STRENGTH, MAX_STRENGTH)
    return strengths
