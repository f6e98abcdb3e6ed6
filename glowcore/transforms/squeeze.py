"""The squeeze: blocks of pixels become channels (Dinh et al. 2016, section 3.6)."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from glowcore.transforms.base import Transform


class Squeeze(Transform):
    """``[B, C, H, W]`` to ``[B, 4C, H/2, W/2]``: each 2x2 block becomes four channels; logdet 0. H and W are even."""

    def output_shape(self, channels: int, height: int, width: int) -> tuple[int, int, int]:
        """Return the ``(C, H, W)`` of the output."""
        return 4 * channels, height // 2, width // 2

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map data to latent."""
        return F.pixel_unshuffle(x, 2), x.new_zeros(x.shape[0])

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Map latent to data."""
        return F.pixel_shuffle(z, 2), z.new_zeros(z.shape[0])
