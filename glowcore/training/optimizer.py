"""The optimizer, and the moving average of the weights."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.swa_utils import AveragedModel

from glowcore.training.settings import TrainSettings
from glowcore.transforms.base import laid_out_as


def lay_out(model: nn.Module) -> None:
    """Convert the kernels of a model's convolutions to channels-last memory, the format of its activations."""
    for parameter in model.parameters():
        if parameter.ndim == 4:
            parameter.data = laid_out_as(parameter, parameter.data, torch.channels_last)


def build(model: nn.Module, settings: TrainSettings) -> Optimizer:
    """Return the optimizer of the settings, in its fastest implementation."""
    if settings.optimizer == "adam":
        return torch.optim.Adam(model.parameters(), lr=settings.learning_rate, fused=True)
    return torch.optim.Adamax(model.parameters(), lr=settings.learning_rate, foreach=True)


def load_state(optimizer: Optimizer, state: dict[str, Any]) -> None:
    """Load a copy of ``state`` into an optimizer."""
    optimizer.load_state_dict(state)
    # The fused optimizer iterates over parameter and moments in memory order, so their strides must be equal.
    for parameter, moments in optimizer.state.items():
        for name, value in moments.items():
            if value.shape == parameter.shape:
                moments[name] = laid_out_as(parameter, value)


def moving_average(model: nn.Module, max_decay: float) -> AveragedModel:
    """Return a copy of ``model`` whose weights are an exponential moving average.

    The decay rises with the steps to ``max_decay``, so that the first weights soon lose their influence.
    """

    @torch.no_grad()
    def follow(averaged: list[Tensor], current: list[Tensor], steps: Tensor) -> None:
        decay = min(max_decay, (1 + int(steps)) / (10 + int(steps)))
        torch._foreach_lerp_(averaged, current, 1 - decay)

    return AveragedModel(model, multi_avg_fn=follow)
