"""`align`: a folder of photos made ready for training."""

from __future__ import annotations

import argparse
from pathlib import Path

from explorer.portraits import aligning, photo_folder
from glowcore.cli import options
from glowcore.progress import progress_bar
from glowcore.storage import output
from glowcore.text import counted, printable

EXAMPLE = "python -m explorer align --data ~/photos --size 64 --out faces"


def add_parser(commands, summary: str) -> None:
    """Add the command's arguments."""
    p = options.command(commands, "align", summary, EXAMPLE)
    p.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of photos, those below it included")
    p.add_argument(
        "--size",
        type=int,
        default=64,
        metavar="N",
        help="width and height of the faces in pixels, from 8 to 1024 (default 64)",
    )
    p.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder to write to; what is there already is kept"
    )
    options.add_quiet(p)


def run(args: argparse.Namespace) -> int:
    """Write the aligned faces of a folder of photos; exit code 0, 1 where there is not one."""
    options.check_range("--size", args.size, 8, 1024)
    names, others = photo_folder.photos_in(args.data)
    pairs = aligning.targets(args.data, names, args.out, args.size)
    output.check_folder(args.out, "--out")
    shown = progress_bar(pairs.items(), progress=not args.quiet, unit=" photos")
    done = aligning.align_all(args.data, shown, args.size)
    options.say_first([f"no face found: {printable(name, 120)}" for name in done.faceless], "no face found in {} more")
    options.say_skipped(done.unreadable, "")
    options.say_passed_over(others)
    photos, size = counted(len(pairs), "photo"), f"{args.size}x{args.size}"
    words = [f"faces of {len(done.written)} of {photos} written to {args.out}, {size}"]
    words += [f"{len(done.kept)} {'was' if len(done.kept) == 1 else 'were'} there already"] if done.kept else []
    words += [f"no face in {counted(len(done.faceless), 'photo')}"] if done.faceless else []
    words += [f"{counted(len(done.unreadable), 'file')} cannot be read"] if done.unreadable else []
    options.say("; ".join(words))
    return 0 if done.written or done.kept else 1
