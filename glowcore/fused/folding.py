"""Folded weights of a trained Glow: the same function with fewer and larger operators.

Actnorm is folded into the 1x1 convolution; the zero convolution's scale and the sigmoid's shift into the last
convolution of a coupling network. Inverses are computed once, in float64.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from glowcore.flow import Flow
from glowcore.levels import Level
from glowcore.networks import CouplingNet, ZeroConv2d
from glowcore.priors import Split
from glowcore.transforms.actnorm import ActNorm
from glowcore.transforms.affine_move import RAW_SHIFT
from glowcore.transforms.base import Transform, is_exactly
from glowcore.transforms.conv1x1 import ChannelLinear, InvertibleConv1x1, InvertibleConv1x1LU
from glowcore.transforms.coupling import AdditiveCoupling, AffineCoupling
from glowcore.transforms.mixing import Mixing
from glowcore.transforms.partition import ChannelHalves
from glowcore.transforms.permutation import Permutation
from glowcore.transforms.squeeze import Squeeze
from glowcore.transforms.step import FlowStep

Conv = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class FoldedNet:
    """A coupling network: three convolutions (weight, bias) and the position bias of the first layer, or None."""

    conv_in: Conv
    conv_mid: Conv
    conv_out: Conv
    position: Tensor | None


@dataclass(frozen=True)
class FoldedStep:
    """A step: ``mix`` (forward) and ``unmix`` (inverse) as 1x1 convolutions, the coupling, its constant logdet.

    The coupling is additive if ``scale_min`` is None and otherwise affine, with the sigmoid's shift by 2 already in
    ``conv_out``.
    """

    mix: Conv
    unmix: Conv
    net: FoldedNet
    scale_min: float | None
    logdet: float


@dataclass(frozen=True)
class FoldedLevel:
    """A level: its steps, the convolution and position bias of its split (None at the top), and its ``(C, H, W)``."""

    steps: list[FoldedStep]
    split: Conv | None
    split_position: Tensor | None
    shape: tuple[int, int, int]


#: The classes that :func:`fold` can read.
_FOLDABLE = (
    nn.ModuleList, Level, Squeeze, FlowStep, ActNorm, InvertibleConv1x1, InvertibleConv1x1LU, Permutation,
    AdditiveCoupling, AffineCoupling, ChannelHalves, CouplingNet, nn.Conv2d, ZeroConv2d, Split,
)  # fmt: skip


def can_fold(flow: Flow) -> bool:
    """Return whether every level of a flow is a squeeze, steps of Glow and a split, of exactly these classes."""
    return (
        type(flow) is Flow
        and flow.preprocess is None
        and all(is_exactly(module, *_FOLDABLE) for module in flow.levels.modules())
        and all(isinstance(level.squeeze, Squeeze) and all(map(_can_fold_step, level.steps)) for level in flow.levels)
        and all(level.split is None or isinstance(level.split.conv, ZeroConv2d) for level in flow.levels)
    )


def _can_fold_step(step: Transform) -> bool:
    if not isinstance(step, FlowStep) or not isinstance(step.coupling.net, CouplingNet):
        return False
    partition, net = step.coupling.partition, step.coupling.net
    return (
        isinstance(partition, ChannelHalves)
        and not partition.swap
        and _is_plain(net.conv_in, 3)
        and _is_plain(net.conv_mid, 1)
        and isinstance(net.conv_out, ZeroConv2d)
    )


def _is_plain(conv: nn.Module, size: int) -> bool:
    """Return whether a module is a convolution of size x size with a bias and zero padding that keeps the size."""
    if not isinstance(conv, nn.Conv2d) or conv.bias is None or conv.weight.shape[2:] != (size, size):
        return False
    pad = size // 2
    settings = (conv.padding, conv.padding_mode, conv.dilation, conv.stride, conv.groups)
    return settings == ((pad, pad), "zeros", (1, 1), (1, 1), 1)


@torch.no_grad()
def fold(flow: Flow) -> list[FoldedLevel]:
    """Return the folded levels of a flow, in its dtype and on its device."""
    folded = []
    channels, (height, width) = flow.config.channels, flow.image_size
    for level in flow.levels:
        channels, height, width = 4 * channels, height // 2, width // 2
        steps = [_fold_step(step, height * width) for step in level.steps]
        split, position = _fold_split(level.split) if level.split is not None else (None, None)
        folded.append(FoldedLevel(steps, split, position, (channels, height, width)))
        if level.split is not None:
            channels //= 2
    return folded


def _fold_step(step: FlowStep, positions: int) -> FoldedStep:
    mixing = step.mixing() if isinstance(step.permutation, ChannelLinear) else _permuted(step)
    inverse = Mixing(*(part.cpu() for part in mixing)).inverse()  # in float64, which not every device supports
    mix, unmix = ((m.weight.to(mixing.weight)[:, :, None, None], m.bias.to(mixing.bias)) for m in (mixing, inverse))
    affine = isinstance(step.coupling, AffineCoupling)
    return FoldedStep(
        mix=mix,
        unmix=unmix,
        net=_fold_net(step.coupling.net, affine=affine),
        scale_min=step.coupling.scale_min if affine else None,
        logdet=float(mixing.logdet) * positions,
    )


def _permuted(step: FlowStep) -> Mixing:
    """Return actnorm and permutation composed into one affine map."""
    log_scale, bias, order = step.actnorm.log_scale, step.actnorm.bias, step.permutation.order
    scale = log_scale.exp()
    return Mixing(scale.diag()[order], (scale * bias)[order], log_scale.sum())


def _fold_net(net: CouplingNet, *, affine: bool) -> FoldedNet:
    weight, bias = net.conv_out.folded()
    if affine:
        bias = bias + RAW_SHIFT * (torch.arange(len(bias), device=bias.device) >= len(bias) // 2).to(bias)
    convs = [(net.conv_in.weight, net.conv_in.bias), (net.conv_mid.weight, net.conv_mid.bias), (weight, bias)]
    return FoldedNet(*((_channels_last_weight(w), b.clone()) for w, b in convs), net.position_bias())


def _fold_split(split: Split) -> tuple[Conv, Tensor | None]:
    weight, bias = split.conv.folded()
    return (_channels_last_weight(weight), bias), split.position


def _channels_last_weight(weight: Tensor) -> Tensor:
    return weight.clone(memory_format=torch.channels_last)
