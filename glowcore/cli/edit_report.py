"""``evaluate --edits``: judge edits by a classifier; print JSON, a table or Markdown, and write a picture of strips."""

from __future__ import annotations

import argparse
import shlex
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from glowcore import checkpoint, images
from glowcore.captions import caption
from glowcore.classes import num_classes
from glowcore.classifiers.classifier import accuracy
from glowcore.cli import classifiers, console, edit_tables, options, pictures
from glowcore.errors import ConfigError
from glowcore.evaluation.edits import MOST_PICTURES, STRENGTHS, EditStrip, evaluate_edits
from glowcore.grids import grid
from glowcore.storage import output
from glowcore.text import counted

JUDGE_SPLIT = "train"  # reserved for the judge: `attributes --classifier-data` trains on the other splits
DEFAULT_SPLIT = "test"  # of --data, unless --split says otherwise
#: The options that only ``--edits`` takes.
ARGUMENTS = ("classifier_data", "classifier_folder", "strengths", "pictures", "markdown", "link", "credit", "out")
EXAMPLE = (
    "python -m glowcore evaluate --model pretrained/faces64 --data faces/ --edits --classifier-data celeba/ "
    "--markdown --out edits.png"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that only ``--edits`` takes."""
    group = parser.add_argument_group("edits", f"for example: {EXAMPLE}")
    group.add_argument(
        "--edits", action="store_true", help="measure attribute edits instead, judged by a small classifier"
    )
    classifiers.add_arguments(group, f"the classifier that judges learns from their split {JUDGE_SPLIT}")
    group.add_argument(
        "--strengths", metavar="S[,S...]", help="strengths to try, in sigmas, each above 0 (default 1,2,3)"
    )
    group.add_argument(
        "--pictures", type=int, metavar="N", help=f"at most N pictures per attribute (default {MOST_PICTURES})"
    )
    group.add_argument("--markdown", action="store_true", help="print the result as a Markdown document to stdout")
    group.add_argument(
        "--link", metavar="PATH", help="with --markdown: path of the picture of --out, as seen from the document"
    )
    group.add_argument("--credit", metavar="TEXT", help="with --link: credit for the pictures, printed below it")
    group.add_argument(
        "--out", type=options.path, metavar="PICTURE", help="picture to write, .png or .jpg: strips of edited pictures"
    )


def run(args: argparse.Namespace) -> int:
    """Evaluate edits and return exit code 0."""
    if args.classifier_data is None:
        raise ConfigError(
            "--edits needs --classifier-data DIR: labelled pictures (CelebA's layout) that a classifier "
            "learns from, so that edits are not judged by what made them"
        )
    if args.json and args.markdown:
        raise ConfigError("--json and --markdown both write to stdout, expected one of them")
    options.check_goes_with(args, ("link", "credit"), "--markdown", args.markdown)
    options.check_goes_with(args, ("credit",), "--link", args.link is not None)
    out = None if args.out is None else output.check_path(args.out, pictures.PNG + pictures.JPEG)
    args.strengths = ",".join(f"{s:g}" for s in STRENGTHS) if args.strengths is None else args.strengths
    args.pictures = MOST_PICTURES if args.pictures is None else args.pictures
    strengths = _strengths(args.strengths)
    options.check_range("--pictures", args.pictures, 1, 1_000_000)
    started = time.perf_counter()
    model = options.load_flow(args, attributes=True)
    if num_classes(model):
        raise ConfigError(f"--edits measures models without classes, this one has num_classes {num_classes(model)}")
    tested = options.open_pictures(args, model)
    judge = classifiers.classifier(args, model, JUDGE_SPLIT)
    judge_accuracy = accuracy(judge.net, tested.images, tested.attributes, tested.attribute_names)
    evaluation = evaluate_edits(
        model,
        tested,
        judge.net,
        strengths=strengths,
        most=args.pictures,
        batch_size=args.batch_size,
        progress=not args.quiet,
    )
    for name, reason in evaluation.skipped.items():
        console.say(f"{name} is not measured: {reason}")
    seconds = time.perf_counter() - started
    if args.json:
        console.print_json(
            {
                "edits": [asdict(result) for result in evaluation.results],
                "until_seen": [asdict(result) for result in evaluation.until_seen],
                "skipped": evaluation.skipped,
                "classifier": {**judge.facts, "cached": judge.cached, "accuracy_here": judge_accuracy},
                "split": args.split,
                "seconds": round(seconds, 3),
                "device": str(model.device),
                "model_sha256": checkpoint.fingerprint(args.model),
            }
        )
    elif args.markdown:
        origin = edit_tables.Origin(
            _command(args),
            Path(args.model).resolve().name,
            checkpoint.fingerprint(args.model),
            args.split,
            args.link,
            args.credit,
        )
        print(edit_tables.markdown(evaluation, judge, judge_accuracy, model.attributes, origin))
    else:
        print(edit_tables.words(evaluation, judge, judge_accuracy))
    edits = counted(sum(r.images for r in evaluation.results), "edit")
    console.say(f"{edits} in {seconds:.0f} s, classifier in {judge.folder}")
    if out is not None:
        pictures.save(out, _strip_sheet(evaluation.strips, strengths))
    return 0


def _strip_sheet(strips: Sequence[EditStrip], strengths: Sequence[float]) -> np.ndarray:
    """Return a captioned sheet, one case per row: for each of its pictures the reconstruction, then every strength."""
    rows = [images.to_uint8(strip.pictures.flatten(0, 1)) for strip in strips]
    columns = max(len(row) for row in rows)
    blank = np.full_like(rows[0][:1], 255)
    rows = [np.concatenate([row, blank.repeat(columns - len(row), axis=0)]) for row in rows]
    sheet = grid(np.concatenate(rows), columns=columns, scale=2)
    names = ["unchanged", *(f"{strength:g} sigma" for strength in strengths)]
    return caption(
        sheet,
        [edit_tables.case(strip.attribute, strip.sign) for strip in strips],
        [names[column % len(names)] for column in range(columns)],
    )


def _command(args: argparse.Namespace) -> str:
    """Return the command line that prints the same document."""
    # With the documentation's names for folders: the document must not contain paths of this machine.
    chosen = "" if args.split == DEFAULT_SPLIT else f" --split {args.split}"
    chosen += ("" if args.limit is None else f" --limit {args.limit}") + (" --skip-broken" if args.skip_broken else "")
    command = (
        f"python -m glowcore evaluate --model MODEL --data FACES{chosen} --edits --classifier-data CELEBA "
        f"--strengths {args.strengths} --pictures {args.pictures} --markdown"
    )
    texts = {"out": args.out and Path(args.out).name, "link": args.link, "credit": args.credit}
    return command + "".join(f" --{option} {shlex.quote(value)}" for option, value in texts.items() if value)


def _strengths(text: str) -> list[float]:
    values = [options.number("--strengths", part, 0, 100) for part in text.split(",")]
    if min(values) == 0 or len(set(values)) < len(values):
        raise ConfigError(f"--strengths is {text!r:.40}, expected different numbers above 0, such as 1,2,3")
    return values
