"""``attributes``: fit attribute directions from labelled pictures and store them with the model.

Attributes that the model has already are kept, but for those that are fitted anew.
"""

from __future__ import annotations

import argparse
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from glowcore import checkpoint, classes
from glowcore.attributes.facts import direction_kind
from glowcore.attributes.fit import DIRECTION_CHOICES, fit_attributes
from glowcore.attributes.fittable import fittable
from glowcore.attributes.refinement import RefinementSettings
from glowcore.attributes.vectors import AttributeVectors
from glowcore.classifiers.classifier import ClassifierSettings
from glowcore.cli import classifiers, console, options
from glowcore.data import PictureSet
from glowcore.errors import CheckpointError, ConfigError
from glowcore.heap import keep_heap
from glowcore.storage import output
from glowcore.tables import plain
from glowcore.text import counted
from glowcore.training import run_lock

EXAMPLE = "python -m glowcore attributes --model runs/faces --data faces/ --against Eyeglasses=Male,Young"

#: With another seed than the judge of ``evaluate --edits``, so that not even the initial weights agree.
CLASSIFIER = ClassifierSettings(epochs=8, seed=1)
#: Separation below which a warning is printed; 0.5 is that of a score by chance.
LEAST_SEPARATION = 0.6


def add_parser(commands, summary: str) -> None:
    """Add the command's arguments."""
    p = options.command(commands, "attributes", summary, EXAMPLE)
    options.add_model(p)
    options.add_data(p, split="train")
    p.add_argument(
        "--against",
        action="append",
        default=[],
        metavar="NAME=OTHER[,OTHER...]",
        help="make the direction of NAME, which is fitted, orthogonal to those of the others, fitted or kept; may be "
        "given once per NAME",
    )
    p.add_argument(
        "--without",
        default="",
        metavar="NAME[,NAME...]",
        help="attributes that the fit takes into account but does not store",
    )
    p.add_argument(
        "--replace",
        action="store_true",
        help="drop the attributes that the model has (default: keep all that are not fitted anew)",
    )
    p.add_argument(
        "--directions",
        default=DIRECTION_CHOICES[0],
        choices=DIRECTION_CHOICES,
        help="refined (default): partial, then improved by what they do to decoded pictures, which takes "
        "minutes more; partial: the effect of an attribute with the others held fixed; mean: the "
        "difference of class means, with whatever is correlated with the attribute",
    )
    p.add_argument(
        "--refine-steps",
        type=int,
        metavar="N",
        help=f"descent steps for refined directions (default {RefinementSettings.steps})",
    )
    p.add_argument(
        "--aim",
        type=float,
        metavar="SHARE",
        help="share of edits, by 1.5 to 3 sigma, in which the classifiers should see the attribute; success "
        "beyond that is traded for leaving the rest of the picture as it is (default "
        f"{RefinementSettings.aim:g})",
    )
    classifiers.add_arguments(
        p, "the descent asks a classifier trained on them as well as the one trained on the fit's own labels"
    )
    p.add_argument(
        "--classifier-split",
        choices=("test", "valid"),
        help="split of --classifier-data to learn from (default test); train is reserved for the judge of "
        "evaluate --edits",
    )
    p.add_argument("--batch-size", type=int, default=64, metavar="N", help="pictures per batch (default 64)")
    p.add_argument("--json", action="store_true", help="print the result as JSON to stdout")


