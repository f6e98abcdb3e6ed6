"""``scan``: list the pictures of a folder that cannot be read."""

from __future__ import annotations

import argparse
from pathlib import Path

from glowcore.cli import options
from glowcore.data import unreadable_pictures
from glowcore.data.torchvision_sets import TORCHVISION_PREFIX
from glowcore.errors import ConfigError
from glowcore.text import counted, printable

EXAMPLE = "python -m glowcore scan --data faces/"


def add_parser(commands, summary: str) -> None:
    """Add the command's arguments."""
    p = options.command(commands, "scan", summary, EXAMPLE)
    p.add_argument(
        "--data",
        required=True,
        metavar="DIR",
        help="folder of pictures (with attributes.csv or class folders), or CelebA's own layout",
    )
    p.add_argument("--json", action="store_true", help="print the list as JSON to stdout")
    options.add_quiet(p)


def run(args: argparse.Namespace) -> int:
    """Print a line for each file that training could not read; exit code 0 if there is none, else 1."""
    if args.data.startswith(TORCHVISION_PREFIX):
        raise ConfigError(f"--data {args.data} is a set of torchvision, which checks its own files; expected a folder")
    count, broken, others = unreadable_pictures(Path(args.data), progress=not args.quiet)
    if args.json:
        unreadable = [{"file": file, "reason": reason} for file, reason in broken]
        options.print_json({"pictures": count, "unreadable": unreadable, "other_kinds": others})
    else:
        for file, reason in broken:
            print(f"{printable(file, 1000)}: {reason}")
        options.say(f"{counted(count, 'picture')}, {len(broken)} unreadable")
        options.say_passed_over(others)
    return 1 if broken else 0
