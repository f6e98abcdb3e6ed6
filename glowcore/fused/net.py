"""Runs a folded coupling network."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from glowcore.fused import onednn
from glowcore.fused.folding import FoldedNet


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
