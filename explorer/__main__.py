"""`python -m explorer COMMAND`: what the application shows, without the application, and what its models can do."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from explorer import commands
from glowcore.cli import options
from glowcore.cli.parser import Parser
from glowcore.errors import GlowcoreError

RUN: dict[str, Callable[[argparse.Namespace], None]] = {
    "render": commands.render,
    "map": commands.make_map,
    "faces": commands.count_faces,
    "photos": commands.try_photos,
    "align": commands.align_photos,
}


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = Parser(prog="python -m explorer", description=__doc__)
    known = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    render = options.command(
        known,
        "render",
        "render an edit from its token, which the application keeps in its address and in every PNG it saves",
        "python -m explorer render --recipe WzEsWyJzIiwiNyJdLHt9LFtdLFs3MF0sIiJd --out face.png\n"
        "  python -m explorer render --recipe TOKEN --image holiday.jpg --out face.png",
    )
    render.add_argument(
        "--recipe", required=True, metavar="TOKEN", help="the token: what follows ?s= in the application's address"
    )
    render.add_argument("--image", type=Path, metavar="PHOTO", help="the photo, if the edit starts from one")
    render.add_argument(
        "--model", metavar="NAME", help="model to render with, such as pretrained/faces64 (default: the token's own)"
    )
    _add_device(render)
    render.add_argument("--out", type=Path, required=True, metavar="FILE", help="picture to write, .png")
    chart = options.command(
        known,
        "map",
        "make a model's map from a folder of pictures",
        "python -m explorer map --model pretrained/faces64 --data FACES --split test",
    )
    _add_model(chart)
    _add_data(chart, "folder of pictures that may be passed on, since the map shows them")
    _add_device(chart)
    faces = options.command(
        known,
        "faces",
        "count the samples in which a face is found, and compare with real pictures",
        "python -m explorer faces --model pretrained/faces64 --data FACES --seeds 200 --temperature 0.6,0.8",
    )
    _add_model(faces)
    faces.add_argument("--seeds", type=int, default=1000, metavar="N", help="sample seeds 0 to N - 1 (default 1000)")
    faces.add_argument(
        "--temperature",
        metavar="T[,T...]",
        help="temperatures to try, one after another: each a number from 0 to 10, or one per level separated by /, "
        "finest first (default: the model's)",
    )
    _add_data(faces, "folder of real pictures to compare with")
    trial = options.command(
        known,
        "photos",
        "try a model on a folder of uncropped photos: find and align each face, encode, decode and edit it, and sum up",
        "python -m explorer photos --model pretrained/faces64 --data ~/holidays --strength 2",
    )
    _add_model(trial)
    trial.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of uncropped photos")
    trial.add_argument(
        "--strength",
        type=float,
        default=2.0,
        metavar="X",
        help="strength of the edits, from -5 to 5; one edit is made per attribute (default 2)",
    )
    trial.add_argument("--skip-broken", action="store_true", help="leave out photos that cannot be read")
    align = options.command(
        known,
        "align",
        "make a folder of photos ready for training: find and align the face in each, and write it as a PNG",
        "python -m explorer align --data ~/photos --size 64 --out faces",
    )
    align.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of photos, subfolders included")
    align.add_argument(
        "--size",
        type=int,
        default=64,
        metavar="N",
        help="width and height of the faces in pixels, from 8 to 1024 (default 64)",
    )
    align.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder to write to; what is there already is kept"
    )
    return top


def _add_model(command: argparse.ArgumentParser) -> None:
    command.add_argument("--model", required=True, metavar="NAME", help="model, such as pretrained/faces64")


def _add_data(command: argparse.ArgumentParser, what: str) -> None:
    command.add_argument("--data", required=True, metavar="DIR", help=what)
    command.add_argument("--split", default="test", help="train, valid, test (default) or all")


def _add_device(command: argparse.ArgumentParser) -> None:
    command.add_argument("--device", default="auto", help="auto (default), cpu, cuda or mps")


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; 0 when the work is done, 2 for a user's mistake, 130 when interrupted."""
    given = parser().parse_args(arguments)
    try:
        RUN[given.command](given)
    except GlowcoreError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
