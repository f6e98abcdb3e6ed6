"""``evaluate --edits``: the classifier, the measurement, and the result as JSON, words, Markdown or a picture."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from glowcore import checkpoint, images, output
from glowcore.attribute_classifier import accuracy
from glowcore.captions import caption
from glowcore.classifier_store import StoredClassifier, cached_classifier
from glowcore.cli import options, pictures
from glowcore.data import PictureSet, open_dataset
from glowcore.edit_evaluation import MOST_PICTURES, STRENGTHS, EditResult, EditStrip, evaluate_edits
from glowcore.errors import ConfigError, DataError
from glowcore.flow import Flow
from glowcore.grids import grid

FOLDER = "runs/classifiers"
HELD_OUT_PICTURES = 3000
EXAMPLE = ("python -m glowcore evaluate --model pretrained/faces64 --data faces/ --edits --classifier-data celeba/ "
           "--markdown --out edits.png")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what only ``--edits`` takes."""
    group = parser.add_argument_group("edits", f"such as: {EXAMPLE}")
    group.add_argument("--edits", action="store_true",
                       help="measure attribute edits instead, judged by a small classifier")
    group.add_argument("--classifier-data", metavar="DIR",
                       help="labelled pictures in CelebA's layout (or with attributes.csv) to train the classifier on")
    group.add_argument("--classifier-folder", default=FOLDER, metavar="DIR",
                       help=f"where trained classifiers are kept (default {FOLDER})")
    group.add_argument("--strengths", default=",".join(f"{s:g}" for s in STRENGTHS), metavar="S[,S...]",
                       help="in sigmas, each above 0 (default 1,2,3)")
    group.add_argument("--pictures", type=int, default=MOST_PICTURES, metavar="N",
                       help=f"at most N pictures for each attribute (default {MOST_PICTURES})")
    group.add_argument("--markdown", action="store_true", help="print the tables as Markdown to stdout")
    group.add_argument("--out", metavar="PICTURE", help="strips of edited pictures to write, .png or .jpg")


def run(args: argparse.Namespace) -> int:
    """Measure edits; exit code 0."""
    if args.classifier_data is None:
        raise ConfigError("--edits needs --classifier-data DIR: labelled pictures (CelebA's layout) that a classifier "
                          "learns from, so that edits are not judged by what made them")
    if args.json and args.markdown:
        raise ConfigError("--json and --markdown both write to stdout, expected one of them")
    out = output.check_path(args.out, pictures.PNG + pictures.JPEG) if args.out else None
    strengths = _strengths(args.strengths)
    options.check_range("--pictures", args.pictures, 1, 1_000_000)
    started = time.perf_counter()
    model = options.load_model(args)
    if model.attributes is None:
        raise ConfigError(f"{args.model} has no attributes yet; python -m glowcore attributes --model {args.model} "
                          "--data DIR fits them")
    if getattr(model.config, "num_classes", 0):
        raise ConfigError("--edits measures models without classes, this one has num_classes "
                          f"{model.config.num_classes}")
    tested = options.open_pictures(args, model)
    judge = _classifier(args, model)
    own = accuracy(judge.net, tested.images, tested.attributes, tested.attribute_names)
    found = evaluate_edits(model, tested, judge.net, strengths=strengths, most=args.pictures,
                           batch_size=args.batch_size, progress=not args.quiet)
    for name, reason in found.skipped.items():
        options.say(f"{name} is not measured: {reason}")
    seconds = time.perf_counter() - started
    if args.json:
        options.print_json({
            "edits": [asdict(result) for result in found.results], "skipped": found.skipped,
            "classifier": {**judge.facts, "cached": judge.cached, "accuracy_here": own},
            "split": args.split, "seconds": round(seconds, 3), "device": str(model.device),
            "model_sha256": checkpoint.fingerprint(args.model),
        })
    elif args.markdown:
        print(_markdown(args, found.results, judge, own, model))
    else:
        options.say(_words(found.results, judge, own))
    options.say(f"{sum(r.images for r in found.results)} edits in {seconds:.0f} s, classifier in {judge.folder}")
    if out is not None:
        pictures.save(out, strip_sheet(found.strips, strengths))
    return 0


