r"""Shrunk linear discriminants of many attributes at once, where there are as many dimensions as pictures.

Fisher's discriminant is :math:`w = \Sigma^{-1} (\mu_1 - \mu_0)`. The total covariance may replace that within
classes: it changes only the length of w (Sherman-Morrison). With as many dimensions as pictures the estimate of
:math:`\Sigma` must be shrunk towards a multiple of the identity (Friedman 1989, Ledoit & Wolf 2004):

.. math:: w = (S + \lambda \nu I)^{-1} (m_1 - m_0), \qquad \nu = \mathrm{tr}(S) / D

The latents of a flow are nearly white, so conjugate gradients solve this in a few dozen passes over the data, for all
attributes and several :math:`\lambda` at once, without forming the ``D x D`` matrix.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

MAX_PASSES = 60
TOLERANCE = 1e-2


def solve(apply: Callable[[Tensor], Tensor], targets: Tensor, shifts: Tensor) -> Tensor:
    """Solve ``(S + shift_k I) w_k = t_k`` for every column k by conjugate gradients.

    A column is finished at a relative residual of :data:`TOLERANCE`. After :data:`MAX_PASSES` passes the columns that
    have not converged are returned as they are.

    Args:
        apply: ``[D, K] -> [D, K]``, the product with the symmetric positive semi-definite S.
        targets: ``[D, K]`` float32.
        shifts: ``[K]``, positive.

    Returns:
        ``[D, K]`` float32.
    """
    solution = torch.zeros_like(targets)
    residual, direction = targets.clone(), targets.clone()
    squared = _dots(residual, residual)
    goal = squared * TOLERANCE**2
    active = torch.arange(targets.shape[1])
    for _ in range(MAX_PASSES):
        active = active[squared[active] > goal[active]]
        if len(active) == 0:
            break
        p = direction[:, active]
        product = apply(p) + p * shifts[active].to(p)
        step = squared[active] / _dots(p, product)
        solution[:, active] += p * step.to(p)
        residual[:, active] -= product * step.to(p)
        before = squared[active]
        squared[active] = _dots(residual[:, active], residual[:, active])
        direction[:, active] = residual[:, active] + p * (squared[active] / before).to(p)
    return solution


def _dots(a: Tensor, b: Tensor) -> Tensor:
    return (a.double() * b.double()).sum(0)
