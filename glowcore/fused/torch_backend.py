"""Encode and decode with folded weights in plain PyTorch, on any device."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from glowcore.fused import onednn
from glowcore.fused.folding import FoldedLevel, FoldedNet
from glowcore.transforms.base import exact_arithmetic

#: Below this value ``log(sigmoid(raw))`` is ``raw``, to the last digit of float64.
LINEAR = -80.0


class FusedNet:
    """A folded coupling network for inputs of ``size`` (H, W).

    Its three convolutions are computed in ``dtype``; None keeps the dtype of the weights.
    """

    def __init__(self, net: FoldedNet, size: tuple[int, int], dtype: torch.dtype | None) -> None:
        self.dtype = dtype
        convs = (net.conv_in, net.conv_mid, net.conv_out)
        self.convs = [(w.to(dtype or w.dtype), b.to(dtype or b.dtype)) for w, b in convs]
        self.position = None if net.position is None else net.position.to(dtype or net.position.dtype)
        self.packed = None
        if self.position is None and onednn.available(self.convs[0][0]):
            self.packed = [onednn.PackedConv(*conv, size, relu=index < 2) for index, conv in enumerate(self.convs)]

    def __call__(self, x: Tensor) -> Tensor:
        """Map ``[B, in, H, W]`` to ``[B, out, H, W]``, in the dtype of the network."""
        if self.dtype is not None:
            x = x.to(self.dtype)
        if self.packed is not None and len(x) >= onednn.LARGE_BATCH:
            for conv in self.packed:
                x = conv(x)
            return x
        conv_in, conv_mid, conv_out = self.convs
        h = F.conv2d(x, *conv_in, padding=1)
        if self.position is not None:
            h += self.position
        h = F.relu_(h)
        h = F.relu_(F.conv2d(h, *conv_mid))
        return F.conv2d(h, *conv_out, padding=1)


class TorchBackend:
    """Folded levels in PyTorch.

    ``dtype`` is that of the coupling networks, ``"float32"`` (the dtype of the model) or ``"bfloat16"``. Autocast has
    no effect.
    """

    def __init__(self, levels: Sequence[FoldedLevel], dtype: str) -> None:
        self.levels = list(levels)
        # None keeps the dtype of the model: a float64 model stays float64.
        net_dtype = torch.bfloat16 if dtype == "bfloat16" else None
        self.nets = [[FusedNet(step.net, level.shape[1:], net_dtype) for step in level.steps] for level in self.levels]

    def encode(self, x: Tensor) -> list[Tensor]:
        """Map points of the cube to ``eps`` of all levels but the top, the raw top, and the log-determinant ``[B]``."""
        with exact_arithmetic(x):
            return self._encode(x)

    def decode(self, latents: Sequence[Tensor]) -> Tensor:
        """Map ``eps`` of every level but the top, and the raw top, to points of the cube."""
        with exact_arithmetic(latents[-1]):
            return self._decode(latents)

    def _encode(self, x: Tensor) -> list[Tensor]:
        eps_levels = []
        logdet = x.new_zeros(x.shape[0])
        for level, nets in zip(self.levels, self.nets, strict=True):
            x = F.pixel_unshuffle(x, 2)
            log_scales = None
            for step, net in zip(level.steps, nets, strict=True):
                x = F.conv2d(x, *step.mix)
                half = x.shape[1] // 2
                h = net(x[:, :half])
                x_b = x[:, half:]
                if step.scale_min is None:
                    x_b.add_(h)
                else:
                    raw = _raw(h[:, half:], x.dtype)
                    scale = _scale(raw, step.scale_min)
                    x_b.add_(h[:, :half]).mul_(scale)
                    log_scale = scale.log_()
                    if not step.scale_min:  # a scale without a floor can underflow to 0
                        torch.maximum(log_scale, raw.clamp_(max=LINEAR), out=log_scale)
                    log_scales = log_scale if log_scales is None else log_scales.add_(log_scale)
            logdet += sum(step.logdet for step in level.steps)
            if log_scales is not None:
                logdet += log_scales.sum(dim=(1, 2, 3))
            if level.split is not None:
                kept, other = x.chunk(2, dim=1)
                mean, log_std = self._split_stats(level, kept)
                eps_levels.append((other - mean) * (-log_std).exp_())
                logdet -= log_std.sum(dim=(1, 2, 3))
                x = kept
        return [*eps_levels, x, logdet]

    def _decode(self, latents: Sequence[Tensor]) -> Tensor:
        x = latents[-1]
        for index in range(len(self.levels) - 1, -1, -1):
            level = self.levels[index]
            if level.split is not None:
                mean, log_std = self._split_stats(level, x)
                x = torch.cat([x, torch.addcmul(mean, log_std.exp(), latents[index])], dim=1)
            elif index == len(self.levels) - 1:
                # A copy, since the steps work in place and must not change the caller's tensor.
                x = x.clone(memory_format=torch.channels_last)
            for step, net in zip(reversed(level.steps), reversed(self.nets[index]), strict=True):
                half = x.shape[1] // 2
                h = net(x[:, :half])
                x_b = x[:, half:]
                if step.scale_min is None:
                    x_b.sub_(h)
                else:
                    x_b.div_(_scale(_raw(h[:, half:], x.dtype), step.scale_min)).sub_(h[:, :half])
                x = F.conv2d(x, *step.unmix)
            x = F.pixel_shuffle(x, 2)
        return x

    def _split_stats(self, level: FoldedLevel, kept: Tensor) -> tuple[Tensor, Tensor]:
        stats = F.conv2d(kept, *level.split, padding=1)
        if level.split_position is not None:
            stats += level.split_position
        return stats.chunk(2, dim=1)


def _raw(raw: Tensor, dtype: torch.dtype) -> Tensor:
    """Return a contiguous copy in ``dtype``: a sigmoid or a logarithm of a view of few channels is much slower."""
    return raw.to(dtype, memory_format=torch.channels_last, copy=True)


def _scale(raw: Tensor, scale_min: float) -> Tensor:
    """Return the coupling's scale; ``raw`` includes the shift by 2 and is overwritten if ``scale_min`` is not 0."""
    return raw.sigmoid_().mul_(1 - scale_min).add_(scale_min) if scale_min else raw.sigmoid()