def strip_sheet(strips: Sequence[EditStrip], strengths: Sequence[float], scale: int = 2) -> np.ndarray:
    """Lay strips out, a case a row: its name, then for each of its pictures the reconstruction and every strength."""
    rows = [images.to_uint8(strip.pictures.flatten(0, 1)) for strip in strips]
    columns = max(len(row) for row in rows)
    blank = np.full_like(rows[0][:1], 255)
    rows = [np.concatenate([row, blank.repeat(columns - len(row), axis=0)]) for row in rows]
    sheet = grid(np.concatenate(rows), columns=columns, scale=scale)
    names = ["unchanged", *(f"{strength:g} sigma" for strength in strengths)]
    return caption(sheet, [_case(strip.attribute, strip.sign) for strip in strips],
                   [names[column % len(names)] for column in range(columns)])


def _classifier(args: argparse.Namespace, model: Flow) -> StoredClassifier:
    def opened(split: str, limit: int | None = None) -> PictureSet:
        return open_dataset(args.classifier_data, image_size=model.image_size, channels=model.config.channels,
                            split=split, skip_broken=args.skip_broken, limit=limit, cache_dir=args.cache_dir,
                            progress=not args.quiet)

    def held_out() -> tuple[str, PictureSet]:
        try:
            return "valid", opened("valid", HELD_OUT_PICTURES)
        except DataError:  # not every copy of the set has a split of that name
            return "test", opened("test", HELD_OUT_PICTURES)

    return cached_classifier(opened("train"), held_out, args.classifier_folder, progress=not args.quiet)


def _strengths(text: str) -> list[float]:
    values = [pictures.number("--strengths", part, 0, 100) for part in text.split(",")]
    if min(values) == 0 or len(set(values)) < len(values):
        raise ConfigError(f"--strengths is {text!r:.40}, expected different numbers above 0, such as 1,2,3")
    return values


def _case(name: str, sign: float) -> str:
    return name if sign > 0 else f"not {name}"


def _edit_rows(results: Sequence[EditResult]) -> list[Sequence[str]]:
    rows: list[Sequence[str]] = [("edit", "strength", "n", "seen before", "success", "leak", "moves most", "change",
                                  "at the border", "finite", "in range")]
    for r in results:
        most = "-" if r.leak_most is None else f"{r.leak_most} {r.leak_most_change:.2f}"
        rows.append((_case(r.attribute, r.strength), f"{r.strength:+g}", str(r.images), _percent(r.before),
                     _percent(r.success), f"{r.leak:.3f}", most, f"{r.change:.3f}", f"{r.change_border:.3f}",
                     _percent(r.finite), _percent(r.inside)))
    return rows


def _judge_rows(judge: StoredClassifier, own: dict[str, Any]) -> list[Sequence[str]]:
    rows: list[Sequence[str]] = [("attribute", "column", "accuracy, own held-out", "AUC", "accuracy here", "AUC here",
                                  "n with", "n without")]
    for name, here in own.items():
        column = judge.net.column_of(name)
        there = judge.facts["accuracy"].get(column, {})
        rows.append((name, column, _percent(there.get("balanced_accuracy")), _three(there.get("auc")),
                     _percent(here["balanced_accuracy"]), _three(here["auc"]), str(here["with"]),
                     str(here["without"])))
    return rows


def _words(results: Sequence[EditResult], judge: StoredClassifier, own: dict[str, Any]) -> str:
    return "\n\n".join(["classifier (accuracy is the mean of both classes')", _plain(_judge_rows(judge, own)),
                        _plain(_edit_rows(results))])


def _markdown(
    args: argparse.Namespace, results: Sequence[EditResult], judge: StoredClassifier, own: dict[str, Any], model: Flow
) -> str:
    directions = [(name, model.attributes.info(name)) for name in model.attributes.names]
    facts = judge.facts
    return "\n".join([
        f"Model weights `{checkpoint.fingerprint(args.model)[:16]}`, split `{args.split}`.", "",
        _table(_edit_rows(results)), "",
        f"The classifier: trained on {facts['pictures']:,} pictures; accuracy is the mean of both classes' at the "
        f"threshold 0.5, on {facts['held_out']:,} others of its own set (split `{facts['held_out_split']}`) and on the "
        "labels of the pictures edited here.", "",
        _table(_judge_rows(judge, own)), "",
        "The directions and what chose them:", "",
        _table([("attribute", "sigma", "norm", "direction"),
                *((name, f"{info['sigma']:.2f}", f"{info['norm']:.2f}", json.dumps(info.get("direction", "mean")))
                  for name, info in directions)]),
    ])


def _table(rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "| " + " | ".join(["---"] * len(rows[0])) + " |", *lines[1:]])


def _plain(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
                     for row in rows)


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"


def _three(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
