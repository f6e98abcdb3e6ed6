"""The results of ``evaluate --edits`` as tables for a terminal or as a Markdown document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from glowcore.attributes.vectors import AttributeVectors, direction_kind
from glowcore.classifiers.store import StoredClassifier
from glowcore.evaluation.edits import BORDER_DIVISOR, MOST_OUTSIDE, EditEvaluation, EditResult
from glowcore.evaluation.until_seen import UntilSeen
from glowcore.tables import Rows, plain
from glowcore.tables import markdown as markdown_table


@dataclass(frozen=True)
class Origin:
    """The facts that a Markdown document states beside the results.

    Attributes:
        command: the command line that prints the document.
        weights: SHA-256 of the model's weights.
        split: of the pictures.
        picture: path of the strips as seen from the document, None to show none.
        credit: of these pictures, if any.
    """

    command: str
    weights: str
    split: str
    picture: str | None = None
    credit: str | None = None


def case(name: str, sign: float) -> str:
    """Return the name of an edit: ``Male``, or ``not Male`` where the attribute is taken away."""
    return name if sign > 0 else f"not {name}"


def words(evaluation: EditEvaluation, judge: StoredClassifier, accuracy: dict[str, Any]) -> str:
    """Return the tables of the classifier and of the edits for a terminal; arguments as of :func:`markdown`."""
    return "\n\n".join(
        [
            "classifier (accuracy is the mean of both classes')",
            plain(_judge_rows(judge, accuracy)),
            plain(_edit_rows(evaluation.results)),
            "each picture moved only as far as it takes",
            plain(_until_seen_rows(evaluation.until_seen)),
        ]
    )


def markdown(
    evaluation: EditEvaluation,
    judge: StoredClassifier,
    accuracy: dict[str, Any],
    attributes: AttributeVectors,
    origin: Origin,
) -> str:
    """Return the whole document.

    Args:
        evaluation: the results.
        judge: the classifier.
        accuracy: of the classifier on the edited pictures (:func:`~glowcore.classifiers.classifier.accuracy`).
        attributes: the vectors of the edits.
        origin: of the results.
    """
    facts = judge.facts
    tried = ", ".join(f"{s:g}" for s in dict.fromkeys(abs(result.strength) for result in evaluation.results))
    parts = [
        "# What edits do",
        f"Printed by\n\n```\n{origin.command}\n```\n\nfor weights `{origin.weights[:16]}`, split `{origin.split}`.",
        "Each attribute is moved on held-out pictures that are labelled as lacking it (`n` of them; `not Male`: on "
        "those labelled as having it, the other way) by a strength in sigmas, the standard deviation of the training "
        "encodings along the direction. A small classifier of other data judges.",
        markdown_table(_edit_rows(evaluation.results)),
        "- **seen before**: share of the untouched reconstructions in which the classifier already sees what is asked "
        "for (probability above 0.5); **success**: the same after the edit, one that is not finite counted as none.\n"
        "- **leak**: mean absolute change of its probabilities of all other attributes; **moves most**: the one of "
        "them that moves most, and by how much.\n"
        "- **change**: mean absolute change of the picture, values clipped to [0, 1]; **at the border**: of the band "
        f"along the four sides, 1/{BORDER_DIVISOR} of the side wide, which most edits have no business in.\n"
        "- **finite**: share of edited pictures whose values are all finite, with the number of those that float32 "
        "loses and that are therefore tried in float64, as in the application; **in range**: share of which at least "
        f"{100 * (1 - MOST_OUTSIDE):g} % of the values lie in [0, 1] before clipping, give or take half a step of 8 "
        "bits.",
    ]
    if origin.picture is not None:
        parts.append(
            f"![Two held-out pictures for each attribute: unchanged, then edited]({origin.picture})"
            + (f"\n\n{origin.credit}" if origin.credit else "")
        )
    parts += [
        "## As far as it takes",
        "A hand on a slider stops when it sees what it wanted. Of the pictures in which the attribute is not seen "
        f"before, each moved by the smallest of the strengths {tried} at which it is; those in which it never is, by "
        "the largest.",
        markdown_table(_until_seen_rows(evaluation.until_seen)),
        "## The classifier",
        f"Trained on {facts['pictures']:,} labelled pictures of another set, never on those edited here nor on any "
        "latent; its probabilities are those of a world where an attribute is as common as its absence. **Accuracy** "
        f"is the mean of both classes' at the threshold 0.5: on {facts['held_out']:,} others of its own set (split "
        f"`{facts['held_out_split']}`), and on the labels of the pictures edited here. Where it is low, success and "
        "leak say little.",
        markdown_table(_judge_rows(judge, accuracy)),
        "## The directions",
        "How each was made (`glowcore/attributes/directions.py`, `glowcore/attributes/refinement.py`), its sigma, how "
        "much of each level sampling left (finest first), and for a refined one the cosine to what statistics gave, "
        "and success and leak before and after, at 3 sigma on held-out training pictures, by the fit's own judge: by "
        "these it was kept or not." + _fit_judge(attributes),
        markdown_table(_direction_rows(attributes)),
    ]
    return "\n\n".join(parts)


def _fit_judge(attributes: AttributeVectors) -> str:
    """Return a sentence on the other classifiers that directions were refined with, "" if there were none."""
    counts = [known["pictures"] for known in attributes.source.get("classifiers", [])]
    if not counts:
        return ""
    return (
        f" Beside the fit's own labels that judge learned from {' and '.join(f'{n:,}' for n in counts)} labelled "
        "pictures of another set, of a split from which the classifier above has not learned."
    )


def _edit_rows(results: Sequence[EditResult]) -> Rows:
    rows = [
        (
            "edit",
            "strength",
            "n",
            "seen before",
            "success",
            "leak",
            "moves most",
            "change",
            "at the border",
            "finite",
            "in range",
        )
    ]
    for r in results:
        most = "-" if r.leak_most is None else f"{r.leak_most} {r.leak_most_change:.2f}"
        rows.append(
            (
                case(r.attribute, r.strength),
                f"{r.strength:+g}",
                str(r.images),
                _percent(r.before),
                _percent(r.success),
                f"{r.leak:.3f}",
                most,
                f"{r.change:.3f}",
                f"{r.change_border:.3f}",
                _percent(r.finite) + (f" ({r.in_float64} tried in float64)" if r.in_float64 else ""),
                _percent(r.inside),
            )
        )
    return rows


def _until_seen_rows(results: Sequence[UntilSeen]) -> Rows:
    rows = [("edit", "n", "success", "mean strength", "leak", "change")]
    for r in results:
        figures = [f"{r.strength:.2f}", f"{r.leak:.3f}", f"{r.change:.3f}"] if r.images else ["-"] * 3
        rows.append((case(r.attribute, r.sign), str(r.images), _percent(r.success if r.images else None), *figures))
    return rows


def _judge_rows(judge: StoredClassifier, accuracy: dict[str, Any]) -> Rows:
    rows = [("attribute", "column", "accuracy, own set", "AUC", "accuracy here", "AUC here", "with", "without")]
    for name, here in accuracy.items():
        column = judge.net.column_of(name)
        there = judge.facts["accuracy"].get(column, {})
        rows.append(
            (
                name,
                column,
                _percent(there.get("balanced_accuracy")),
                _three(there.get("auc")),
                _percent(here["balanced_accuracy"]),
                _three(here["auc"]),
                str(here["with"]),
                str(here["without"]),
            )
        )
    return rows


def _direction_rows(attributes: AttributeVectors) -> Rows:
    rows = [("attribute", "direction", "sigma", "left of each level", "cosine", "success", "leak", "orthogonal to")]
    for name in attributes.names:
        info = attributes.info(name)
        direction = info.get("direction", {})
        factors = ", ".join(f"{factor:.2f}" for factor in direction.get("level_factors", []))
        refined = direction.get("refined")
        changes = ["-"] * 3
        if refined:
            changes = [f"{refined['cosine_with_start']:.2f}"] + [
                f"{refined['before'][key]:.2f} -> {refined['after'][key]:.2f}" for key in ("success", "leak")
            ]
        rows.append(
            (
                name,
                direction_kind(info),
                f"{info['sigma']:.2f}",
                factors or "-",
                *changes,
                ", ".join(info.get("orthogonal_to", [])) or "-",
            )
        )
    return rows


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"


def _three(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
