r"""Directions improved by what they do to pictures.

Statistics of encodings do not know the decoder: a step along a difference of means spends most of its length where the
decoder shows little of it. So a direction is moved, by gradient descent through the decoder, towards

.. math:: \log\left(1 + e^{m - \ell_a(x')}\right)
          + \lambda_a \left(\frac{1}{A - 1} \sum_{b \ne a} |p_b(x') - p_b(x)|
          + \kappa \, \frac{1}{D} \sum_i |\mathrm{clip}(x'_i) - x_i|\right)
          + \mu \, \frac{1}{D} \sum_i \frac{o_i}{1 + o_i}, \qquad o_i = \max(x'_i - 1,\, -x'_i,\, 0)

where x' is the decoded edit of a training picture x that lacks attribute a, by 1.5 to 3 sigma (or of one that has it,
the other way, with :math:`-\ell_a`), and :math:`p = 1 / (1 + e^{-\ell})` are the probabilities of a small classifier
that was trained on the same labels, or the mean opinion of it and others (:mod:`glowcore.classifiers.ensemble`); the
margin m asks for more than bare assent. Pictures are turned, moved, blurred and relit before it looks at them
(:func:`~glowcore.classifiers.classifier.augment`), so that it cannot be pleased by a texture. It does not mind the
light of a picture, then, and an edit left to it alone lights and darkens as it likes: so the change of the picture as
it is shown, clipped to [0, 1], has its price too. That price of what an edit should leave alone, :math:`\lambda_a`,
rises while more edits that add a are seen than was aimed at, and falls while fewer are (dual ascent on the multiplier
of a constraint), with one of its own for edits that take a away: a smile shows easily and can leave the rest alone, a
fringe cannot.

The gradient is taken with sigma, which depends on the direction, and along the sphere :math:`|d| = 1`: an edit is never
longer than its strength says. It starts from a direction of :mod:`glowcore.attributes.directions`, and that one is kept
for an attribute whose loss, at 3 sigma and the first price on pictures that neither the first classifier nor the
descent has seen, it does not lower.

These classifiers are part of the fit and judge nothing afterwards: ``evaluate --edits`` has another, of other pictures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from glowcore.classifiers.classifier import AttributeClassifier, ClassifierSettings, augment, train_classifier
from glowcore.classifiers.ensemble import ClassifierEnsemble
from glowcore.devices import has_fast_bfloat16
from glowcore.flow import Flow
from glowcore.latents import Latents
from glowcore.progress import progress_bar

STRENGTHS = (1.5, 3.0)
HELD_OUT = 10  # one picture in ten is kept from the descent
COMPARED = 24  # held-out pictures per attribute, on which a direction is compared with the one it started from
#: Encodings that tell sigma, others at each step: a direction would turn towards what chance has put into the same few,
#: and the descent take its edits for longer than they are.
SIGMA_ROWS = 1000
#: No single picture pulls harder than this many nats: one that cannot be changed is let go.
MOST_LOSS = 8.0
MARGIN = 4.0
PRICE = 4.0  # of what should stay as it was: where it starts
PRICES = (0.25, 8.0)
PRICE_RATE = 0.06  # of its logarithm, a picture
MOST_EPOCHS = 20
FAR = 1e6


@dataclass(frozen=True)
class RefinementSettings:
    """How directions are refined.

    Attributes:
        steps: number of steps of gradient descent.
        batch_size: pictures a step, shared among the attributes in turn.
        aim: share of the edits, by 1.5 to 3 sigma, in which the classifiers are to see what was asked for.
        change_weight: kappa.
        range_weight: mu.
        step_size: first angle of a step, in radians; falls linearly to a tenth.
        momentum: of the gradient.
        judge_pictures: pictures the classifier sees in its training, with repetition.
        seed: of all random draws.
    """

    steps: int = 500
    batch_size: int = 20
    aim: float = 0.82
    change_weight: float = 2.0
    range_weight: float = 20.0
    step_size: float = 0.06
    momentum: float = 0.8
    judge_pictures: int = 80_000
    seed: int = 0


class Refinement:
    """Refines the directions of a model on its training pictures; called by the fit.

    Args:
        model: decodes; its weights stay as they are.
        images: uint8 ``[N, C, H, W]``, the pictures behind the rows of the encodings.
        settings: how.
        y: int64 ``[N]``, the pictures' classes, for a class-conditional model.
        classifiers: trained on other pictures; asked beside the one of the fit's own labels.
        progress: show bars on stderr.
    """

    def __init__(
        self,
        model: Flow,
        images: Tensor,
        settings: RefinementSettings | None = None,
        classifiers: Sequence[AttributeClassifier] = (),
        *,
        y: Tensor | None = None,
        progress: bool = True,
    ) -> None:
        self.model, self.images, self.y, self.progress = model, images, y, progress
        self.settings = settings or RefinementSettings()
        self.classifiers = tuple(classifiers)

    def __call__(
        self, matrix: np.ndarray, labels: np.ndarray, names: Sequence[str], directions: Tensor
    ) -> tuple[Tensor, dict[str, object]]:
        """Return refined directions, ``[A, D]`` float64 of length 1, and what to remember of the way.

        Args:
            matrix: encodings ``[N, D]``, in the order of the pictures.
            labels: ``[N, A]``, 1 yes, 0 no, -1 unknown or not to be used.
            names: the A attributes.
            directions: where to start, ``[A, D]``.
        """
        settings = self.settings
        rng = np.random.default_rng(settings.seed)
        held_out = rng.permutation(len(labels)) % HELD_OUT == 0
        draws = _Draws(np.where(held_out[:, None], -1, labels), rng)
        descent = _Descent(self.model, self.images, matrix, self._judge(labels, names, ~held_out), settings, self.y)
        usable, sampling = np.flatnonzero((labels >= 0).any(1)), np.random.default_rng(settings.seed)

        def spread() -> Tensor:
            rows = descent.encodings(np.sort(sampling.choice(usable, min(len(usable), SIGMA_ROWS), replace=False)))
            return rows - rows.mean(0)

        d = F.normalize(directions.to(self.model.device, torch.float32), dim=1)
        start, velocity = d.clone(), torch.zeros_like(d)
        trainable = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        bar = progress_bar(total=settings.steps, desc="refining", unit=" steps", progress=self.progress)
        try:
            for parameter in trainable:
                parameter.requires_grad_(False)
            with bar:
                for step in range(settings.steps):
                    descent.generator.manual_seed(settings.seed + step)
                    batch = draws(settings.batch_size)
                    gradient, seen = descent.gradient(d, spread(), batch)
                    descent.prices = _adjusted(descent.prices, batch, seen - settings.aim)
                    gradient = gradient - (gradient * d).sum(1, keepdim=True) * d
                    velocity = settings.momentum * velocity + gradient
                    angle = settings.step_size * (1 - 0.9 * step / settings.steps)
                    d = F.normalize(d - angle * F.normalize(velocity, dim=1), dim=1)
                    bar.update()
                prices, descent.prices = descent.prices, torch.full_like(descent.prices, PRICE)
                unseen, rows = np.where(held_out[:, None], labels, -1), spread()
                before, after = (descent.figures(c, rows, unseen) for c in (start, d))
        finally:
            for parameter in trainable:
                parameter.requires_grad_(True)
        facts = {}
        for index, name in enumerate(names):
            kept = after[index]["loss"] < before[index]["loss"]
            if not kept:
                d[index] = start[index]
            facts[name] = {
                "kept": kept,
                "cosine_with_start": round(float(start[index] @ d[index]), 3),
                "price": [round(price, 2) for price in prices[index].tolist()],
                "before": before[index],
                "after": after[index],
            }
        return d.double().cpu(), facts

    def _judge(self, labels: np.ndarray, names: Sequence[str], use: np.ndarray) -> ClassifierEnsemble:
        epochs = min(MOST_EPOCHS, max(1, round(self.settings.judge_pictures / int(use.sum()))))
        settings = ClassifierSettings(epochs=epochs, seed=self.settings.seed)
        rows = torch.from_numpy(np.flatnonzero(use))
        table = torch.from_numpy(labels.astype(np.int8))[rows]
        own = train_classifier(self.images[rows], table, names, settings, min_count=1, progress=self.progress)
        return ClassifierEnsemble([own, *self.classifiers], names).requires_grad_(False).to(self.model.device)


class _Batch(NamedTuple):
    """One edit a row, each of these ``[B]``."""

    attributes: np.ndarray
    signs: np.ndarray  # +1 adds the attribute, -1 takes it away
    rows: np.ndarray  # of the encodings and pictures
    strengths: np.ndarray  # in sigma


class _Descent:
    """What edits cost by the eyes of ``judge``, and which way they cost less; ``matrix`` holds the encodings.

    ``prices``, ``[A, 2]``, are those of edits that add an attribute, and that take it away, at present; all that is
    drawn comes from ``generator``.
    """

    def __init__(
        self,
        model: Flow,
        images: Tensor,
        matrix: np.ndarray,
        judge: ClassifierEnsemble,
        settings: RefinementSettings,
        y: Tensor | None = None,
    ) -> None:
        self.model, self.images, self.matrix, self.judge, self.settings = model, images, matrix, judge, settings
        self.y, self.generator = y, torch.Generator().manual_seed(settings.seed)
        self.prices = torch.full((len(judge.names), 2), PRICE, device=model.device)

    def encodings(self, rows: np.ndarray) -> Tensor:
        """Return rows of the encodings, float32 ``[rows, D]``."""
        return torch.from_numpy(np.array(self.matrix[rows], dtype=np.float32)).to(self.model.device)

    def figures(self, d: Tensor, spread: Tensor, labels: np.ndarray) -> list[dict[str, float]]:
        """Return loss, success and leak of each direction at the largest strength, by the fit's own judge."""
        figures = []
        with torch.no_grad():
            for index in range(len(d)):
                rows = np.flatnonzero(labels[:, index] == 0)[:COMPARED]
                if len(rows) == 0:
                    figures.append({"loss": 0.0, "success": 0.0, "leak": 0.0})
                    continue
                count = len(rows)
                batch = _Batch(np.full(count, index), np.ones(count), rows, np.full(count, STRENGTHS[1]))
                losses = zip(("loss", "success", "leak"), self.losses(_moves(d, spread, batch), batch), strict=True)
                figures.append({key: round(float(value.mean()), 4) for key, value in losses})
        return figures

    def gradient(self, d: Tensor, spread: Tensor, batch: _Batch) -> tuple[Tensor, Tensor]:
        """Return the gradient of the loss over one batch with respect to the directions, ``[A, D]``, and what was seen:
        ``[B]``, 1 for an edit that shows and 0 for one that does not.

        No picture pulls harder than the median one: a few decode to values far out of range, where the gradient is
        beyond all measure.
        """
        d = d.detach().requires_grad_(True)
        moves = _moves(d, spread, batch)
        leaf = moves.detach().requires_grad_(True)
        loss, seen, _ = self.losses(leaf, batch)
        pulls = torch.nan_to_num(torch.autograd.grad(loss.sum(), leaf)[0], 0.0, 0.0, 0.0)
        size = pulls.double().norm(dim=1, keepdim=True)  # float32 cannot hold the squares of the longest
        pulls = pulls * (size.median() / size.clamp_min(1e-30)).clamp(max=1).float()
        return torch.nan_to_num(torch.autograd.grad(moves, d, pulls)[0], 0.0, 0.0, 0.0), seen

    def losses(self, moves: Tensor, batch: _Batch) -> tuple[Tensor, Tensor, Tensor]:
        """Return, by picture, the loss, whether the edit is seen (1 or 0), and the leak, each ``[B]``."""
        own, sign = torch.from_numpy(batch.attributes).to(moves.device), torch.from_numpy(batch.signs).to(moves)
        edited = Latents.from_flat(self.encodings(batch.rows) + moves, self.model.latent_shapes(), self.model.prior)
        if self.y is not None:
            edited.y = self.y[torch.from_numpy(batch.rows)]
        device = self.model.device
        with torch.autocast(device.type, torch.bfloat16, enabled=has_fast_bfloat16(device)):
            after = self.model.decode(edited)
        after = after.float().nan_to_num(FAR, FAR, -FAR)  # as far out of range as can be
        before = self.images[torch.from_numpy(batch.rows)].to(after) / 255
        seed = int(torch.randint(1 << 30, (), generator=self.generator))

        def look(pictures: Tensor) -> Tensor:
            self.generator.manual_seed(seed)  # before and after are turned, moved and lit alike
            return self.judge(augment(pictures.clamp(0, 1), self.generator))

        logits = look(after)
        with torch.no_grad():
            reference = look(before).sigmoid()
        column = own[:, None]
        asked = sign * logits.gather(1, column)[:, 0]
        moved = (logits.sigmoid() - reference).abs().scatter(1, column, 0.0)
        leak = moved.sum(1) / max(1, moved.shape[1] - 1)
        beyond = F.relu(after - 1) + F.relu(-after)
        outside = (beyond / (1 + beyond)).flatten(1).mean(1)
        change = (after.clamp(0, 1) - before).abs().flatten(1).mean(1)
        price = self.prices[own, (sign < 0).long()]
        loss = (
            F.softplus(MARGIN - asked).clamp(max=MOST_LOSS)
            + price * (leak + self.settings.change_weight * change)
            + self.settings.range_weight * outside
        )
        return loss, (asked > 0).to(loss), leak


