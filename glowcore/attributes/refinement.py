r"""Gradient descent on attribute directions through the decoder.

Statistics of encodings take no account of the decoder: a step along a difference of means spends most of its length
where the decoder shows little of it. A direction is therefore refined by gradient descent on

.. math:: \log\left(1 + e^{m - \ell_a(x')}\right)
          + \lambda_a \left(\frac{1}{A - 1} \sum_{b \ne a} |p_b(x') - p_b(x)|
          + \kappa \, \frac{1}{D} \sum_i |\mathrm{clip}(x'_i) - x_i|\right)
          + \mu \, \frac{1}{D} \sum_i \frac{o_i}{1 + o_i}, \qquad o_i = \max(x'_i - 1,\, -x'_i,\, 0)

Here x is a training picture that lacks attribute a, and x' is its decoded edit by 1.5 to 3 sigma. (For an edit that
takes the attribute away, x has it and the sign of :math:`\ell_a` is reversed.) :math:`\ell_a` is the log-odds of the
attribute by a small classifier trained on the same labels, or by an ensemble of that one and others
(:mod:`glowcore.classifiers.ensemble`), and :math:`p = 1 / (1 + e^{-\ell})`. The terms, in order:

- the *success* of the edit; the margin m asks for more than a probability of one half;
- its *leak*, the change of all other attributes, and the change of the picture itself, clipped to [0, 1]. The
  classifiers see pictures under random geometry, blur and lighting
  (:func:`~glowcore.classifiers.classifier.augment`), so that no texture can satisfy them. They are therefore
  insensitive to lighting, and without the second part edits would change it at will;
- values outside of [0, 1].

The multiplier :math:`\lambda_a` rises while more edits that add a succeed than the aim, and falls while fewer do (dual
ascent on the multiplier of a constraint); edits that take a away have a multiplier of their own. A smile succeeds
easily and can leave the rest alone; a fringe cannot.

The gradient includes sigma, which depends on the direction, unless sigma is fixed (:data:`FEWEST_FOR_SIGMA`). It is
projected on the tangent of the sphere :math:`|d| = 1`, so an edit is never longer than its strength says. Descent
starts from a direction of :mod:`glowcore.attributes.directions`. An attribute keeps that one unless the refined
direction has a lower loss, at 3 sigma and the initial multiplier, on pictures that neither the first classifier nor the
descent has seen.

These classifiers are part of the fit. ``evaluate --edits`` judges with another one, trained on other pictures.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from glowcore.attributes.edit_draws import STRENGTHS, EditBatch, EditDraws
from glowcore.classifiers.classifier import AttributeClassifier, ClassifierSettings, augment, train_classifier
from glowcore.classifiers.ensemble import ClassifierEnsemble
from glowcore.devices import has_fast_bfloat16
from glowcore.flow import Flow
from glowcore.latents import Latents
from glowcore.progress import progress_bar

HELD_OUT = 10  # one picture in ten is kept from the descent
COMPARED = 24  # held-out pictures per attribute, on which a direction is compared with the one it started from
#: Encodings that sigma is estimated from, others at each step. With a fixed few, directions turn towards the sampling
#: error of these, which inflates sigma and makes the descent overestimate the length of its edits.
SIGMA_ROWS = 1000
#: With fewer pictures than this, the fit fixes sigma at that of the direction where the descent starts. All pictures
#: would be drawn many times, and the gradient of sigma would turn directions towards them: with 80 (400) pictures sigma
#: on these became 6.5 (2.7) times that on others.
FEWEST_FOR_SIGMA = 10_000
#: Upper bound of the success term of one picture, in nats: beyond it a picture has no gradient, so that one that cannot
#: be changed does not dominate.
MOST_LOSS = 8.0
MARGIN = 4.0  # m
RANGE_WEIGHT = 20.0  # mu
MOMENTUM = 0.8  # of the gradient
MULTIPLIER = 4.0  # initial
MULTIPLIER_RANGE = (0.25, 8.0)
MULTIPLIER_RATE = 0.06  # change of its logarithm per picture
MOST_EPOCHS = 20
FAR = 1e6

#: From directions ``[A, D]`` to the standard deviations ``[A]`` along them.
Sigma = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class RefinementSettings:
    """How directions are refined.

    Attributes:
        steps: number of steps of gradient descent.
        batch_size: pictures per step, shared among the attributes in turn.
        aim: share of the edits, by 1.5 to 3 sigma, that should succeed by the classifiers of the descent.
        change_weight: kappa.
        step_size: angle of the first step, in radians; falls linearly to a tenth.
        judge_pictures: pictures, with repetition, that the classifier of the fit's own labels is trained on.
        seed: of all random draws.
    """

    steps: int = 500
    batch_size: int = 20
    aim: float = 0.82
    change_weight: float = 2.0
    step_size: float = 0.06
    judge_pictures: int = 80_000
    seed: int = 0


class Refinement:
    """A callable for the fit that refines the directions of a model on its training pictures.

    Args:
        model: decodes; its weights are not changed.
        images: uint8 ``[N, C, H, W]``, the pictures behind the rows of the encodings.
        settings: of the descent.
        classifiers: trained on other pictures; averaged with the one trained on the fit's own labels.
        y: int64 ``[N]``, the pictures' classes, for a class-conditional model.
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
        self,
        matrix: np.ndarray,
        labels: np.ndarray,
        names: Sequence[str],
        directions: Tensor,
        sigmas: Tensor | None = None,
    ) -> tuple[Tensor, dict[str, object]]:
        """Return refined directions, ``[A, D]`` float64 of length 1, and JSON-able facts of the descent by attribute.

        Args:
            matrix: encodings ``[N, D]``, in the order of the pictures.
            labels: ``[N, A]``, 1 yes, 0 no, -1 unknown or not to be used.
            names: the A attributes.
            directions: ``[A, D]``, where the descent starts.
            sigmas: ``[A]``, the standard deviation along each of them, for all steps; None measures it at every step.
        """
        rng = np.random.default_rng(self.settings.seed)
        held_out = rng.permutation(len(labels)) % HELD_OUT == 0
        draws = EditDraws(np.where(held_out[:, None], -1, labels), rng)
        ensemble = self._ensemble(labels, names, ~held_out)
        descent = _Descent(self.model, self.images, matrix, ensemble, self.settings, self.y)
        usable = np.flatnonzero((labels >= 0).any(1))
        start = F.normalize(directions.to(self.model.device, torch.float32), dim=1)
        fixed = None if sigmas is None else sigmas.to(start)
        with _frozen(self.model):
            d, sigma = self._descend(descent, start, draws, usable, fixed)
            multipliers, descent.multipliers = descent.multipliers, torch.full_like(descent.multipliers, MULTIPLIER)
            unseen = np.where(held_out[:, None], labels, -1)
            before, after = (descent.metrics(candidate, sigma, unseen) for candidate in (start, d))
        facts = {}
        for index, name in enumerate(names):
            kept = after[index]["loss"] < before[index]["loss"]
            if not kept:
                d[index] = start[index]
            facts[name] = {
                "kept": kept,
                "cosine_with_start": round(float(start[index] @ d[index]), 3),
                "price": [round(value, 2) for value in multipliers[index].tolist()],  # as stored vectors name it
                "before": before[index],
                "after": after[index],
            }
        return d.cpu().double(), facts

    def _descend(
        self, descent: _Descent, start: Tensor, draws: EditDraws, usable: np.ndarray, fixed: Tensor | None
    ) -> tuple[Tensor, Sigma]:
        """Return the directions after all steps, and sigma from one more draw of encodings unless it is ``fixed``."""
        settings, sampling = self.settings, np.random.default_rng(self.settings.seed)

        def drawn_sigma() -> Sigma:
            if fixed is not None:
                return lambda _: fixed
            rows = descent.encodings(np.sort(sampling.choice(usable, min(len(usable), SIGMA_ROWS), replace=False)))
            rows = rows - rows.mean(0)
            return lambda d: (rows @ F.normalize(d, dim=1).T).std(0, correction=0)

        d, velocity = start.clone(), torch.zeros_like(start)
        with progress_bar(total=settings.steps, desc="refining", unit=" steps", progress=self.progress) as bar:
            for step in range(settings.steps):
                descent.generator.manual_seed(settings.seed + step)
                batch = draws(settings.batch_size)
                gradient, succeeded = descent.gradient(d, drawn_sigma(), batch)
                descent.multipliers = _adjusted(descent.multipliers, batch, succeeded - settings.aim)
                gradient = gradient - (gradient * d).sum(1, keepdim=True) * d
                velocity = MOMENTUM * velocity + gradient
                angle = settings.step_size * (1 - 0.9 * step / settings.steps)
                d = F.normalize(d - angle * F.normalize(velocity, dim=1), dim=1)
                bar.update()
        return d, drawn_sigma()

    def _ensemble(self, labels: np.ndarray, names: Sequence[str], use: np.ndarray) -> ClassifierEnsemble:
        epochs = min(MOST_EPOCHS, max(1, round(self.settings.judge_pictures / int(use.sum()))))
        settings = ClassifierSettings(epochs=epochs, seed=self.settings.seed)
        rows = torch.from_numpy(np.flatnonzero(use))
        table = torch.from_numpy(labels.astype(np.int8))[rows]
        own = train_classifier(self.images[rows], table, names, settings, min_count=1, progress=self.progress)
        return ClassifierEnsemble([own, *self.classifiers], names).requires_grad_(False).to(self.model.device)


