"""Measurements of a direction on the photos that it is fitted to, each photo with a direction fitted without it.

The difference of two means contains every photo that it was fitted to. Projections of these photos on it are therefore
several times as far from each other as those of other pictures (``glowcore.attributes.leave_one_out``). Here, u_i is
the direction of unit length fitted to all photos except i, so the projection ``<eps_i, u_i>`` has the distribution of
other pictures' projections.
"""

from __future__ import annotations

import math

import torch

# The variance of projections is that within a group plus p (1 - p) times the squared distance of the groups' means. The
# share p of pictures that have the attribute is unknown: this is the mean of p (1 - p) over p in [0, 1].
BETWEEN = 1 / 6


def projections(having: torch.Tensor, lacking: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the projection of every row on the unit direction fitted without it, ``[N]`` and ``[M]``.

    Args:
        having: ``[N, D]``, encodings or their coordinates in an orthonormal basis.
        lacking: ``[M, D]``.
    """
    return _along(having, lacking), -_along(lacking, having)


def sigma(having: torch.Tensor, lacking: torch.Tensor) -> float:
    """Return the standard deviation of ``projections`` in a population with an unknown share of the attribute."""
    groups = projections(having, lacking)
    within = sum(x.var() * (len(x) - 1) for x in groups) / (sum(map(len, groups)) - 2)
    distance = groups[0].mean() - groups[1].mean()
    return math.sqrt(float(within + BETWEEN * distance.square()))


def middle(having: torch.Tensor, lacking: torch.Tensor) -> float:
    """Return the point midway between the means of the two groups' ``projections``."""
    return sum(float(x.mean()) for x in projections(having, lacking)) / 2


def separation(having: torch.Tensor, lacking: torch.Tensor) -> float:
    """Return the share of pairs of one row from each group that a direction fitted without the pair tells apart.

    It estimates the area under the ROC curve.
    """
    wins = 0.0
    without_each = _means_without_each(lacking)
    for row, mean in zip(having, _means_without_each(having), strict=True):
        gaps = ((row - lacking) * (mean - without_each)).sum(1)
        wins += float((gaps > 0).sum()) + float((gaps == 0).sum()) / 2
    return wins / (len(having) * len(lacking))


def _along(rows: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
    directions = _means_without_each(rows) - others.mean(0)
    return (rows * torch.nn.functional.normalize(directions, dim=1)).sum(1)


def _means_without_each(rows: torch.Tensor) -> torch.Tensor:
    """Return the means of rows ``[N, D]`` without each one, ``[N, D]``."""
    return (rows.sum(0) - rows) / (len(rows) - 1)