def _moves(d: Tensor, spread: Tensor, batch: _Batch) -> Tensor:
    """Return what an edit of each picture adds to its encoding, ``[B, D]``: sign * strength * sigma * d / |d|."""
    unit = F.normalize(d, dim=1)
    sigma = (spread @ unit.T).std(0, correction=0)
    own = torch.from_numpy(batch.attributes).to(d.device)
    size = torch.from_numpy(batch.signs * batch.strengths).to(d) * sigma[own]
    return size[:, None] * unit[own]


def _adjusted(prices: Tensor, batch: _Batch, surplus: Tensor) -> Tensor:
    """Return the prices, ``[A, 2]``, after a batch whose edits were seen so much more than was aimed at."""
    places = torch.from_numpy(batch.attributes), torch.from_numpy(batch.signs < 0).long()
    change = torch.zeros_like(prices).index_put(places, surplus.to(prices), accumulate=True)
    return (prices * (PRICE_RATE * change).exp()).clamp(*PRICES)


class _Draws:
    """Draws batches: attributes in turn, each from a picture that lacks it, or has it and shall lose it.

    An attribute is taken away as often as pictures have it, but at least in a quarter and at most in half of the draws.
    """

    def __init__(self, labels: np.ndarray, rng: np.random.Generator) -> None:
        self.rng, self.count = rng, labels.shape[1]
        self.rows = [[np.flatnonzero(labels[:, a] == value) for value in (0, 1)] for a in range(self.count)]
        self.away = [np.clip(len(yes) / (len(no) + len(yes)), 0.25, 0.5) for no, yes in self.rows]
        self.order: list[int] = []

    def __call__(self, count: int) -> _Batch:
        """Return the next ``count`` edits."""
        while len(self.order) < count:
            self.order += self.rng.permutation(self.count).tolist()
        attributes, self.order = self.order[:count], self.order[count:]
        taken = [int(self.rng.random() < self.away[a]) for a in attributes]
        rows = [int(self.rng.choice(self.rows[a][t])) for a, t in zip(attributes, taken, strict=True)]
        strengths = self.rng.uniform(*STRENGTHS, count)
        return _Batch(np.array(attributes), 1 - 2 * np.array(taken), np.array(rows), strengths)