class _Descent:
    """The loss of edits by an ensemble of classifiers, and its gradient with respect to the directions.

    ``multipliers``, ``[A, 2]``, are the current ones of edits that add an attribute and of edits that take it away.
    All random draws come from ``generator``.
    """

    def __init__(
        self,
        model: Flow,
        images: Tensor,
        matrix: np.ndarray,
        ensemble: ClassifierEnsemble,
        settings: RefinementSettings,
        y: Tensor | None = None,
    ) -> None:
        self.model, self.images, self.matrix, self.ensemble, self.settings = model, images, matrix, ensemble, settings
        self.y, self.generator = y, torch.Generator().manual_seed(settings.seed)
        self.multipliers = torch.full((len(ensemble.names), 2), MULTIPLIER, device=model.device)

    def encodings(self, rows: np.ndarray) -> Tensor:
        """Return rows of the encodings, float32 ``[rows, D]``."""
        return torch.from_numpy(np.array(self.matrix[rows], dtype=np.float32)).to(self.model.device)

    def metrics(self, d: Tensor, sigma: Sigma, labels: np.ndarray) -> list[dict[str, float]]:
        """Return mean loss, success and leak of each direction at the largest strength, by the ensemble."""
        metrics = []
        with torch.no_grad():
            for index in range(len(d)):
                rows = np.flatnonzero(labels[:, index] == 0)[:COMPARED]
                if len(rows) == 0:
                    metrics.append({"loss": 0.0, "success": 0.0, "leak": 0.0})
                    continue
                count = len(rows)
                batch = EditBatch(np.full(count, index), np.ones(count), rows, np.full(count, STRENGTHS[1]))
                losses = zip(("loss", "success", "leak"), self.losses(_shifts(d, sigma, batch), batch), strict=True)
                metrics.append({key: round(float(value.mean()), 4) for key, value in losses})
        return metrics

    def gradient(self, d: Tensor, sigma: Sigma, batch: EditBatch) -> tuple[Tensor, Tensor]:
        """Return the gradient of a batch's loss with respect to the directions, ``[A, D]``, and each edit's success.

        Success is ``[B]``, 1 or 0. The gradient of each picture is clipped to the median norm of the batch: a few
        pictures decode to values far out of range, where gradients explode.
        """
        d = d.detach().requires_grad_(True)
        shifts = _shifts(d, sigma, batch)
        leaf = shifts.detach().requires_grad_(True)
        loss, succeeded, _ = self.losses(leaf, batch)
        grads = torch.nan_to_num(torch.autograd.grad(loss.sum(), leaf)[0], 0.0, 0.0, 0.0)
        size = grads.cpu().double().norm(dim=1, keepdim=True)  # float32 cannot hold the squares of the longest
        grads = grads * (size.median() / size.clamp_min(1e-30)).clamp(max=1).float().to(grads.device)
        return torch.nan_to_num(torch.autograd.grad(shifts, d, grads)[0], 0.0, 0.0, 0.0), succeeded

    def losses(self, shifts: Tensor, batch: EditBatch) -> tuple[Tensor, Tensor, Tensor]:
        """Return, per picture, the loss, the success of the edit (1 or 0), and its leak, each ``[B]``."""
        own, sign = torch.from_numpy(batch.attributes).to(shifts.device), torch.from_numpy(batch.signs).to(shifts)
        edited = Latents.from_flat(self.encodings(batch.rows) + shifts, self.model.latent_shapes(), self.model.prior)
        if self.y is not None:
            edited.y = self.y[torch.from_numpy(batch.rows)]
        device = self.model.device
        with torch.autocast(device.type, torch.bfloat16, enabled=has_fast_bfloat16(device)):
            after = self.model.decode(edited)
        after = after.float().nan_to_num(FAR, FAR, -FAR)  # NaN counts as far out of range
        before = self.images[torch.from_numpy(batch.rows)].to(after) / 255
        seed = int(torch.randint(1 << 30, (), generator=self.generator))

        def log_odds(pictures: Tensor) -> Tensor:
            self.generator.manual_seed(seed)  # the same augmentation before and after the edit
            return self.ensemble(augment(pictures.clamp(0, 1), self.generator))

        logits = log_odds(after)
        with torch.no_grad():
            reference = log_odds(before).sigmoid()
        column = own[:, None]
        target = sign * logits.gather(1, column)[:, 0]
        moved = (logits.sigmoid() - reference).abs().scatter(1, column, 0.0)
        leak = moved.sum(1) / max(1, moved.shape[1] - 1)
        beyond = F.relu(after - 1) + F.relu(-after)
        outside = (beyond / (1 + beyond)).flatten(1).mean(1)
        change = (after.clamp(0, 1) - before).abs().flatten(1).mean(1)
        multiplier = self.multipliers[own, (sign < 0).long()]
        loss = (
            F.softplus(MARGIN - target).clamp(max=MOST_LOSS)
            + multiplier * (leak + self.settings.change_weight * change)
            + RANGE_WEIGHT * outside
        )
        return loss, (target > 0).to(loss), leak


