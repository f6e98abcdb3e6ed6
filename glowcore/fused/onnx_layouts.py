"""Memory layouts of the steps of a level in onnxruntime: feature maps, or rows of pixels for small maps.

The time of a level of 4x4 pixels is that of reading its weights. A matrix product reads them once and in order;
onnxruntime's convolution does not.
"""

from __future__ import annotations

import numpy as np

from glowcore.fused.folding import Conv, FoldedNet
from glowcore.fused.onnx_nodes import Nodes

#: onnxruntime's convolution rounds the number of output channels up to a multiple of this (AVX-512).
LANES = 16
#: Largest number of pixels computed by matrix products: at 16 a 32x32 picture took 2 to 7 % less time, at 64 2 % more.
ROWS_PIXELS = 16


def layout_of(g: Nodes, shape: tuple[int, int, int]) -> Maps | Rows:
    """Return the faster layout of a level of ``shape``, ``(C, H, W)``."""
    return Rows(g, shape) if shape[1] * shape[2] <= ROWS_PIXELS else Maps(g)


class Maps:
    """The layout ``[B, C, H, W]``, with convolutions."""

    def __init__(self, g: Nodes) -> None:
        self._g = g

    def enter(self, x: str) -> str:
        """Convert maps to this layout."""
        return x

    def leave(self, x: str) -> str:
        """Convert this layout to maps."""
        return x

    def mix(self, x: str, conv: Conv) -> str:
        """Add a 1x1 convolution."""
        return conv2d(self._g, x, conv)

    def net(self, net: FoldedNet, x: str) -> str:
        """Add a coupling network."""
        g = self._g
        h = conv2d(g, x, net.conv_in, padding=1)
        if net.position is not None:
            h = g.op("Add", h, g.constant(net.position))
        h = g.op("Relu", h)
        h = g.op("Relu", conv2d(g, h, net.conv_mid))
        if len(net.conv_out[0]) % LANES:
            return _conv_transposed(g, h, net.conv_out)
        return conv2d(g, h, net.conv_out, padding=1)


class Rows:
    """The layout ``[B * H * W, C]``, with matrix products."""

    def __init__(self, g: Nodes, shape: tuple[int, int, int]) -> None:
        self._g = g
        self._shape = shape
        self._neighbours = g.constant(_neighbours(*shape[1:]))

    def enter(self, x: str) -> str:
        """Convert maps to this layout."""
        g = self._g
        return g.reshape(g.op("Transpose", x, perm=[0, 2, 3, 1]), -1, self._shape[0])

    def leave(self, x: str) -> str:
        """Convert this layout to maps."""
        channels, height, width = self._shape
        return self._g.op("Transpose", self._g.reshape(x, -1, height, width, channels), perm=[0, 3, 1, 2])

    def mix(self, x: str, conv: Conv) -> str:
        """Add a 1x1 convolution."""
        weight, bias = conv
        return self._g.op("Gemm", x, self._g.constant(weight[:, :, 0, 0].t()), self._g.constant(bias))

    def net(self, net: FoldedNet, x: str) -> str:
        """Add a coupling network."""
        g = self._g
        h = self._conv3x3(x, net.conv_in)
        if net.position is not None:
            hidden, pixels = len(net.conv_in[0]), self._shape[1] * self._shape[2]
            position = g.constant(net.position.reshape(hidden, pixels).t())
            h = g.reshape(g.op("Add", g.reshape(h, -1, pixels, hidden), position), -1, hidden)
        h = g.op("Relu", h)
        h = g.op("Relu", self.mix(h, net.conv_mid))
        return self._conv3x3(h, net.conv_out)

    def _conv3x3(self, x: str, conv: Conv) -> str:
        weight, bias = conv
        g, (out, channels) = self._g, weight.shape[:2]
        pixels = g.reshape(x, -1, self._shape[1] * self._shape[2], channels)
        padded = g.op("Pad", pixels, g.constant([0, 0, 0, 0, 1, 0]))  # one pixel of zeros, the value outside the map
        taps = g.reshape(g.op("Gather", padded, self._neighbours, axis=1), -1, 9 * channels)
        return g.op("Gemm", taps, g.constant(weight.permute(2, 3, 1, 0).reshape(-1, out)), g.constant(bias))


def conv2d(g: Nodes, x: str, conv: Conv, padding: int = 0) -> str:
    """Add a convolution of maps."""
    weight, bias = (g.constant(t) for t in conv)
    return g.op("Conv", x, weight, bias, pads=[padding] * 4)


def _conv_transposed(g: Nodes, x: str, conv: Conv) -> str:
    """Add a 3x3 convolution of maps, padded by 1, as an equivalent transposed convolution.

    onnxruntime computes it as one matrix product, without rounding up the number of output channels.
    """
    weight, bias = conv
    flipped = weight.transpose(0, 1).flip(2, 3)
    return g.op("ConvTranspose", x, g.constant(flipped), g.constant(bias), pads=[1] * 4)


def _neighbours(height: int, width: int) -> np.ndarray:
    """Return the indices of the nine pixels that a 3x3 convolution reads for each pixel, ``[H * W, 9]``.

    ``H * W`` is the index of all pixels outside the map.
    """
    inside = np.arange(height * width).reshape(height, width)
    padded = np.pad(inside, 1, constant_values=height * width)
    return np.lib.stride_tricks.sliding_window_view(padded, (3, 3)).reshape(-1, 9)
