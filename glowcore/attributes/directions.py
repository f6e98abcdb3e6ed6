r"""Directions that change an attribute, as weighted sums of encodings.

A direction of either kind is :math:`d = \sum_i r_i \epsilon_i`, with weights r that sum to 0 over the pictures whose
label is known and to 1 over those that have the attribute:

``mean``
    the difference of class means (Glow, section 6): :math:`r_i = 1/n_1` with it, :math:`-1/n_0` without.

``partial``
    the effect of one label with the others held constant: the coefficient of a least-squares fit of the encodings on
    all labels at once. By the Frisch-Waugh-Lovell theorem r is the residual of the label regressed on the other labels,
    over :math:`\langle r, y \rangle`. Glasses then do not add the beards of those who wear them. Unknown labels count
    as average. A ridge penalty keeps nearly collinear labels (a moustache and a beard) from cancelling.

In a class of 248 pictures the sampling error is as long as the direction itself. Most of it lies at the fine levels,
where it costs strength and adds grain but changes no attribute. Each level of a ``partial`` direction is therefore
shrunk, after James and Stein (1961), by the share of its squared length that sampling does not explain:

.. math:: d_l \leftarrow d_l \, \max\!\left(0,\; 1 - \frac{\sum_i r_i^2 \; \mathrm{tr}\,S_l}{|d_l|^2}\right)
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

DIRECTION_KINDS = ("partial", "mean")
RIDGE = 0.3


def label_weights(labels: np.ndarray, kind: str) -> np.ndarray:
    """Return the weights r of every picture for every attribute, ``[N, A]`` float64; 0 where the label is unknown.

    Args:
        labels: ``[N, A]``, 1 yes, 0 no, -1 unknown; every attribute must have both classes.
        kind: ``"mean"`` or ``"partial"``.
    """
    weights = np.zeros(labels.shape)
    for index in range(labels.shape[1]):
        known = labels[:, index] >= 0
        target = labels[known, index].astype(np.float64)
        residual = target - target.mean()
        if kind == "partial" and labels.shape[1] > 1:
            others = _centred(np.delete(labels[known], index, axis=1))
            gram = others.T @ others
            # A label that is constant among these pictures has a row of zeros, which would make the system singular.
            gram += np.diag(RIDGE * np.diag(gram) + (np.diag(gram) == 0))
            residual = residual - others @ np.linalg.solve(gram, others.T @ residual)
            residual -= residual.mean()
        weights[known, index] = residual / (residual @ target)
    return weights


def shrink_levels(
    directions: Tensor, weights: np.ndarray, variance: Tensor, sizes: list[int]
) -> tuple[Tensor, list[list[float]]]:
    """Shrink every level of every direction by the share of its squared length that sampling explains.

    Args:
        directions: ``[A, D]`` float64.
        weights: the weights r that they were made with, ``[N, A]``.
        variance: of every dimension of the encodings, ``[D]`` float64.
        sizes: number of dimensions of each level; they sum to D.

    Returns:
        the shrunk directions, and a factor per level for each attribute. A direction that would vanish is not shrunk.
    """
    spread = torch.from_numpy((weights**2).sum(0))
    parts = directions.split(sizes, dim=1)
    noise = torch.stack([spread * part.sum() for part in variance.split(sizes)], dim=1)
    length = torch.stack([part.square().sum(1) for part in parts], dim=1)
    factors = (1 - noise / length.clamp_min(1e-300)).clamp(0, 1)
    factors[factors.sum(1) == 0] = 1
    shrunk = torch.cat([part * factors[:, level, None] for level, part in enumerate(parts)], dim=1)
    return shrunk, factors.tolist()


def _centred(labels: np.ndarray) -> np.ndarray:
    """Return labels minus the mean of the known ones, 0 for unknown ones."""
    known = labels >= 0
    mean = np.where(known, labels, 0).sum(0) / np.maximum(known.sum(0), 1)
    return np.where(known, labels - mean, 0.0)
