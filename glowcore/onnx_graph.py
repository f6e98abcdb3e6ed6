"""Folded levels as ONNX graphs, any batch size, weights inside."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from glowcore.folding import Conv, FoldedLevel, FoldedNet, FoldedStep

#: Of the operator set that every operator used here is stable in.
OPSET = 18
#: Output channels that onnxruntime's convolution computes at once with AVX-512, wanted or not.
LANES = 16


class _Graph:
    """Collects nodes and constants; every method returns the name of its result."""

    def __init__(self) -> None:
        from onnx import helper, numpy_helper

        self._helper, self._numpy_helper = helper, numpy_helper
        self.nodes: list = []
        self.constants: list = []

    def op(self, kind: str, *inputs: str, outputs: int = 1, **attributes):
        names = [f"{kind.lower()}{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(self._helper.make_node(kind, list(inputs), names, **attributes))
        return names[0] if outputs == 1 else names

    def constant(self, value: Tensor | np.ndarray | Sequence[int] | float) -> str:
        if isinstance(value, Tensor):
            array = np.ascontiguousarray(value.detach().numpy())
        elif isinstance(value, float):
            array = np.float32(value).reshape(())
        else:
            array = np.asarray(value, np.int64)
        name = f"constant{len(self.constants)}"
        self.constants.append(self._numpy_helper.from_array(np.asarray(array), name))
        return name

    def conv(self, x: str, conv: Conv, padding: int = 0) -> str:
        weight, bias = (self.constant(t) for t in conv)
        return self.op("Conv", x, weight, bias, pads=[padding] * 4)

    def conv_transposed(self, x: str, conv: Conv) -> str:
        """A 3x3 convolution, padded by 1, as the transposed one with the same result.

        All nine taps are then one matrix product, and its few output channels are not rounded up to whole lanes.
        """
        weight, bias = conv
        flipped = weight.transpose(0, 1).flip(2, 3)
        return self.op("ConvTranspose", x, self.constant(flipped), self.constant(bias), pads=[1] * 4)

    def halves(self, x: str) -> list[str]:
        return self.op("Split", x, outputs=2, axis=1, num_outputs=2)

    def squeeze(self, x: str, shape: tuple[int, int, int]) -> str:
        """``pixel_unshuffle`` by 2 to pictures of ``shape``; ONNX's own SpaceToDepth orders channels otherwise."""
        channels, height, width = shape
        split = self.op("Reshape", x, self.constant([-1, channels // 4, height, 2, width, 2]))
        moved = self.op("Transpose", split, perm=[0, 1, 3, 5, 2, 4])
        return self.op("Reshape", moved, self.constant([-1, channels, height, width]))

    def unsqueeze(self, x: str) -> str:
        return self.op("DepthToSpace", x, blocksize=2, mode="CRD")

    def sum_of(self, x: str) -> str:
        return self.op("ReduceSum", x, self.constant([1, 2, 3]), keepdims=0)

    def net(self, net: FoldedNet, x: str) -> str:
        h = self.conv(x, net.conv_in, padding=1)
        if net.position is not None:
            h = self.op("Add", h, self.constant(net.position))
        h = self.op("Relu", h)
        h = self.op("Relu", self.conv(h, net.conv_mid))
        if len(net.conv_out[0]) % LANES:
            return self.conv_transposed(h, net.conv_out)
        return self.conv(h, net.conv_out, padding=1)

    def scale(self, raw: str, scale_min: float) -> str:
        s = self.op("Sigmoid", raw)
        if scale_min:
            s = self.op("Add", self.op("Mul", s, self.constant(1 - scale_min)), self.constant(float(scale_min)))
        return s

    def split_stats(self, level: FoldedLevel, kept: str) -> list[str]:
        stats = self.conv(kept, level.split, padding=1)
        if level.split_position is not None:
            stats = self.op("Add", stats, self.constant(level.split_position))
        return self.halves(stats)

    def model(self, inputs: dict[str, tuple[int, int, int]], outputs: Sequence[str]) -> bytes:
        from onnx import TensorProto

        h = self._helper
        ins = [h.make_tensor_value_info(n, TensorProto.FLOAT, ["batch", *shape]) for n, shape in inputs.items()]
        outs = [h.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
        graph = h.make_graph(self.nodes, "flow", ins, outs, self.constants)
        model = h.make_model(graph, opset_imports=[h.make_opsetid("", OPSET)], ir_version=9)
        return model.SerializeToString()


def encode_graph(levels: Sequence[FoldedLevel]) -> bytes:
    """Return the model from points of the cube to eps of all levels but the top, the raw top, the log-determinant."""
    g = _Graph()
    channels, height, width = levels[0].shape
    x, eps_levels, logdets = "x", [], []
    for level in levels:
        x = g.squeeze(x, level.shape)
        for step in level.steps:
            x, log_scale = _forward_step(g, step, x)
            if log_scale is not None:
                logdets.append(g.sum_of(log_scale))
        if level.split is not None:
            kept, other = g.halves(x)
            mean, log_std = g.split_stats(level, kept)
            eps_levels.append(g.op("Mul", g.op("Sub", other, mean), g.op("Exp", g.op("Neg", log_std))))
            logdets.append(g.op("Neg", g.sum_of(log_std)))
            x = kept
    constant = g.constant(float(sum(step.logdet for level in levels for step in level.steps)))
    zero = g.op("Mul", g.sum_of("x"), g.constant(0.0))  # gives the constant its batch where nothing else does
    logdet = g.op("Add", g.op("Sum", zero, *logdets), constant)
    return g.model({"x": (channels // 4, 2 * height, 2 * width)}, [*eps_levels, x, logdet])


def decode_graph(levels: Sequence[FoldedLevel]) -> bytes:
    """Return the model from eps of all levels but the top, and the raw top, to points of the cube."""
    g = _Graph()
    inputs = {}
    for index, level in enumerate(levels):
        channels, height, width = level.shape
        inputs[f"level{index}"] = (channels // 2 if level.split is not None else channels, height, width)
    names = list(inputs)
    x = names[-1]
    for index in range(len(levels) - 1, -1, -1):
        level = levels[index]
        if level.split is not None:
            mean, log_std = g.split_stats(level, x)
            other = g.op("Add", mean, g.op("Mul", g.op("Exp", log_std), names[index]))
            x = g.op("Concat", x, other, axis=1)
        for step in reversed(level.steps):
            x = _inverse_step(g, step, x)
        x = g.unsqueeze(x)
    return g.model(inputs, [x])


def _forward_step(g: _Graph, step: FoldedStep, x: str) -> tuple[str, str | None]:
    x_a, x_b = g.halves(g.conv(x, step.mix))
    h = g.net(step.net, x_a)
    if step.scale_min is None:
        return g.op("Concat", x_a, g.op("Add", x_b, h), axis=1), None
    t, raw = g.halves(h)
    s = g.scale(raw, step.scale_min)
    z_b = g.op("Mul", g.op("Add", x_b, t), s)
    return g.op("Concat", x_a, z_b, axis=1), g.op("Log", s)


def _inverse_step(g: _Graph, step: FoldedStep, z: str) -> str:
    z_a, z_b = g.halves(z)
    h = g.net(step.net, z_a)
    if step.scale_min is None:
        x_b = g.op("Sub", z_b, h)
    else:
        t, raw = g.halves(h)
        x_b = g.op("Sub", g.op("Div", z_b, g.scale(raw, step.scale_min)), t)
    return g.conv(g.op("Concat", z_a, x_b, axis=1), step.unmix)
