"""The affine coupling of Real NVP (Dinh et al. 2016)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from glowcore.transforms.coupling import Coupling, Partition, summed


class TanhCoupling(Coupling):
    r"""Affine coupling (Dinh et al. 2016, section 3.2), its log-scale bounded by a learned limit.

    .. math::
        (t, r) = h(x_a), \quad s = \lambda \tanh(r), \quad z_b = x_b \odot e^{s} + t,
        \qquad x_b = (z_b - t) \odot e^{-s}, \qquad \mathrm{logdet} = \textstyle\sum s

    :math:`\lambda`, one a channel that moves, starts at 1.
    """

    #: Network outputs per moved channel.
    OUTPUTS = 2

    def __init__(self, net: nn.Module, channels: int, partition: Partition | None = None) -> None:
        super().__init__(net, partition)
        self.limit = nn.Parameter(torch.ones(channels))

    def shift_log_scale(self, h: Tensor) -> tuple[Tensor, Tensor]:
        """Return ``t`` and ``s``, each of the shape of the half that moves."""
        t, raw = h.chunk(2, dim=1)
        return t, self.limit.reshape(-1, *[1] * (raw.ndim - 2)) * raw.tanh()

    def move(self, x_b: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        """Return ``z_b`` and the log-determinant ``[B]``."""
        t, log_s = self.shift_log_scale(h)
        return x_b * log_s.exp() + t, summed(self.partition.moving(log_s))

    def move_back(self, z_b: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        """Return ``x_b`` and the log-determinant of the inverse, ``[B]``."""
        t, log_s = self.shift_log_scale(h)
        return (z_b - t) * (-log_s).exp(), -summed(self.partition.moving(log_s))
