"""The Mahalanobis distance of a face among the real pictures that the attributes were fitted on.

The attributes span a few of the ten thousand dimensions of the latents, so an edit hardly changes the norm of the
latents, even where the face is destroyed. The projections on the attributes' directions do show it. Let x be these
projections and C the covariance of x over real pictures, with k eigenvalues; then x' C^-1 x is about chi-squared with
k degrees of freedom.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from glowcore import AttributeVectors
from glowcore.latents import Latents

NORMAL_QUANTILE = 3.0902  # 1 in 1,000 real pictures lies beyond it on either side
LEAST_EIGENVALUE = 0.02  # of the correlation matrix: nearly parallel directions count once


@dataclass(frozen=True)
class Traits:
    """The distance of a face from the average face.

    Attributes:
        distance: sqrt(x' C^-1 x / k); 1 is typical of real pictures.
        count: k, the number of independent traits.
    """

    distance: float
    count: int

    @property
    def bounds(self) -> tuple[float, float]:
        """The distances between which 998 of 1,000 real pictures lie, by the Wilson-Hilferty approximation."""
        spread = 2 / (9 * self.count)
        low, high = (max(0.0, 1 - spread + z * math.sqrt(spread)) for z in (-NORMAL_QUANTILE, NORMAL_QUANTILE))
        return low**1.5, high**1.5

    @property
    def usual(self) -> bool:
        """Whether the distance lies within ``bounds``: neither too far from the average face nor too near to it."""
        return self.bounds[0] <= self.distance <= self.bounds[1]


def traits_of(latents: Latents, vectors: AttributeVectors) -> Traits:
    """Return the traits of one picture, whose latents are a batch of one."""
    flat = latents.flatten()[0].float()
    projections = (vectors.directions.to(flat.device).float() @ flat).cpu().double()
    covariance = vectors.covariance.cpu().double()
    sigma = covariance.diagonal().sqrt()
    values, basis = torch.linalg.eigh(covariance / sigma.outer(sigma))
    kept = values > LEAST_EIGENVALUE
    squares = ((projections / sigma) @ basis[:, kept]).square() / values[kept]
    count = int(kept.sum())
    return Traits(math.sqrt(float(squares.sum()) / count), count)
