"""The command ``align``: align the faces of a folder of photos for training."""

from __future__ import annotations

import argparse

from explorer.cli.options import path
from explorer.portraits import aligning, photo_folder
from glowcore.cli import console, options
from glowcore.progress import progress_bar
from glowcore.storage import output
from glowcore.text import counted, printable

EXAMPLE = "python -m explorer align --data ~/photos --size 64 --out faces"


def add_parser(commands, summary: str) -> None:
    """Add the command's arguments."""
    p = options.command(commands, "align", summary, EXAMPLE)
    p.add_argument(
        "--data",
        type=path,
        required=True,
        metavar="DIR",
        help="folder of photos, those below it included: sub/a.jpg becomes sub__a.png",
    )
    p.add_argument(
        "--size",
        type=int,
        default=64,
        metavar="N",
        help="width and height of the faces in pixels, from 8 to 1024 (default 64)",
    )
    p.add_argument(
        "--out", type=path, required=True, metavar="DIR", help="folder to write to; what is there already is kept"
    )
    options.add_quiet(p)


def run(args: argparse.Namespace) -> int:
    """Write the aligned faces of a folder of photos; exit code 0, or 1 without any face."""
    options.check_range("--size", args.size, 8, 1024)
    names, others = photo_folder.photos_in(args.data)
    options.check_elsewhere(args.out, args.data)
    pairs = aligning.targets(names, args.out, args.size)
    output.check_folder(args.out, "--out")
    shown = progress_bar(pairs.items(), progress=not args.quiet, unit=" photos")
    result = aligning.align_all(args.data, shown, args.size)
    console.say_first(
        [f"no face found: {printable(name, 120)}" for name in result.faceless], "no face found in {} more"
    )
    console.say_skipped(result.unreadable, "")
    console.say_passed_over(others)
    photos, size = counted(len(pairs), "photo"), f"{args.size}x{args.size}"
    if result.enlarged:
        worst = sorted(result.enlarged.items(), key=lambda entry: -entry[1])
        first = ", ".join(f"{printable(name, 120)} {scale:.1f} times" for name, scale in worst[:5])
        were = "was" if len(worst) == 1 else "were"
        more = ", ..." if len(worst) > 5 else ""
        console.say(f"{counted(len(worst), 'face')} of fewer pixels than {size} {were} enlarged: {first}{more}")
    words = [f"faces of {len(result.written)} of {photos} written to {args.out}, {size}"]
    words += [f"{len(result.kept)} {'was' if len(result.kept) == 1 else 'were'} there already"] if result.kept else []
    words += [f"no face in {counted(len(result.faceless), 'photo')}"] if result.faceless else []
    words += [f"{counted(len(result.unreadable), 'file')} cannot be read"] if result.unreadable else []
    console.say("; ".join(words))
    return 0 if result.written or result.kept else 1
