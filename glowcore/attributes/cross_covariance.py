r"""The covariance between attributes that were fitted apart.

A fit measures the covariance C of its own projections :math:`\langle \epsilon, d \rangle` only. For directions B that
were fitted apart from directions A the covariance between both is estimated: of a direction in B, the share within the
span of A varies as C says, and the rest is uncorrelated with A, as it would be for standard normal latents:

.. math:: X = C_A \, (A A^T)^{-1} A B^T

A is the larger of both sets. For sets of equal size X is the mean of the estimates from either set.

Standard normal latents alone would give :math:`X = A B^T`. Real encodings vary more along attributes (by 1.6 to 1.8 for
``pretrained/faces64``), and the standard deviation of a direction after ``orthogonalise`` would then be far too large.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

#: Largest canonical correlation between the two sets. From 1 on, the joint covariance would not be positive definite.
MOST_CORRELATED = 0.999


def cross_covariance(a: Tensor, covariance_a: Tensor, b: Tensor, covariance_b: Tensor) -> Tensor:
    """Return the covariance between projections on two sets of directions, ``[A, B]`` float64 on the CPU.

    The joint covariance of both sets is positive definite if the two given ones are.

    Args:
        a: directions ``[A, D]``.
        covariance_a: of the projections on ``a``, ``[A, A]`` float64.
        b: directions ``[B, D]``.
        covariance_b: of the projections on ``b``, ``[B, B]`` float64.
    """
    a, b = a.cpu().double(), b.cpu().double()
    # The larger set covers more of the latents' covariance. The mean of two valid estimates is valid.
    if len(a) > len(b):
        return _implied_by(a, covariance_a, b, covariance_b)
    from_b = _implied_by(b, covariance_b, a, covariance_a).T
    return from_b if len(b) > len(a) else (_implied_by(a, covariance_a, b, covariance_b) + from_b) / 2


def _implied_by(a: Tensor, covariance_a: Tensor, b: Tensor, covariance_b: Tensor) -> Tensor:
    """Return the covariance of both sets as the covariance of ``a`` implies it."""
    share = torch.linalg.pinv(a @ a.T, rtol=1e-10, hermitian=True) @ (a @ b.T)
    implied = share.T @ covariance_a @ share  # variance of b within the span of a, as a's fit measured it
    ridge = 1e-9 * (covariance_b.trace() + implied.trace()).clamp_min(1e-30)
    regular = covariance_b + ridge * torch.eye(len(b), dtype=torch.float64, device="cpu")
    ratios = torch.linalg.eigvals(torch.linalg.solve(regular, implied))
    correlation = math.sqrt(max(float(ratios.real.max()), 0.0))
    return covariance_a @ share * min(1.0, MOST_CORRELATED / max(correlation, 1e-300))
