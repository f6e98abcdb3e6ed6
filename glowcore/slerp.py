"""Spherical interpolation (Shoemake 1985) of batches of tensors."""

from __future__ import annotations

import torch
from torch import Tensor


def slerp(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """Return the spherical interpolation from ``a`` (``t = 0``) to ``b`` (1), ``[B, c, h, w]``; ``t`` broadcasts."""
    norm_a = a.flatten(1).norm(dim=1).reshape(-1, 1, 1, 1)
    norm_b = b.flatten(1).norm(dim=1).reshape(-1, 1, 1, 1)
    unit_a, unit_b = a / norm_a.clamp_min(1e-12), b / norm_b.clamp_min(1e-12)
    # Zero has no direction: the way from or to it is straight.
    unit_a, unit_b = torch.where(norm_a == 0, unit_b, unit_a), torch.where(norm_b == 0, unit_a, unit_b)
    # The arc cosine of the inner product would have an infinite derivative at equal directions.
    difference, total = ((unit_a + sign * unit_b).flatten(1).norm(dim=1).reshape(-1, 1, 1, 1) for sign in (-1, 1))
    angle = 2 * torch.atan2(difference, total)
    # For (anti)parallel directions sin(angle) vanishes; the limit of the arc is the straight line.
    flat = angle.sin() < 1e-4
    sine = torch.where(flat, torch.ones_like(angle), angle.sin())
    weight_a = torch.where(flat, 1 - t, ((1 - t) * angle).sin() / sine)
    weight_b = torch.where(flat, t, (t * angle).sin() / sine)
    return (weight_a * unit_a + weight_b * unit_b) * torch.lerp(norm_a, norm_b, t)
