"""A learned scale of every value (Dinh et al. 2014, section 3.3)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from glowcore.transforms.base import Transform, same_for_batch


class DiagonalScale(Transform):
    r"""Scale of every value of a picture by its own factor, the only part of NICE that changes volume.

    .. math:: z = x \odot e^{s}, \qquad x = z \odot e^{-s}, \qquad \mathrm{logdet} = \textstyle\sum_i s_i

    ``log_scale`` is ``[C, H, W]``. :meth:`initialize` gives each value the standard deviation ``target_std`` on a first
    batch of two or more pictures.
    """

    #: Smallest standard deviation that initialisation divides by, so that a constant value gets a finite scale.
    STD_FLOOR = 1e-2

    def __init__(self, shape: tuple[int, int, int], target_std: float = 1.0) -> None:
        super().__init__()
        self.target_std = target_std
        self.log_scale = nn.Parameter(torch.zeros(shape))

    @torch.no_grad()
    def initialize(self, x: Tensor) -> None:
        """Set the scale so that each value of ``forward(x)`` has standard deviation ``target_std`` over the batch.

        A single picture has no standard deviation, so the scale stays 1.
        """
        if x.shape[0] == 1:
            return
        std = x.std(dim=0, correction=0).clamp_min(self.STD_FLOOR)
        self.log_scale.copy_((self.target_std / std).log())

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map data to latent."""
        return x * self.log_scale.exp(), same_for_batch(self.log_scale.sum(), x)

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Map latent to data."""
        return z * (-self.log_scale).exp(), same_for_batch(-self.log_scale.sum(), z)
