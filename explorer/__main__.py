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
        "render an edit, the token that the application keeps in its address and in every PNG it saves",
        "python -m explorer render --recipe WzEsWyJzIiwiNyJdLHt9LFtdLFs3MF0sIiJd --out face.png\n"
        "  python -m explorer render --recipe TOKEN --image holiday.jpg --out face.png",
    )
    render.add_argument(
        "--recipe", required=True, metavar="TOKEN", help="what follows ?s= in the application's address"
    )
    render.add_argument("--image", type=Path, metavar="PHOTO", help="the photo, where the recipe starts from one")
    render.add_argument("--model", metavar="NAME", help="such as pretrained/faces64; by default the recipe's own model")
    _add_device(render)
    render.add_argument("--out", type=Path, required=True, metavar="FILE", help="picture to write, .png")
    chart = options.command(
        known,
        "map",
        "make a model's map from a folder of pictures",
        "python -m explorer map --model pretrained/faces64 --data FACES --split test",
    )
    _add_model(chart)
    _add_data(chart, "folder of pictures that may be passed on")
    _add_device(chart)
    faces = options.command(
        known,
        "faces",
        "count the samples in which a face is found, beside real pictures",
        "python -m explorer faces --model pretrained/faces64 --data FACES --seeds 200 --temperature 0.6,0.8",
    )
    _add_model(faces)
    faces.add_argument("--seeds", type=int, default=1000, metavar="N", help="seeds 0 to N - 1 (default 1000)")
    faces.add_argument(
        "--temperature",
        metavar="T[,T...]",
        help="temperatures to try, one after another, each from 0 to 10, or one a level with / between, finest first "
        "(default: the model's)",
    )
    _add_data(faces, "folder of real pictures to compare with")
    trial = options.command(
        known,
        "photos",
        "take a folder of uncropped photos through the whole way: found, aligned, encoded, decoded, edited",
        "python -m explorer photos --model pretrained/faces64 --data ~/holidays --strength 2",
    )
    _add_model(trial)
    trial.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of uncropped photos")
    trial.add_argument(
        "--strength", type=float, default=2.0, help="of the edits, one an attribute, from -5 to 5 (default 2)"
    )
    trial.add_argument("--skip-broken", action="store_true", help="leave out photos that cannot be read")
    align = options.command(
        known,
        "align",
        "make a folder of photos ready to train on: the face of each, aligned, as a PNG",
        "python -m explorer align --data ~/photos --size 64 --out faces",
    )
    align.add_argument("--data", type=Path, required=True, metavar="DIR", help="photos, in folders within it as well")
    align.add_argument("--size", type=int, default=64, metavar="N", help="pixels a side, from 8 to 1024 (default 64)")
    align.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder to write to; what is there already is left alone"
    )
    return top


def _add_model(command: argparse.ArgumentParser) -> None:
    command.add_argument("--model", required=True, metavar="NAME", help="such as pretrained/faces64")


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
