"""The levels of a flow and the shapes of their latents."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from glowcore.priors import Split
from glowcore.reversible import DriftMeter, run_steps, undo_steps
from glowcore.transforms.base import Transform


class Level(nn.Module):
    """One level: an optional squeeze, flow steps, and a split (None at the top)."""

    def __init__(self, squeeze: Transform | None, steps: Iterable[Transform], split: Split | None) -> None:
        super().__init__()
        self.squeeze = squeeze
        self.steps = nn.ModuleList(steps)
        self.split = split

    @torch.no_grad()
    def initialize(self, x: Tensor) -> Tensor:
        """Initialise each step from the output of the one before; return the input of the next level."""
        if self.squeeze is not None:
            x, _ = self.squeeze(x)
        for step in self.steps:
            step.initialize(x)
            x, _ = step(x)
        if self.split is not None:
            x, _, _ = self.split(x)
        return x

    def run(
        self, x: Tensor, logdet: Tensor, memory: str, anchor_every: int, drift: DriftMeter
    ) -> tuple[Tensor, Tensor | None, Tensor]:
        """Return the output of the level, the ``eps`` of its split (None at the top), and ``logdet`` plus its own.

        ``memory``, ``anchor_every`` and ``drift`` are as in :class:`~glowcore.flow.Flow`.
        """
        if self.squeeze is not None:
            x, _ = self.squeeze(x)
        x, part = run_steps(self.steps, x, memory, anchor_every, drift)
        logdet = logdet + part
        if self.split is None:
            return x, None, logdet
        x, eps, part = self.split(x)
        return x, eps, logdet + part

    def undo(self, x: Tensor, eps: Tensor | None, memory: str = "full") -> Tensor:
        """Return the input of the level from its output ``x`` and the ``eps`` of its split (None at the top)."""
        if self.split is not None:
            x = self.split.inverse(x, eps)
        x = undo_steps(self.steps, x, memory)
        if self.squeeze is not None:
            x, _ = self.squeeze.inverse(x)
        return x


def latent_shapes(levels: Iterable[Level], shape: tuple[int, int, int]) -> list[tuple[int, int, int]]:
    """Return ``(c, h, w)`` of the latents of each level, finest first, for pictures ``[C, H, W]`` of ``shape``."""
    shapes = []
    for level in levels:
        for transform in (*filter(None, [level.squeeze]), *level.steps):
            shape = transform.output_shape(*shape)
        if level.split is not None:
            shape = (shape[0] // 2, *shape[1:])
        shapes.append(shape)
    return shapes
