"""The results of ``evaluate --edits`` as tables for a terminal or as a Markdown document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from glowcore.attributes.facts import direction_kind
from glowcore.attributes.vectors import AttributeVectors
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
        model: name of the model.
        weights: SHA-256 of the model's weights.
        split: of the pictures.
        picture: path of the strips as seen from the document, None to show none.
        credit: of these pictures, if any.
    """

    command: str
    model: str
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
            "each picture at the smallest strength that succeeds",
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
        f"Printed by\n\n```\n{origin.command}\n```\n\nfor `{origin.model}`, weights "
        f"`{origin.weights[:16]}`, split `{origin.split}`.",
        "Each attribute is added to `n` held-out pictures that are labelled as lacking it (`not Male`: taken away from "
        "those labelled as having it). The strength is in sigmas, standard deviations of the training encodings along "
        "the direction. A small classifier trained on other data judges the edits.",
        markdown_table(_edit_rows(evaluation.results)),
        "- **seen before**: share of the unedited reconstructions in which the classifier already sees the result of "
        "the edit (probability above 0.5); **success**: the same share after the edit, where an edit that is not "
        "finite does not count.\n"
        "- **leak**: mean absolute change of its probabilities of all other attributes; **moves most**: the attribute "
        "among them that changes most, and its change.\n"
        "- **change**: mean absolute change of the picture, with values clipped to [0, 1]; **at the border**: the same "
        f"over a border of 1/{BORDER_DIVISOR} of the side, which most edits should not change.\n"
        "- **finite**: share of edited pictures whose values are all finite, with the number of edits that float32 "
        "loses and that are therefore repeated in float64, as in the application; **in range**: share of edited "
        f"pictures of which at least {100 * (1 - MOST_OUTSIDE):g} % of the values lie in [0, 1] before clipping, "
        "within half a step of 8 bits.",
    ]
    if origin.picture is not None:
        parts.append(
            f"![Two held-out pictures for each attribute: unchanged, then edited]({origin.picture})"
            + (f"\n\n{origin.credit}" if origin.credit else "")
        )
    parts += [
        "## At the smallest strength that succeeds",
        "A user who moves a slider stops once the edit shows. Here each picture in which the attribute is not seen "
        f"before is edited at the smallest of the strengths {tried} at which it is seen, or at the largest if it never "
        "is.",
        markdown_table(_until_seen_rows(evaluation.until_seen)),
        "## The classifier",
        f"Trained on {facts['pictures']:,} labelled pictures of another set, not on those edited here nor on latents. "
        "Its probabilities assume that an attribute is as common as its absence. **Accuracy** is the mean over both "
        f"classes at the threshold 0.5: on {facts['held_out']:,} other pictures of its own set (split "
        f"`{facts['held_out_split']}`), and on the labels of the pictures edited here. Where it is low, success and "
        "leak mean little.",
        markdown_table(_judge_rows(judge, accuracy)),
        "## The directions",
        "How each was made (`glowcore/attributes/directions.py`, `glowcore/attributes/refinement.py`), its sigma, and "
        "the share of each level that shrinking by the sampling error keeps (finest first). For a refined direction: "
        "its cosine to the direction that the descent started from, and success and leak before and after, at 3 sigma "
        "on held-out training pictures, by the fit's own classifiers. The loss on these pictures decided whether it "
        "was kept." + _fit_classifiers(attributes),
        markdown_table(_direction_rows(attributes)),
    ]
    return "\n\n".join(parts)


def _fit_classifiers(attributes: AttributeVectors) -> str:
    """Return a sentence on the other classifiers that directions were refined with, "" if there were none."""
    counts = [known["pictures"] for known in attributes.source.get("classifiers", [])]
    if not counts:
        return ""
    return (
        f" Beside the fit's own labels, they were trained on {' and '.join(f'{n:,}' for n in counts)} labelled "
        "pictures of another set, of a split that the classifier above was not trained on."
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
