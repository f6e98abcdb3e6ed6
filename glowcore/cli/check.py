"""``check``: check that a model is exact on this machine."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from glowcore.cli import console, options
from glowcore.data import open_dataset
from glowcore.errors import CheckpointError
from glowcore.evaluation import checking
from glowcore.flow import Flow
from glowcore.images import PICTURE_SUFFIXES
from glowcore.storage.atomic import MANIFEST
from glowcore.tables import plain
from glowcore.text import counted

EXAMPLE = (
    "python -m glowcore check --model pretrained/faces64\n"
    "  python -m glowcore check --model runs/faces --data FACES --limit 100"
)


def add_parser(commands, summary: str) -> None:
    """Add the command's arguments."""
    p = options.command(commands, "check", summary, EXAMPLE)
    options.add_model(p)
    p.add_argument("--samples", type=int, default=8, metavar="N", help="samples of the model to try (default 8)")
    p.add_argument(
        "--odd",
        type=int,
        default=20,
        metavar="N",
        help="out-of-distribution pictures to try: black, noise and the like (default 20)",
    )
    p.add_argument(
        "--data",
        type=options.path,
        metavar="DIR",
        help="pictures of your own to try, laid out as for train (default: the model's own gallery/, where it has one)",
    )
    options.add_skip_broken(p)
    p.add_argument("--limit", type=int, default=32, metavar="N", help="try only the first N of them (default 32)")
    p.add_argument(
        "--seed",
        type=int,
        default=0,
        metavar="N",
        help="seed of the samples, of the pictures of --odd and of the noise (default 0)",
    )
    p.add_argument("--json", action="store_true", help="print the table as JSON to stdout")


def run(args: argparse.Namespace) -> int:
    """Print the table of checks and return exit code 0 if none fails, else 1."""
    for name in ("samples", "odd", "limit"):
        options.check_range(f"--{name}", getattr(args, name), 1, 10_000)
    options.check_seed(args.seed)
    checks = _checks(args)
    passed = all(check.passed is not False for check in checks)
    if args.json:
        console.print_json({"passed": passed, "checks": [asdict(check) for check in checks]})
    else:
        print(table(checks))
    return 0 if passed else 1


def table(checks: list[checking.Check]) -> str:
    """Return the checks as a table for a terminal: name, result, measured value, bound, note."""
    words = {True: "pass", False: "MISS", None: "-"}
    rows = [("check", "result", "measured", "bound", "")]
    rows += [(c.name, words[c.passed], _number(c.measured), _number(c.bound), c.note) for c in checks]
    failed, skipped = (sum(c.passed is value for c in checks) for value in (False, None))
    made = counted(len(checks), "check")
    verdict = f"{made}, {failed} failed" if failed else f"all {len(checks) - skipped} checks pass"
    return f"{plain(rows)}\n{verdict}" + (f", {skipped} not made" if skipped else "")


def _checks(args: argparse.Namespace) -> list[checking.Check]:
    try:
        model = options.load_flow(args)
    except CheckpointError as error:
        if not (Path(args.model) / MANIFEST).is_file():
            raise  # no model there: a mistake in the command, not a failed check
        return [checking.Check("files", None, None, False, str(error))]
    folder = args.data or _gallery(Path(args.model))
    picture_checks = [] if folder is None else _check_pictures(args, model, folder)
    return [
        checking.check_files(args.model),
        *picture_checks,
        *checking.check_model(model, samples=args.samples, probes=args.odd, seed=args.seed),
    ]


def _check_pictures(args: argparse.Namespace, model: Flow, folder: str | Path) -> list[checking.Check]:
    pictures = open_dataset(
        folder,
        image_size=model.image_size,
        channels=model.config.channels,
        skip_broken=args.skip_broken,
        limit=args.limit,
    )
    console.say_remarks(pictures)
    return checking.check_pictures(model, pictures.images, "pictures given" if args.data else "its gallery", args.seed)


def _gallery(model: Path) -> Path | None:
    """Return the model's gallery of pictures, None if it has none."""
    folder = model / "gallery"
    if folder.is_dir() and any(file.suffix.lower() in PICTURE_SUFFIXES for file in folder.iterdir()):
        return folder
    return None


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2g}"
