"""How usual the traits of a face are, all attributes together, among the real pictures that they were learnt from.

An edit changes some tens of the ten thousand numbers of an encoding: its distance from the centre hardly moves, however
wrecked the face. Among the attributes it shows. Let x be the projections of an encoding on their directions and C the
covariance of x over real pictures, with k eigenvalues; then x' C^-1 x is about chi-squared with k degrees of freedom.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from glowcore import AttributeVectors
from glowcore.latents import Latents

NORMAL_QUANTILE = 3.0902  # one real picture in 1,000 is beyond, on either side
LEAST_EIGENVALUE = 0.02  # of the correlations: directions that are nearly the same count once


@dataclass(frozen=True)
class Traits:
    """Where a face stands.

    Attributes:
        distance: from the average face, relative to what is expected of a real one: 1 is typical.
        count: of independent traits.
    """

    distance: float
    count: int

    @property
    def bounds(self) -> tuple[float, float]:
        """998 of 1,000 real pictures lie between: the quantiles of chi, by Wilson and Hilferty's cube root."""
        spread = 2 / (9 * self.count)
        low, high = (max(0.0, 1 - spread + z * math.sqrt(spread)) for z in (-NORMAL_QUANTILE, NORMAL_QUANTILE))
        return low**1.5, high**1.5

    @property
    def usual(self) -> bool:
        """Whether the distance is one of a real picture: neither too far from the average face nor too near to it."""
        return self.bounds[0] <= self.distance <= self.bounds[1]


def traits_of(latents: Latents, vectors: AttributeVectors) -> Traits:
    """The traits of one encoded picture, a batch of one."""
    flat = latents.flatten()[0].float()
    along = (vectors.directions.to(flat.device).float() @ flat).cpu().double()
    covariance = vectors.covariance.cpu().double()
    sigma = covariance.diagonal().sqrt()
    values, basis = torch.linalg.eigh(covariance / sigma.outer(sigma))
    kept = values > LEAST_EIGENVALUE
    squares = ((along / sigma) @ basis[:, kept]).square() / values[kept]
    count = int(kept.sum())
    return Traits(math.sqrt(float(squares.sum()) / count), count)
