"""Evaluation of attribute edits by an independent classifier: success, side effects, and validity of the pictures.

Pictures that lack an attribute (by their labels) are encoded, edited by :meth:`AttributeVectors.apply` and decoded. A
classifier that is trained on pictures alone (:mod:`glowcore.classifiers.classifier`) compares them with the unedited
reconstructions. As in the application, pictures and edits for which float32 is not precise enough are repeated in
float64 (:mod:`glowcore.exact`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from glowcore.classifiers.classifier import AttributeClassifier, find_column
from glowcore.devices import on_cpu
from glowcore.errors import DataError
from glowcore.evaluation.until_seen import UntilSeen, until_seen
from glowcore.exact import ExactFlow
from glowcore.images import HALF_STEP
from glowcore.progress import progress_bar

if TYPE_CHECKING:
    from glowcore.data import PictureSet
    from glowcore.flow import Flow

MOST_PICTURES = 500
STRENGTHS = (1.0, 2.0, 3.0)
#: Attributes that are also taken away, from pictures that have them.
OPPOSITES = ("Male", "Young")
BORDER_DIVISOR = 8  # width of the border is 1/8 of the side
MOST_OUTSIDE = 0.01  # share of a picture's values that may lie outside of [0, 1]


@dataclass(frozen=True)
class EditResult:
    """One attribute edited at one strength, over held-out pictures labelled as lacking it.

    Attributes:
        attribute: the attribute.
        strength: in sigmas; negative where the attribute is taken away from pictures labelled as having it.
        images: number of pictures.
        success: share of them that the classifier sees as edited (probability above 0.5, or below where the attribute
            is taken away); an edit that is not finite does not count.
        before: the same share for the unedited reconstructions.
        leak: mean absolute change of the classifier's probabilities of all *other* attributes of the model.
        leak_most: the attribute among these that changes most on average, None if there is no other.
        leak_most_change: its mean absolute change.
        change: mean absolute change of the picture as shown, with values clipped to [0, 1].
        change_border: the same over a border of 1/8 of the side: background and outer hair, which most edits of a face
            should not change.
        finite: share of edited pictures whose values are all finite.
        inside: share of edited pictures of which at least 99 % of the values lie in [0, 1], within half a step of 8
            bits, before clipping.
        values_inside: share of all values that lie there.
        in_float64: number of edits repeated in float64, because float32 was not precise enough for the picture or the
            edit. ``finite`` includes their results.
    """

    attribute: str
    strength: float
    images: int
    success: float
    before: float
    leak: float
    leak_most: str | None
    leak_most_change: float
    change: float
    change_border: float
    finite: float
    inside: float
    values_inside: float
    in_float64: int


@dataclass(frozen=True)
class EditStrip:
    """The first pictures of a case to show, ``[N, 1 + strengths, C, H, W]``, each with its reconstruction first."""

    attribute: str
    sign: int
    pictures: Tensor


@dataclass(frozen=True)
class EditEvaluation:
    """The results of :func:`evaluate_edits`.

    Attributes:
        results: one per attribute, sign and strength.
        until_seen: one per attribute and sign, at the smallest successful strengths.
        strips: one per attribute and sign.
        skipped: reasons why attributes of the model were not measured, by name.
    """

    results: list[EditResult]
    until_seen: list[UntilSeen]
    strips: list[EditStrip]
    skipped: dict[str, str]


@on_cpu()
@torch.inference_mode()
def evaluate_edits(
    model: Flow,
    pictures: PictureSet,
    classifier: AttributeClassifier,
    *,
    strengths: Sequence[float] = STRENGTHS,
    most: int = MOST_PICTURES,
    batch_size: int = 50,
    shown: int = 2,
    progress: bool = False,
) -> EditEvaluation:
    """Evaluate the edits of every attribute of a model on held-out pictures that lack it.

    Args:
        model: with attributes; its fused form encodes and decodes, in float64 where float32 is not enough.
        pictures: held out, with labels of the model's attributes.
        classifier: the judge.
        strengths: positive, in sigmas.
        most: largest number of pictures per attribute; the first that lack it are used.
        batch_size: pictures at once.
        shown: number of pictures per strip, 1 or more.
        progress: show a bar on stderr.

    Raises:
        DataError: no attribute of the model has both labels in ``pictures`` and a column in the classifier.
    """
    judged = [name for name in model.attributes.names if find_column(name, classifier.columns) is not None]
    cases, skipped = _cases(pictures, judged, model.attributes.names, most)
    if not cases:
        raise DataError(
            "no attribute of the model can be measured: "
            + "; ".join(f"{name}: {reason}" for name, reason in skipped.items())[:400]
        )
    exact = ExactFlow(model, backend="torch")
    evaluation = EditEvaluation([], [], [], skipped)
    total = sum(len(rows) for _, _, rows in cases) * (1 + len(strengths))
    with progress_bar(total=total, desc="edits", unit=" pictures", progress=progress) as bar:
        for name, sign, rows in cases:
            measured, strip = [], []
            for part in rows.split(batch_size):
                edited = _edits(exact, model, pictures.images[part], name, sign, strengths)
                images, in_float64 = map(torch.stack, zip(*edited, strict=True))
                seen = torch.stack([classifier.probabilities(step, judged) for step in images]).double()
                measures = torch.stack([_measure(images[0], step) for step in images[1:]])
                if len(measured) * batch_size < shown:
                    strip.append(images[:, :shown])
                measured.append((seen, measures, in_float64))
                bar.update(len(part) * len(images))
            whole = (torch.cat(parts, dim=1) for parts in zip(*measured, strict=True))
            case = _Case(name, sign, strengths, judged, *whole)
            evaluation.results.extend(case.results())
            evaluation.until_seen.append(case.until_seen())
            evaluation.strips.append(EditStrip(name, sign, torch.cat(strip, dim=1)[:, :shown].transpose(0, 1)))
    return evaluation


def _cases(
    pictures: PictureSet, judged: Sequence[str], names: Sequence[str], most: int
) -> tuple[list[tuple[str, int, Tensor]], dict[str, str]]:
    """Return the cases (attribute, +1 or -1, rows of the pictures to edit), and the reasons for skipped attributes."""
    cases, skipped = [], {}
    for name in names:
        if name not in judged:
            skipped[name] = "the classifier has no label for it"
            continue
        if name not in pictures.attribute_names:
            skipped[name] = "the pictures have no label for it"
            continue
        known = pictures.attributes[:, pictures.attribute_names.index(name)]
        for sign, label in ((1, 0), (-1, 1)) if name in OPPOSITES else ((1, 0),):
            rows = (known == label).nonzero()[:most, 0]
            if len(rows):
                cases.append((name, sign, rows))
            else:
                skipped[name] = f"no picture is labelled as {'lacking' if sign > 0 else 'having'} it"
    return cases, skipped


def _edits(
    exact: ExactFlow, model: Flow, images: Tensor, name: str, sign: int, strengths: Sequence[float]
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield decoded pictures, the reconstructions and then the edits of each strength, and bool ``[B]``.

    The latter marks pictures that were computed in float64. All tensors are on the CPU, pictures in float32.
    """
    parts = exact.encode_parts(images)
    order = torch.cat([part.rows for part in parts]).argsort()

    def joined(values: list[Tensor], marks: list[Tensor]) -> tuple[Tensor, Tensor]:
        pictures = torch.cat([part.float().cpu() for part in values])
        return pictures[order], torch.cat([part.cpu() for part in marks])[order]

    yield joined(
        [part.back for part in parts], [torch.full((len(part.rows),), exact.retried(part.latents)) for part in parts]
    )
    for strength in strengths:
        moved = [model.attributes.apply(part.latents, {name: sign * strength}) for part in parts]
        yield joined(*zip(*map(exact.decode_marked, moved), strict=True))


