"""The two networks of the VAE: an encoder of residual blocks and halvings of the picture, and a mirrored decoder."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F


class GroupNormBlock(nn.Module):
    """``x + conv(silu(norm(conv(silu(norm(x))))))``, both convolutions 3x3; the identity at initialisation.

    Group normalisation keeps training stable at the learning rates of flows; without it one bad step could collapse the
    encoder for good.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm_first, self.norm_second = norm(channels), norm(channels)
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``[B, C, H, W]`` to the same shape."""
        h = self.first(F.silu(self.norm_first(x)))
        return x + self.second(F.silu(self.norm_second(h)))


def norm(channels: int) -> nn.GroupNorm:
    """Return a group normalisation of ``channels`` channels in at most eight groups."""
    return nn.GroupNorm(math.gcd(channels, 8), channels)


class Encoder(nn.Module):
    """Map ``[B, C, H, W]`` to ``[B, outputs]``: a strided convolution and a residual block per halving."""

    def __init__(self, channels: int, widths: Sequence[int], size: tuple[int, int], outputs: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, width in zip((channels, *widths), widths, strict=False):
            layers += [nn.Conv2d(before, width, 4, stride=2, padding=1), GroupNormBlock(width)]
        self.layers = nn.Sequential(*layers)
        self.norm = norm(widths[-1])
        self.out = nn.Linear(widths[-1] * math.prod(size), outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Map pictures to the statistics of their latents."""
        return self.out(F.silu(self.norm(self.layers(x))).flatten(1))


class Decoder(nn.Module):
    """Map ``[B, inputs]`` to ``[B, outputs, H, W]``: a residual block and a transposed convolution per doubling."""

    def __init__(self, inputs: int, widths: Sequence[int], size: tuple[int, int], outputs: int) -> None:
        super().__init__()
        self.shape = (widths[-1], *size)
        self.first = nn.Linear(inputs, math.prod(self.shape))
        layers: list[nn.Module] = []
        for width, after in zip(reversed(widths), (*reversed(widths[:-1]), None), strict=True):
            layers += [GroupNormBlock(width), norm(width), nn.SiLU()]
            if after is not None:
                layers.append(nn.ConvTranspose2d(width, after, 4, stride=2, padding=1))
        self.layers = nn.Sequential(*layers)
        self.out = nn.ConvTranspose2d(widths[0], outputs, 4, stride=2, padding=1)

    def forward(self, z: Tensor) -> Tensor:
        """Map latents to the statistics of every value."""
        return self.out(self.layers(self.first(z).reshape(-1, *self.shape)))
