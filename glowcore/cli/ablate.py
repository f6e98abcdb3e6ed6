"""``ablate``: measure the contribution of each idea of Glow by training small models without it."""

from __future__ import annotations

import argparse
import dataclasses
import signal
from pathlib import Path

from glowcore.ablation import experiment, report
from glowcore.cli import console, options, training_pictures
from glowcore.devices import pick_device
from glowcore.errors import ConfigError, TrainingError, reason
from glowcore.heap import keep_heap
from glowcore.storage import output
from glowcore.training.settings import TrainSettings

EXAMPLE = (
    "python -m glowcore ablate --data faces/ --seeds 3 --out runs/ablation\n"
    "  python -m glowcore ablate --table-only --out runs/ablation"
)
#: Steps of a run unless ``--steps`` or ``--minutes`` says otherwise.
STEPS = 1000
#: Defaults of the other options. In the parser they are None, so that --table-only can refuse them.
DEFAULTS = {
    "image_size": 32,
    "variants": [experiment.BASE_VARIANT, *experiment.VARIANTS],
    "seeds": 3,
    "batch_size": 16,
    "learning_rate": 3e-3,
}


def add_parser(commands, summary: str) -> None:
    """Add the command's arguments."""
    p = options.command(commands, "ablate", summary, EXAMPLE)
    p.add_argument(
        "--data",
        type=options.path,
        metavar="DIR",
        help="folder of pictures with a train and a test split (required, except with --table-only)",
    )
    p.add_argument(
        "--image-size",
        type=options.image_size,
        metavar="N|HxW",
        help=f"side of the pictures in pixels, or height and width (default {DEFAULTS['image_size']})",
    )
    p.add_argument(
        "--variants", nargs="+", metavar="NAME", help=f"what to train (default: {' '.join(DEFAULTS['variants'])})"
    )
    p.add_argument("--seeds", type=int, metavar="N", help=f"runs per variant (default {DEFAULTS['seeds']})")
    length = p.add_mutually_exclusive_group()
    length.add_argument(
        "--steps",
        type=int,
        metavar="N",
        help=f"training steps per run; runs of one seed see the same pictures (default {STEPS})",
    )
    length.add_argument(
        "--minutes",
        type=float,
        metavar="X",
        help="minutes of training per run instead: equal time, but not the same number of pictures",
    )
    p.add_argument("--batch-size", type=int, metavar="N", help=f"pictures per step (default {DEFAULTS['batch_size']})")
    p.add_argument(
        "--learning-rate",
        type=float,
        metavar="X",
        help=f"learning rate after warm-up (default {DEFAULTS['learning_rate']:g})",
    )
    p.add_argument("--limit", type=int, metavar="N", help="evaluate on the first N held-out pictures only")
    options.add_skip_broken(p)
    p.add_argument(
        "--out",
        type=options.path,
        required=True,
        metavar="DIR",
        help="folder for runs.jsonl, ablation.md, ablation.png and models; finished runs are not repeated",
    )
    p.add_argument("--table-only", action="store_true", help="do not train: make table and plot of the runs in --out")
    p.add_argument("--json", action="store_true", help="print the runs as JSON to stdout instead of the table")
    options.add_quiet(p)
    options.add_device(p)


def run(args: argparse.Namespace) -> int:
    """Train the missing runs, then write the table and the plot.

    Returns:
        The exit code: 0, 1 if a run is missing at the end, 130 or 143 after a signal.
    """
    if args.table_only:
        for name in ("data", "steps", "minutes", "limit", "skip_broken", *DEFAULTS):
            if options.is_given(args, name):
                raise ConfigError(
                    f"--{name.replace('_', '-')} is for training, --table-only trains nothing; leave one out"
                )
    for name, value in DEFAULTS.items():
        if getattr(args, name) is None:
            setattr(args, name, value)
    options.check_range("--seeds", args.seeds, 1, 1000)
    out = Path(args.out)
    code = 0 if args.table_only else _train(args, out)
    runs = experiment.read_runs(out)
    if runs:
        _report(args, out, runs)
    elif args.table_only:
        raise ConfigError(f"{out} holds no finished runs; leave --table-only out to make them")
    if code > 128:
        console.say("interrupted; give the same command to go on")
    return code


def _report(args: argparse.Namespace, out: Path, runs: list[experiment.Run]) -> None:
    text = report.table(runs)
    output.write(out / "ablation.md", text.encode())
    console.say(f"wrote {out / 'ablation.md'}")
    try:
        report.plot(runs, out / "ablation.png")
        console.say(f"wrote {out / 'ablation.png'}")
    except ModuleNotFoundError as error:
        if error.name != "matplotlib":
            raise
        console.say("no picture: matplotlib is not installed (requirements-dev.txt has it)")
    if args.json:
        console.print_json({"runs": [dataclasses.asdict(run) for run in runs]})
    else:
        print(text, end="")


def _train(args: argparse.Namespace, out: Path) -> int:
    """Train the missing runs and return the exit code."""
    for name in args.variants:
        experiment.config_of(name, args.image_size)
        if args.variants.count(name) > 1:
            raise ConfigError(f"--variants names {name} more than once, expected different ones")
    if args.data is None:
        raise ConfigError("--data DIR is missing: a folder of pictures to train on")
    output.check_folder(out, "--out")
    training_pictures.check_elsewhere(args, console.say, going_on=bool(experiment.read_runs(out)))
    options.set_threads(args.threads)
    keep_heap()
    steps = STEPS if args.steps is None and args.minutes is None else args.steps
    settings = TrainSettings(
        steps=steps,
        minutes=args.minutes,
        batch_size=args.batch_size,
        warmup_steps=100,
        decay=0.5,
        learning_rate=args.learning_rate,
        eval_minutes=1e6,
        eval_pictures=64,
    )
    pictures = training_pictures.open_splits(args, args.image_size, limit=args.limit)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"--out {out} cannot be made: {reason(error)}") from error
    try:
        setup = experiment.Setup(pictures.train.images, pictures.held_out.images, settings, pick_device(args.device))
        stopped = experiment.run_all(setup, args.variants, args.seeds, out, progress=not args.quiet)
    except KeyboardInterrupt:  # between two trainings, which handle signals themselves
        stopped = signal.SIGINT
    except TrainingError as error:
        console.say(f"error: {error}")
        return 1
    return 0 if stopped is None else 128 + stopped
