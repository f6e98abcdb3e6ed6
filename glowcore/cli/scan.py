"""``scan``: list the pictures of a folder that cannot be read, and report unused bits."""

from __future__ import annotations

import argparse
from pathlib import Path

from glowcore.cli import console, options
from glowcore.data import scan_pictures
from glowcore.data.folders import list_pictures
from glowcore.data.torchvision_sets import TORCHVISION_PREFIX
from glowcore.errors import ConfigError, DataError
from glowcore.text import counted, printable

EXAMPLE = "python -m glowcore scan --data faces/"


def add_parser(commands, summary: str) -> None:
    """Add the command's arguments."""
    p = options.command(commands, "scan", summary, EXAMPLE)
    p.add_argument(
        "--data",
        type=options.path,
        required=True,
        metavar="DIR",
        help="folder of pictures, those below it included; of a table in it, rows without a picture are listed too",
    )
    p.add_argument("--json", action="store_true", help="print the list as JSON to stdout")
    options.add_quiet(p)


def run(args: argparse.Namespace) -> int:
    """Print a line for each file that training could not read; exit code 0 if there is none, else 1.

    A remark says why training refuses the folder's layout, if it does.
    """
    if args.data.startswith(TORCHVISION_PREFIX):
        raise ConfigError(f"--data {args.data} is a set of torchvision, which checks its own files; expected a folder")
    scan = scan_pictures(Path(args.data), progress=not args.quiet)
    if args.json:
        unreadable = [{"file": file, "reason": reason} for file, reason in scan.unreadable]
        console.print_json({**scan._asdict(), "unreadable": unreadable})
    else:
        for file, reason in scan.unreadable:
            print(f"{printable(file, 1000)}: {reason}")
        console.say(f"{counted(scan.pictures, 'picture')}, {len(scan.unreadable)} unreadable")
        console.say_passed_over(scan.other_kinds)
        console.say_unused_bits(scan.unused_bits, scan.pictures)
    try:
        list_pictures(Path(args.data))
    except DataError as error:
        console.say(f"to train on it: {error}")
    return 1 if scan.unreadable else 0
