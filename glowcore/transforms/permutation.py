"""Fixed permutations of channels, the alternatives to a learned 1x1 convolution (Glow, figure 3)."""

from __future__ import annotations

import torch
from torch import Tensor

from glowcore.transforms.base import Transform


class Permutation(Transform):
    """A reordering of channels, ``z[:, i] = x[:, order[i]]``, logdet 0. ``order`` (``[C]``, int64) is a buffer."""

    def __init__(self, order: Tensor) -> None:
        super().__init__()
        self.register_buffer("order", order)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map data to latent."""
        return x[:, self.order], x.new_zeros(x.shape[0])

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Map latent to data."""
        return z[:, self.order.argsort()], z.new_zeros(z.shape[0])


def reverse(channels: int) -> Permutation:
    """Return the permutation that reverses the order of the channels (Real NVP)."""
    return Permutation(torch.arange(channels - 1, -1, -1))


def shuffle(channels: int, seed: int) -> Permutation:
    """Return a random permutation that depends on ``seed`` alone and is the same on every machine."""
    order = torch.randperm(channels, generator=torch.Generator().manual_seed(seed), device="cpu")
    return Permutation(order.to(torch.get_default_device()))