@contextlib.contextmanager
def _frozen(model: nn.Module) -> Iterator[None]:
    """Exclude the parameters of a model from autograd while the context is open."""
    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    try:
        for parameter in trainable:
            parameter.requires_grad_(False)
        yield
    finally:
        for parameter in trainable:
            parameter.requires_grad_(True)


def _shifts(d: Tensor, sigma: Sigma, batch: EditBatch) -> Tensor:
    """Return the difference that each edit makes to its encoding, ``[B, D]``: sign * strength * sigma * d / |d|."""
    unit = F.normalize(d, dim=1)
    own = torch.from_numpy(batch.attributes).to(d.device)
    size = torch.from_numpy(batch.signs * batch.strengths).to(d) * sigma(d)[own]
    return size[:, None] * unit[own]


def _adjusted(multipliers: Tensor, batch: EditBatch, surplus: Tensor) -> Tensor:
    """Return the multipliers, ``[A, 2]``, after a batch; ``surplus``, ``[B]``, is each edit's success less the aim."""
    places = torch.from_numpy(batch.attributes), torch.from_numpy(batch.signs < 0).long()
    change = torch.zeros_like(multipliers).index_put(places, surplus.to(multipliers), accumulate=True)
    return (multipliers * (MULTIPLIER_RATE * change).exp()).clamp(*MULTIPLIER_RANGE)