@dataclass(frozen=True, eq=False)
class _Case:
    """The measurements of one attribute and sign on N pictures; row 0 is the reconstruction, then come S strengths.

    Attributes:
        name: the attribute.
        sign: 1 or -1.
        strengths: S numbers.
        judged: the J attributes that the classifier has columns for.
        probabilities: of these, ``[1 + S, N, J]``.
        measures: ``[S, N, 4]`` (:func:`_measure`).
        in_float64: bool ``[1 + S, N]``, the pictures computed in float64.
    """

    name: str
    sign: int
    strengths: Sequence[float]
    judged: Sequence[str]
    probabilities: Tensor
    measures: Tensor
    in_float64: Tensor

    def results(self) -> list[EditResult]:
        """Return one result per strength."""
        seen, leaks = self._seen(), self._leaks()
        others, results = [name for name in self.judged if name != self.name], []
        for index, strength in enumerate(self.strengths):
            leak = leaks[index].mean(0)
            worst = int(leak.argmax()) if len(leak) else None
            # The change of a picture that is not finite is NaN; `finite` counts it.
            change, border = self.measures[index, :, :2].nanmean(0).tolist()
            _, _, finite, inside = self.measures[index].unbind(1)
            results.append(
                EditResult(
                    self.name,
                    self.sign * strength,
                    len(finite),
                    success=_share(seen[index + 1]),
                    before=_share(seen[0]),
                    leak=float(leak.mean()) if len(leak) else 0.0,
                    leak_most=None if worst is None else others[worst],
                    leak_most_change=0.0 if worst is None else float(leak[worst]),
                    change=change,
                    change_border=border,
                    finite=_share(finite),
                    inside=_share(inside >= 1 - MOST_OUTSIDE),
                    values_inside=float(inside.mean()),
                    in_float64=int(self.in_float64[index + 1].sum()),
                )
            )
        return results

    def until_seen(self) -> UntilSeen:
        """Return the averages at the smallest strength at which the attribute is seen in each picture."""
        leak = self._leaks().mean(2).nan_to_num()  # of no others, the mean is NaN
        return until_seen(self.name, self.sign, self.strengths, self._seen(), leak, self.measures[:, :, 0])

    def _seen(self) -> Tensor:
        """Return whether the classifier sees the edit, bool ``[1 + strengths, N]``; row 0 is before the edit."""
        seen = (self.probabilities[:, :, self.judged.index(self.name)] > 0.5) == (self.sign > 0)
        seen[1:] &= self.measures[:, :, 2] == 1
        return seen

    def _leaks(self) -> Tensor:
        """Return the absolute change of the other attributes' probabilities, ``[strengths, N, others]``."""
        probabilities = self.probabilities[:, :, [name != self.name for name in self.judged]]
        return (probabilities[1:] - probabilities[:1]).abs()


def _share(marks: Tensor) -> float:
    return float(marks.double().mean())


def _measure(before: Tensor, after: Tensor) -> Tensor:
    """Return the measurements of edited pictures, ``[B, 4]`` float64.

    The columns are the change, the change of the border (both NaN where a picture is not finite), whether the picture
    is finite, and the share of its values in range.
    """
    finite = after.isfinite().flatten(1).all(1)
    # Clipped, as shown: otherwise a single diverging value would dominate the mean.
    difference = (after.clamp(0, 1) - before.clamp(0, 1)).abs().double()
    width = max(1, min(after.shape[2:]) // BORDER_DIVISOR)
    band = torch.ones(after.shape[2:], dtype=torch.bool)
    band[width:-width, width:-width] = False
    inside = ((after >= -HALF_STEP) & (after <= 1 + HALF_STEP)).double().flatten(1).mean(1)
    changes = torch.stack([difference.flatten(1).mean(1), difference[:, :, band].flatten(1).mean(1)], dim=1)
    changes[~finite] = torch.nan
    return torch.cat([changes, torch.stack([finite.double(), inside], dim=1)], dim=1)
