"""The networks inside couplings and priors, which need not be invertible but must be deterministic."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from glowcore.transforms.base import channels_last, hooked


def unit_scale(std: Tensor) -> Tensor:
    """Return the factors that scale standard deviations ``std`` to 1.

    The factor of a constant channel is 1: dividing by its standard deviation would only magnify rounding errors.
    """
    return torch.where(std > 1e-6, 1 / std.clamp_min(1e-6), torch.ones_like(std))


@torch.no_grad()
def normalise(layer: nn.Conv2d | nn.Linear, x: Tensor) -> None:
    """Scale a layer in place so that its outputs have mean 0 and standard deviation 1 on ``x`` in each channel.

    A layer whose weight or bias is computed from others, by ``weight_norm`` or pruning, is not changed.
    """
    if isinstance(layer.weight, nn.Parameter) and isinstance(layer.bias, nn.Parameter):
        h = layer(x)
        std, mean = torch.std_mean(h, dim=(0, *range(2, h.dim())), correction=0)
        scale = unit_scale(std)
        layer.weight.mul_(scale.reshape(-1, *[1] * (layer.weight.dim() - 1)))
        layer.bias.copy_((layer.bias - mean) * scale)


def relu_of(layer: nn.Module, h: Tensor) -> Tensor:
    """Return the ReLU of ``h``, computed from the output of ``layer``, in place unless the layer has hooks.

    A backward hook makes the output a view that autograd does not allow to be changed, and a forward hook may keep it.
    """
    return F.relu(h, inplace=not hooked(layer))


class ZeroConv2d(nn.Module):
    """A 3x3 convolution initialised to zero, with output times ``exp(3 log_scale)`` (Glow, section 3.3 and its code).

    A coupling with it as the last layer is initialised to the identity, up to Glow's constant scale, and a prior to the
    standard normal.
    """

    #: Factor of the log-scale in the paper's code, which makes it learn faster.
    LOG_SCALE_FACTOR = 3.0

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(out_channels, in_channels, 3, 3))
        self.bias = nn.Parameter(torch.zeros(out_channels))
        self.log_scale = nn.Parameter(torch.zeros(out_channels))

    def folded(self) -> tuple[Tensor, Tensor]:
        """Return weight and bias of an equivalent plain convolution."""
        scale = (self.log_scale * self.LOG_SCALE_FACTOR).exp()
        return self.weight * scale.reshape(-1, 1, 1, 1), self.bias * scale

    @torch.no_grad()
    def rescale(self, channels: slice, factor: float, offset: float) -> None:
        """Change the output of some channels in place to ``factor`` times the output plus ``offset``."""
        self.log_scale[channels] += math.log(factor) / self.LOG_SCALE_FACTOR
        self.bias[channels] += offset * (-self.LOG_SCALE_FACTOR * self.log_scale[channels]).exp()

    def forward(self, x: Tensor) -> Tensor:
        """Map ``[B, in, H, W]`` to ``[B, out, H, W]``."""
        return F.conv2d(x, *self.folded(), padding=1)


class CouplingNet(nn.Module):
    """conv 3x3, ReLU, conv 1x1, ReLU, zero conv 3x3 (Glow, section 5).

    The paper has an actnorm behind each hidden convolution. Its scale and shift can be folded into the convolution, so
    :meth:`initialize` sets the weights to the same initial function and no extra operators remain.

    ``position_channels`` R > 0 adds a bias that depends on the position, ``mix @ maps``: R learned maps of the size of
    the level, mixed into the hidden channels. Convolutions do not depend on the position, which is informative in
    aligned pictures.
    """

    def __init__(
        self,
        in_channels: int,
        hidden_channels: int,
        out_channels: int,
        size: tuple[int, int],
        position_channels: int = 0,
    ) -> None:
        super().__init__()
        self.conv_in = nn.Conv2d(in_channels, hidden_channels, 3, padding=1)
        self.conv_mid = nn.Conv2d(hidden_channels, hidden_channels, 1)
        self.conv_out = ZeroConv2d(hidden_channels, out_channels)
        for conv in (self.conv_in, self.conv_mid):
            nn.init.normal_(conv.weight, std=0.05)
            nn.init.zeros_(conv.bias)
        self.maps = self.mix = None
        if position_channels:
            self.maps = nn.Parameter(torch.randn(position_channels, *size))
            self.mix = nn.Parameter(torch.zeros(hidden_channels, position_channels))

    @torch.no_grad()
    def initialize(self, x: Tensor) -> None:
        """Normalise both hidden layers on ``x``, before their ReLU (:func:`normalise`)."""
        for conv in (self.conv_in, self.conv_mid):
            normalise(conv, x)
            x = F.relu(conv(x))

    def position_bias(self) -> Tensor | None:
        """Return the position bias of the first hidden layer, ``[1, hidden, H, W]``, or None."""
        if self.maps is None:
            return None
        return channels_last(torch.einsum("hr,ryx->hyx", self.mix, self.maps)[None])

    def forward(self, x: Tensor) -> Tensor:
        """Map ``[B, in, H, W]`` to ``[B, out, H, W]``."""
        h = self.conv_in(x)
        bias = self.position_bias()
        if bias is not None:
            h = h + bias.to(h.dtype)
        h = relu_of(self.conv_in, h)
        h = relu_of(self.conv_mid, self.conv_mid(h))
        return self.conv_out(h)
