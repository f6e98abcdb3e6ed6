"""Convolution and ReLU as one operator of oneDNN, PyTorch's library for CPUs."""

from __future__ import annotations

import torch
from torch import Tensor

#: Smallest batch that uses the fused operator, which has a higher overhead per call.
LARGE_BATCH = 8

#: Dtypes that the operator supports.
DTYPES = (torch.float32, torch.bfloat16)


def available(weight: Tensor) -> bool:
    """Return whether oneDNN has the operator for the device and dtype of ``weight``."""
    has_operator = hasattr(torch.ops.mkldnn, "_convolution_pointwise")
    return has_operator and weight.device.type == "cpu" and weight.dtype in DTYPES


class PackedConv:
    """A convolution with weights in oneDNN's memory layout, for batches ``[B, in, H, W]`` of one size (H, W)."""

    def __init__(self, weight: Tensor, bias: Tensor, size: tuple[int, int], *, relu: bool) -> None:
        self.pads = [weight.shape[-1] // 2] * 2
        # The layout is optimised for a batch of 32; other batches work, but may be slightly slower.
        shape = [32, weight.shape[1], *size]
        self.weight = torch.ops.mkldnn._reorder_convolution_weight(weight, self.pads, [1, 1], [1, 1], 1, shape)
        self.bias = bias
        self.activation = "relu" if relu else "none"

    def __call__(self, x: Tensor) -> Tensor:
        """Map ``[B, in, H, W]`` to ``[B, out, H, W]``."""
        return torch.ops.mkldnn._convolution_pointwise(
            x, self.weight, self.bias, self.pads, [1, 1], [1, 1], 1, self.activation, [], ""
        )
