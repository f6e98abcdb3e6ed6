"""Folded levels as ONNX graphs, any batch size, weights inside."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence

from glowcore.fused.folding import FoldedLevel, FoldedNet, FoldedStep
from glowcore.fused.onnx_layouts import Maps, Rows, conv2d, layout_of
from glowcore.fused.onnx_nodes import Nodes

#: Factors of so many steps are multiplied before a logarithm is taken: a product costs less than a logarithm.
PRODUCTS = 4


def encode_graph(levels: Sequence[FoldedLevel]) -> bytes:
    """Return the serialised ONNX model that :meth:`TorchBackend.encode` corresponds to.

    Its log-determinant is not finite where a product of scales leaves the range of float32, and loses digits where the
    product is subnormal: only a floor under the scales between 1e-12 and 1e-10 leads there.
    """
    g = Nodes()
    channels, height, width = levels[0].shape
    x, eps_levels, logdets = "x", [], []
    for level in levels:
        layout = layout_of(g, level.shape)
        x = layout.enter(_squeeze(g, x, level.shape))
        factors: dict[bool, list[str]] = {True: [], False: []}  # of steps with a floor under the scale, and without
        for step in level.steps:
            x, factor = _forward_step(g, layout, step, x)
            if factor is not None:
                factors[bool(step.scale_min)].append(factor)
        x = layout.leave(x)
        for floor, names in factors.items():
            if names:
                log = _sum_of_logs(g, names, level.shape)
                logdets.append(log if floor else g.op("Neg", log))
        if level.split is not None:
            x, other = g.halves(x)
            mean, log_std = _split_stats(g, level, x)
            eps_levels.append(g.op("Mul", g.op("Sub", other, mean), g.op("Exp", g.op("Neg", log_std))))
            logdets.append(g.op("Neg", _sum_of(g, log_std)))
    constant = g.constant(float(sum(step.logdet for level in levels for step in level.steps)))
    zero = g.op("Mul", _sum_of(g, "x"), g.constant(0.0))  # broadcasts the constant to the batch
    logdet = g.op("Add", g.op("Sum", zero, *logdets), constant)
    return g.model({"x": (channels // 4, 2 * height, 2 * width)}, [*eps_levels, x, logdet])


def decode_graph(levels: Sequence[FoldedLevel]) -> bytes:
    """Return the serialised ONNX model that :meth:`TorchBackend.decode` corresponds to."""
    g = Nodes()
    inputs = {}
    for index, level in enumerate(levels):
        channels, height, width = level.shape
        inputs[f"level{index}"] = (channels // 2 if level.split is not None else channels, height, width)
    names = list(inputs)
    x = names[-1]
    for index in range(len(levels) - 1, -1, -1):
        level = levels[index]
        if level.split is not None:
            mean, log_std = _split_stats(g, level, x)
            x = g.join(x, g.op("Add", mean, g.op("Mul", g.op("Exp", log_std), names[index])))
        layout = layout_of(g, level.shape)
        x = layout.enter(x)
        for step in reversed(level.steps):
            x = _inverse_step(g, layout, step, x)
        x = g.op("DepthToSpace", layout.leave(x), blocksize=2, mode="CRD")
    return g.model(inputs, [x])


def _forward_step(g: Nodes, layout: Maps | Rows, step: FoldedStep, x: str) -> tuple[str, str | None]:
    """Add a step. Return its output, and what multiplies (with a floor) or divides half of it."""
    x_a, x_b = g.halves(layout.mix(x, step.mix))
    if step.scale_min is None:
        return g.join(x_a, g.op("Add", x_b, layout.net(step.net, x_a))), None
    t, factor = _shift_and_factor(g, layout, step, x_a)
    return g.join(x_a, g.op("Mul" if step.scale_min else "Div", g.op("Add", x_b, t), factor)), factor


def _inverse_step(g: Nodes, layout: Maps | Rows, step: FoldedStep, z: str) -> str:
    z_a, z_b = g.halves(z)
    if step.scale_min is None:
        x_b = g.op("Sub", z_b, layout.net(step.net, z_a))
    else:
        t, factor = _shift_and_factor(g, layout, step, z_a)
        x_b = g.op("Sub", g.op("Div" if step.scale_min else "Mul", z_b, factor), t)
    return layout.mix(g.join(z_a, x_b), step.unmix)


def _shift_and_factor(g: Nodes, layout: Maps | Rows, step: FoldedStep, x_a: str) -> tuple[str, str]:
    """Add a coupling network. Return the shift, and the scale or, without a floor, its reciprocal.

    ``1 + exp(-raw)`` stands for the sigmoid, since that of onnxruntime is inaccurate below -10.
    """
    t, negated = g.halves(layout.net(_raw_negated(step.net), x_a))
    reciprocal = g.op("Add", g.op("Exp", negated), g.constant(1.0))
    if not step.scale_min:
        return t, reciprocal
    above = g.op("Div", g.constant(1 - step.scale_min), reciprocal)
    return t, g.op("Add", above, g.constant(float(step.scale_min)))


def _raw_negated(net: FoldedNet) -> FoldedNet:
    weight, bias = (t.clone() for t in net.conv_out)
    for t in (weight, bias):
        t[len(t) // 2 :].neg_()
    return dataclasses.replace(net, conv_out=(weight, bias))


def _sum_of_logs(g: Nodes, factors: Sequence[str], shape: tuple[int, int, int]) -> str:
    """Add the sum of the logarithms of the factors of a level of ``shape``, for each picture."""
    groups = [factors[i : i + PRODUCTS] for i in range(0, len(factors), PRODUCTS)]
    products = [functools.reduce(lambda a, b: g.op("Mul", a, b), group) for group in groups]
    values = len(products) * shape[0] // 2 * shape[1] * shape[2]
    return _sum_of(g, g.op("Log", g.reshape(g.join(*products), -1, values)), axes=[1])


def _split_stats(g: Nodes, level: FoldedLevel, kept: str) -> list[str]:
    stats = conv2d(g, kept, level.split, padding=1)
    if level.split_position is not None:
        stats = g.op("Add", stats, g.constant(level.split_position))
    return g.halves(stats)


def _squeeze(g: Nodes, x: str, shape: tuple[int, int, int]) -> str:
    """Add a ``pixel_unshuffle`` by 2 with output ``shape``; ONNX's SpaceToDepth orders the channels differently."""
    channels, height, width = shape
    moved = g.op("Transpose", g.reshape(x, -1, channels // 4, height, 2, width, 2), perm=[0, 1, 3, 5, 2, 4])
    return g.reshape(moved, -1, channels, height, width)


def _sum_of(g: Nodes, x: str, axes: Sequence[int] = (1, 2, 3)) -> str:
    return g.op("ReduceSum", x, g.constant(axes), keepdims=0)
