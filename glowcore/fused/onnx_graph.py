"""Folded levels as ONNX graphs, any batch size, weights inside."""

from __future__ import annotations

from collections.abc import Sequence

from glowcore.fused.folding import FoldedLevel, FoldedStep
from glowcore.fused.onnx_layouts import Maps, Rows, conv2d, layout_of
from glowcore.fused.onnx_nodes import Nodes
from glowcore.fused.torch_backend import LINEAR


def encode_graph(levels: Sequence[FoldedLevel]) -> bytes:
    """Return the serialised ONNX model that :meth:`TorchBackend.encode` corresponds to."""
    g = Nodes()
    channels, height, width = levels[0].shape
    x, eps_levels, logdets = "x", [], []
    for level in levels:
        layout = layout_of(g, level.shape)
        x = layout.enter(_squeeze(g, x, level.shape))
        scales: dict[bool, list[str]] = {True: [], False: []}  # with a floor the scales, without their raw values
        for step in level.steps:
            x, scale = _forward_step(g, layout, step, x)
            if scale is not None:
                scales[bool(step.scale_min)].append(scale)
        x = layout.leave(x)
        for floor, names in scales.items():
            if names:  # one logarithm and one sum for all steps
                values = len(names) * level.shape[0] // 2 * level.shape[1] * level.shape[2]
                joined = g.reshape(g.join(*names), -1, values)
                logdets.append(_sum_of(g, g.op("Log", joined) if floor else _log_sigmoid(g, joined), axes=[1]))
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
    x_a, x_b = g.halves(layout.mix(x, step.mix))
    h = layout.net(step.net, x_a)
    if step.scale_min is None:
        return g.join(x_a, g.op("Add", x_b, h)), None
    t, raw = g.halves(h)
    s = _scale(g, raw, step.scale_min)
    return g.join(x_a, g.op("Mul", g.op("Add", x_b, t), s)), s if step.scale_min else raw


def _inverse_step(g: Nodes, layout: Maps | Rows, step: FoldedStep, z: str) -> str:
    z_a, z_b = g.halves(z)
    h = layout.net(step.net, z_a)
    if step.scale_min is None:
        x_b = g.op("Sub", z_b, h)
    else:
        t, raw = g.halves(h)
        x_b = g.op("Sub", g.op("Div", z_b, _scale(g, raw, step.scale_min)), t)
    return layout.mix(g.join(z_a, x_b), step.unmix)


def _scale(g: Nodes, raw: str, scale_min: float) -> str:
    s = g.op("Sigmoid", raw)
    if scale_min:
        s = g.op("Add", g.op("Mul", s, g.constant(1 - scale_min)), g.constant(float(scale_min)))
    return s


def _log_sigmoid(g: Nodes, raw: str) -> str:
    """Add ``log(sigmoid(raw))``. onnxruntime's Sigmoid is inaccurate below -10, and its Softplus is slow."""
    log = g.op("Neg", g.op("Log", g.op("Add", g.op("Exp", g.op("Neg", raw)), g.constant(1.0))))
    return g.op("Max", log, g.op("Min", raw, g.constant(LINEAR)))


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
