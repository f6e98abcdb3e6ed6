"""What an edit does, judged from outside: whether it shows, what else it moves, and whether it stays a picture.

Pictures that lack an attribute (by their labels) are encoded, moved along it by :meth:`AttributeVectors.apply` and
decoded, then shown to a classifier that has never seen a latent (:mod:`glowcore.classifiers.classifier`), beside the
untouched reconstructions of the same pictures. All of it as the application does it: what float32 does not bring back,
or loses, goes through float64 (:mod:`glowcore.exact`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from glowcore.classifiers.classifier import AttributeClassifier, find_column
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
#: Attributes whose opposite is one too: also taken away, from pictures that have them.
OPPOSITES = ("Male", "Young")
BORDER_DIVISOR = 8  # the band that an edit of a face should leave alone is 1/8 of the side wide
MOST_OUTSIDE = 0.01


@dataclass(frozen=True)
class EditResult:
    """One attribute moved by one strength, over ``images`` held-out pictures labelled as lacking it.

    Attributes:
        attribute: what is moved.
        strength: in sigmas; negative where the attribute is taken away from pictures labelled as having it.
        images: number of pictures.
        success: share of them in which the classifier sees what was asked for (probability above 0.5) after the edit;
            an edit that is not finite is none.
        before: the same share for their untouched reconstructions.
        leak: mean absolute change of the classifier's probabilities of all *other* attributes of the model.
        leak_most: the one of these that changes most on average, None if there is no other.
        leak_most_change: its mean absolute change.
        change: mean absolute change of the picture as it is shown, values clipped to [0, 1].
        change_border: the same over the band along the four sides, 1/8 of the side wide: background and outer hair,
            which most edits of a face have no business in.
        finite: share of edited pictures whose values are all finite.
        inside: share of edited pictures of which at least 99 % of the values lie in [0, 1], give or take half a step of
            8 bits, before anything is clipped.
        values_inside: share of all values that do.
        in_float64: number of edits that were tried in float64, their picture or they themselves being too much for
            float32; ``finite`` tells whether that was enough.
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
    """For show: the first few pictures of a case, ``[N, 1 + strengths, C, H, W]``, the reconstruction first."""

    attribute: str
    sign: int
    pictures: Tensor


@dataclass(frozen=True)
class EditEvaluation:
    """What :func:`evaluate_edits` measures.

    Attributes:
        results: one for each attribute, direction and strength.
        until_seen: one for each attribute and direction: moved only as far as it takes.
        strips: one for each attribute and direction.
        skipped: attributes of the model that were not measured, and why.
    """

    results: list[EditResult]
    until_seen: list[UntilSeen]
    strips: list[EditStrip]
    skipped: dict[str, str]


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
    """Move every attribute of a model on held-out pictures that lack it, and see what becomes of them.

    Args:
        model: with attributes; its fused form encodes and decodes, in float64 where float32 is not enough.
        pictures: held out, with labels of the model's attributes.
        classifier: the judge.
        strengths: positive, in sigmas.
        most: pictures per attribute at most: the first that lack it.
        batch_size: pictures at once.
        shown: pictures of each case to return as strips.
        progress: show a bar on stderr.

    Raises:
        DataError: no attribute of the model is known to both the pictures' labels and the classifier.
    """
    judge = _Judge(classifier, model.attributes.names)
    cases, skipped = _cases(pictures, judge.names, model.attributes.names, most)
    if not cases:
        raise DataError(
            "no attribute of the model can be measured: "
            + "; ".join(f"{name}: {reason}" for name, reason in skipped.items())[:400]
        )
    exact = ExactFlow(model, backend="torch")
    found = EditEvaluation([], [], [], skipped)
    total = sum(len(rows) for _, _, rows in cases) * (1 + len(strengths))
    with progress_bar(total=total, desc="edits", unit=" pictures", progress=progress) as bar:
        for name, sign, rows in cases:
            case = _Case(name, sign, judge, strengths)
            for part in rows.split(batch_size):
                for edited in _edits(exact, model, pictures.images[part], name, sign, strengths):
                    case.add(*edited)
                    bar.update(len(part))
            found.results.extend(case.results())
            found.until_seen.append(case.until_seen())
            found.strips.append(EditStrip(name, sign, case.first(shown)))
    return found


def _cases(
    pictures: PictureSet, judged: Sequence[str], names: Sequence[str], most: int
) -> tuple[list[tuple[str, int, Tensor]], dict[str, str]]:
    """Return (attribute, +1 or -1, rows of the pictures to edit), and what is left out and why."""
    cases, skipped = [], {}
    for name in names:
        if name not in judged:
            skipped[name] = "the classifier's labels do not tell of it"
            continue
        if name not in pictures.attribute_names:
            skipped[name] = "the pictures' labels do not tell of it"
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
    """Yield the reconstruction and then the edit of each strength, as decoded, and which are of float64, bool ``[B]``.

    Both on the CPU, the pictures in float32.
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


class _Judge:
    """The classifier's view of the attributes that it knows."""

    def __init__(self, classifier: AttributeClassifier, names: Sequence[str]) -> None:
        self.classifier = classifier
        self.names = [name for name in names if find_column(name, classifier.columns) is not None]

    def __call__(self, images: Tensor) -> Tensor:
        return self.classifier.probabilities(images, self.names)


