"""The residual network of Real NVP's couplings."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from glowcore.networks import ZeroConv2d, relu_of, unit_scale


class WeightNormConv2d(nn.Module):
    r"""A convolution whose weight is :math:`g\,v / |v|`, one gain g a filter (Salimans & Kingma 2016)."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int) -> None:
        super().__init__()
        self.direction = nn.Parameter(torch.randn(out_channels, in_channels, kernel_size, kernel_size) * 0.05)
        self.gain = nn.Parameter(torch.ones(out_channels))
        self.bias = nn.Parameter(torch.zeros(out_channels))

    @torch.no_grad()
    def initialize(self, x: Tensor) -> None:
        """Scale each output channel to mean 0 and standard deviation 1 on ``x`` (Salimans & Kingma 2016, section 3)."""
        std, mean = torch.std_mean(self(x), dim=(0, 2, 3), correction=0)
        scale = unit_scale(std)
        self.gain.mul_(scale)
        self.bias.copy_((self.bias - mean) * scale)

    def weight(self) -> Tensor:
        """Return the weight of the equivalent plain convolution."""
        norm = self.direction.square().sum(dim=(1, 2, 3), keepdim=True).sqrt()
        return self.direction * (self.gain.reshape(-1, 1, 1, 1) / norm)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``[B, in, H, W]`` to ``[B, out, H, W]``."""
        return F.conv2d(x, self.weight(), self.bias, padding=self.direction.shape[2] // 2)


class WeightNormBlock(nn.Module):
    """``x + conv(relu(conv(relu(x))))``, both convolutions 3x3 and weight-normalised."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = WeightNormConv2d(channels, channels, 3)
        self.second = WeightNormConv2d(channels, channels, 3)

    @torch.no_grad()
    def initialize(self, x: Tensor) -> None:
        """Initialise both convolutions, each from its own input."""
        x = F.relu(x)
        self.first.initialize(x)
        self.second.initialize(F.relu(self.first(x)))

    def forward(self, x: Tensor) -> Tensor:
        """Map ``[B, C, H, W]`` to the same shape."""
        return x + self.second(relu_of(self.first, self.first(F.relu(x))))


class ResidualNet(nn.Module):
    """Residual blocks with 1x1 skip connections from each block to the last layer (Dinh et al. 2016, section 3.7).

    The last layer is initialised to zero, so a coupling is initialised to the identity. In place of the paper's batch
    normalisation, weight normalisation is initialised from the first batch; the output for a picture then does not
    depend on its batch.
    """

    def __init__(self, in_channels: int, hidden_channels: int, out_channels: int, blocks: int) -> None:
        super().__init__()
        self.conv_in = WeightNormConv2d(in_channels, hidden_channels, 3)
        self.blocks = nn.ModuleList(WeightNormBlock(hidden_channels) for _ in range(blocks))
        self.skips = nn.ModuleList(WeightNormConv2d(hidden_channels, hidden_channels, 1) for _ in range(blocks + 1))
        self.conv_out = ZeroConv2d(hidden_channels, out_channels)

    @torch.no_grad()
    def initialize(self, x: Tensor) -> None:
        """Scale the hidden layers to the batch ``x``, each from the output of the layers before it."""
        self.conv_in.initialize(x)
        h = self.conv_in(x)
        self.skips[0].initialize(h)
        for block, skip in zip(self.blocks, self.skips[1:], strict=True):
            block.initialize(h)
            h = block(h)
            skip.initialize(h)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``[B, in, H, W]`` to ``[B, out, H, W]``."""
        h = self.conv_in(x)
        total = self.skips[0](h)
        for block, skip in zip(self.blocks, self.skips[1:], strict=True):
            h = block(h)
            total = total + skip(h)
        return self.conv_out(relu_of(self.skips[0], total))
