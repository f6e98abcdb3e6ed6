"""Convolution and ReLU as one operator of oneDNN, which PyTorch uses on a CPU."""

from __future__ import annotations

import torch
from torch import Tensor

#: The one operator costs more per call, so it pays from this many pictures on.
LARGE_BATCH = 8

#: Dtypes that oneDNN computes in.
DTYPES = (torch.float32, torch.bfloat16)


def available(weight: Tensor) -> bool:
    """Whether oneDNN has the operator for such weights."""
    has_operator = hasattr(torch.ops.mkldnn, "_convolution_pointwise")
    return has_operator and weight.device.type == "cpu" and weight.dtype in DTYPES


class PackedConv:
    """A convolution whose weights lie in memory as oneDNN wants them, for batches of pictures ``[*, in, H, W]``."""

    def __init__(self, weight: Tensor, bias: Tensor, size: tuple[int, int], *, relu: bool) -> None:
        self.pads = [weight.shape[-1] // 2] * 2
        # Packed for a batch of 32; other batches run as well, if not always quite as fast.
        shape = [32, weight.shape[1], *size]
        self.weight = torch.ops.mkldnn._reorder_convolution_weight(weight, self.pads, [1, 1], [1, 1], 1, shape)
        self.bias = bias
        self.then = "relu" if relu else "none"

    def __call__(self, x: Tensor) -> Tensor:
        """Map ``[B, in, H, W]`` to ``[B, out, H, W]``."""
        return torch.ops.mkldnn._convolution_pointwise(
            x, self.weight, self.bias, self.pads, [1, 1], [1, 1], 1, self.then, [], ""
        )