class _Case:
    """Sums over one attribute moved one way; pictures come batch by batch, reconstruction first, then each strength."""

    def __init__(self, name: str, sign: int, judge: _Judge, strengths: Sequence[float]) -> None:
        self.name, self.sign, self.judge = name, sign, judge
        self.strengths = strengths
        self.column = judge.names.index(name)
        self.others = [index for index in range(len(judge.names)) if index != self.column]
        self.probabilities: list[list[Tensor]] = [[] for _ in range(1 + len(strengths))]
        self.measures: list[list[Tensor]] = [[] for _ in strengths]
        self.kept: list[list[Tensor]] = [[] for _ in range(1 + len(strengths))]
        self.in_float64 = [0] * (1 + len(strengths))
        self.turn, self.original = 0, torch.empty(0)

    def add(self, images: Tensor, in_float64: Tensor) -> None:
        """Take the next picture batch of the turn, and which of its pictures were made in float64."""
        step, self.turn = self.turn, (self.turn + 1) % (1 + len(self.strengths))
        self.probabilities[step].append(self.judge(images))
        self.in_float64[step] += int(in_float64.sum())
        if not self.kept[step]:
            self.kept[step].append(images)
        if step == 0:
            self.original = images
        else:
            self.measures[step - 1].append(_measure(self.original, images))

    def results(self) -> list[EditResult]:
        """Return what was found, a strength each."""
        seen, moves, measured = self._seen(), self._moves(), self._measured()
        found = []
        for index, strength in enumerate(self.strengths):
            moved = moves[index].mean(0)
            worst = int(moved.argmax()) if len(moved) else None
            # A picture that is not finite has no change to speak of; `finite` tells of it.
            change, border = measured[index, :, :2].nanmean(0).tolist()
            _, _, finite, inside = measured[index].unbind(1)
            found.append(
                EditResult(
                    self.name,
                    self.sign * strength,
                    len(finite),
                    success=_share(seen[index + 1]),
                    before=_share(seen[0]),
                    leak=float(moved.mean()) if len(moved) else 0.0,
                    leak_most=None if worst is None else self.judge.names[self.others[worst]],
                    leak_most_change=0.0 if worst is None else float(moved[worst]),
                    change=change,
                    change_border=border,
                    finite=_share(finite),
                    inside=_share(inside >= 1 - MOST_OUTSIDE),
                    values_inside=float(inside.mean()),
                    in_float64=self.in_float64[index + 1],
                )
            )
        return found

    def until_seen(self) -> UntilSeen:
        """Return what comes of stopping at the first strength at which the attribute is seen."""
        leak = self._moves().mean(2) if self.others else torch.zeros(len(self.strengths), len(self._measured()[0]))
        return until_seen(self.name, self.sign, self.strengths, self._seen(), leak, self._measured()[:, :, 0])

    def _seen(self) -> Tensor:
        """Return whether the classifier sees what is asked for, bool ``[1 + strengths, N]``, untouched first."""
        seen = (self._probabilities()[:, :, self.column] > 0.5) == (self.sign > 0)
        seen[1:] &= self._measured()[:, :, 2] == 1
        return seen

    def _moves(self) -> Tensor:
        """Return the absolute change of the other attributes' probabilities, ``[strengths, N, others]``."""
        probabilities = self._probabilities()[:, :, self.others]
        return (probabilities[1:] - probabilities[:1]).abs()

    def _probabilities(self) -> Tensor:
        return torch.stack([torch.cat(parts) for parts in self.probabilities]).double()

    def _measured(self) -> Tensor:
        return torch.stack([torch.cat(parts) for parts in self.measures])

    def first(self, count: int) -> Tensor:
        """Return the first pictures as a strip each."""
        return torch.stack([parts[0][:count] for parts in self.kept], dim=1)


def _share(marks: Tensor) -> float:
    return float(marks.double().mean())


def _measure(before: Tensor, after: Tensor) -> Tensor:
    """Return change and change of the border (NaN where not finite), whether finite, and share of values in range.

    All of it ``[B, 4]`` float64.
    """
    finite = after.isfinite().flatten(1).all(1)
    # Of the pictures as they are shown: a single value that runs away would drown all others in the mean.
    difference = (after.clamp(0, 1) - before.clamp(0, 1)).abs().double()
    width = max(1, min(after.shape[2:]) // BORDER_DIVISOR)
    band = torch.ones(after.shape[2:], dtype=torch.bool)
    band[width:-width, width:-width] = False
    inside = ((after >= -HALF_STEP) & (after <= 1 + HALF_STEP)).double().flatten(1).mean(1)
    changes = torch.stack([difference.flatten(1).mean(1), difference[:, :, band].flatten(1).mean(1)], dim=1)
    changes[~finite] = torch.nan
    return torch.cat([changes, torch.stack([finite.double(), inside], dim=1)], dim=1)
