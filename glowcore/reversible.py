"""How training remembers the activations of a level."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from glowcore.transforms.base import Transform

MEMORY_MODES = ("full", "checkpoint", "reversible")


def run_steps(steps: Sequence[Transform], x: Tensor, memory: str, anchor_every: int) -> tuple[Tensor, Tensor]:
    """Run the steps of one level on ``x``; returns ``(z, logdet)``."""
    logdet = x.new_zeros(x.shape[0])
    for step in steps:
        if memory == "checkpoint" and torch.is_grad_enabled():
            x, part = checkpoint(step, x, use_reentrant=False)
        else:
            x, part = step(x)
        logdet = logdet + part
    return x, logdet