def run(args: argparse.Namespace) -> int:
    """Fit and store attribute vectors, and return exit code 0."""
    options.check_range("--batch-size", args.batch_size, 1, 1_000_000)
    refined = ("refine_steps", "aim", "classifier_data")
    options.check_goes_with(args, refined, "--directions refined", args.directions == "refined")
    of_classifier = ("classifier_split", "classifier_folder")
    options.check_goes_with(args, of_classifier, "--classifier-data", args.classifier_data is not None)
    steps = RefinementSettings.steps if args.refine_steps is None else args.refine_steps
    aim = RefinementSettings.aim if args.aim is None else args.aim
    options.check_range("--refine-steps", steps, 1, 1_000_000)
    options.check_range("--aim", aim, 0, 1)
    against = _against(args.against)
    left_out = [name for name in args.without.split(",") if name]
    output.check_folder(args.model, "--model")  # now rather than after the fit
    run_lock.check_free(Path(args.model))  # a training would overwrite the attributes at its next save
    keep_heap()
    before = checkpoint.fingerprint(args.model)
    model = options.load_flow(args)
    if count := classes.num_classes(model):
        raise ConfigError(
            f"{args.model} is a class-conditional model of {count} classes, expected one without: the "
            "application moves attributes of photos whose class it does not know; "
            "glowcore.attributes.fit.fit_attributes fits them with the classes"
        )
    pictures = options.open_pictures(args, model)
    before_fit = model.attributes
    known = None if args.replace else before_fit
    had = before_fit.names if before_fit else ()
    _check_names(pictures, against, left_out, () if args.replace else had, had if args.replace else ())
    ensemble = []
    if args.classifier_data is not None:
        ensemble.append(classifiers.classifier(args, model, args.classifier_split or "test", CLASSIFIER))
    if args.directions == "refined":
        console.say(
            f"refining through the decoder in {counted(steps, 'step')} can take minutes; fewer "
            "--refine-steps or --directions partial shorten it"
        )
    vectors = fit_attributes(
        model,
        pictures,
        args.batch_size,
        directions=args.directions,
        refinement=RefinementSettings(steps=steps, aim=aim),
        classifiers=ensemble,
        progress=not args.quiet,
    )
    stored = [name for name in vectors.names if name not in left_out]
    if known and (stay := [name for name in left_out if name in known.names]):
        vectors = vectors.without(stay)  # so that --against refers to those that the model keeps
    every = known.joined(vectors) if known else vectors
    for name, others in against.items():
        every = every.orthogonalise(name, others)
    vectors = every.only(stored)
    run_lock.check_free(Path(args.model))
    if checkpoint.fingerprint(args.model) != before:
        raise CheckpointError(
            f"{args.model}: its weights were replaced meanwhile, so these attributes are not stored; "
            "fit them again when the training has ended"
        )
    model.attributes = known.joined(vectors) if known else vectors
    checkpoint.save(model, args.model)
    console.say_first(_remarks(before_fit, vectors), "and {} more lines like these")
    if args.json:
        console.print_json(model.attributes.metadata())
    else:
        print(_table(vectors))
        console.say(_outcome(args.model, had, stored, model.attributes.names))
    return 0


def _remarks(before: AttributeVectors | None, fitted: AttributeVectors) -> list[str]:
    """Return a line for each attribute that hardly separates its pictures, or replaces a better one of the model.

    A better one has a separation higher by 0.01 or more, or is refined where the new one is not.

    Args:
        before: the model's attributes before the fit.
        fitted: those stored.
    """
    lines = []
    for name in fitted.names:
        new = fitted.info(name)
        separation = new["separation"]
        if separation is not None and separation < LEAST_SEPARATION:
            lines.append(
                f"warning: {name} has a separation of {separation:.3f}, and 0.5 is that of chance: its labels may "
                "be wrong or too few, or the model does not show it"
            )
        if before is None or name not in before.names:
            continue
        old = before.info(name)
        falls = old.get("separation") is not None and (separation is None or separation <= old["separation"] - 0.01)
        if falls or (_kind(old) == "refined" and _kind(new) != "refined"):
            lines.append(
                f"replaced {name} (separation {_separation(old)}, {_kind(old)}) by one of {_separation(new)} "
                f"({_kind(new)})"
            )
    return lines


def _kind(info: Mapping[str, Any]) -> str:
    """Return ``refined``, ``partial`` or ``mean``."""
    return direction_kind(info).split(", ")[-1]


def _separation(info: Mapping[str, Any]) -> str:
    separation = info.get("separation")
    return "-" if separation is None else f"{separation:.3f}"


def _measured_on(info: Mapping[str, Any]) -> str:
    """Return the numbers of held-out pictures with and without an attribute, on which its separation is measured."""
    return f"{info.get('separation_positives', '?')} + {info.get('separation_negatives', '?')}"


def _outcome(folder: str, had: Collection[str], stored: Collection[str], names: Collection[str]) -> str:
    """Return in a line what became of a model's attributes.

    Args:
        folder: the model's.
        had: its attributes before.
        stored: those fitted.
        names: its attributes now.
    """
    parts = [f"stored {counted(len(stored), 'attribute')} in {folder}"]
    groups = {
        "replaced": [name for name in had if name in stored],
        "kept": [name for name in had if name in names and name not in stored],
        "dropped": [name for name in had if name not in names],
    }
    return ", ".join(parts + [f"{word} {len(group)}: {', '.join(group)}" for word, group in groups.items() if group])


def _against(texts: list[str]) -> dict[str, list[str]]:
    """Parse every ``NAME=OTHER[,OTHER...]`` into the others by name."""
    against: dict[str, list[str]] = {}
    for text in texts:
        name, _, others = text.partition("=")
        name, names = name.strip(), [other.strip() for other in others.split(",") if other.strip()]
        if not name or not names:
            raise ConfigError(f"--against {text!r:.80} is not understood, expected NAME=OTHER[,OTHER...]")
        if name in names:
            raise ConfigError(f"--against {text!r:.80} makes {name:.80} orthogonal to itself, expected others")
        if name in against:
            raise ConfigError(f"--against {name:.80} is given twice, expected all its others in one NAME=OTHER,OTHER")
        against[name] = names
    return against


def _check_names(
    pictures: PictureSet,
    against: dict[str, list[str]],
    left_out: list[str],
    kept: Collection[str],
    dropped: Collection[str],
) -> None:
    """Refuse names that are unknown or cannot be fitted, and a fit without attributes, before the hours of encoding.

    ``kept`` are attributes of the model, which ``--against`` may name after the ``=``; ``dropped`` are those that
    ``--replace`` drops.
    """
    usable, refused = fittable(pictures.attributes.numpy(), pictures.attribute_names)
    fitted = [pictures.attribute_names[index] for index in usable]
    others = [*fitted, *(name for name in kept if name not in fitted)]
    for option, name, expected in [
        *(("--against", name, fitted) for name in against),
        *(("--against", name, others) for names in against.values() for name in names),
        *(("--without", name, fitted) for name in left_out),
    ]:
        if name in expected:
            continue
        if name in refused:
            raise ConfigError(f"{option}: {name:.80} cannot be fitted: {refused[name]}")
        if name in dropped:
            raise ConfigError(
                f"{option}: --replace drops {name:.80}, which the model has, expected one of {', '.join(expected)}, "
                "or no --replace"
            )
        raise ConfigError(f"{option}: unknown attribute {name!r:.80}, expected one of " + ", ".join(expected))
    if set(fitted) <= set(left_out):
        raise ConfigError(f"--without {','.join(left_out)} leaves no attribute, expected fewer of {', '.join(fitted)}")


def _table(vectors: AttributeVectors) -> str:
    rows = [("attribute", "positives", "negatives", "separation", "of held-out", "sigma", "direction", "orthogonal to")]
    for name in vectors.names:
        info = vectors.info(name)
        rows.append(
            (
                name,
                str(info["positives"]),
                str(info["negatives"]),
                _separation(info),
                _measured_on(info),
                f"{info['sigma']:.2f}",
                direction_kind(info),
                ", ".join(info.get("orthogonal_to", [])),
            )
        )
    return plain(rows, right=range(1, len(rows[0]) - 1))
