"""What moves the weights: the optimizer and, behind it, their moving average."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.swa_utils import AveragedModel

from glowcore.training.settings import TrainSettings
from glowcore.transforms.base import laid_out_as


def lay_out(model: nn.Module) -> None:
    """Put the kernels of a model's convolutions into channels-last memory, as its pictures are."""
    for parameter in model.parameters():
        if parameter.ndim == 4:
            parameter.data = laid_out_as(parameter, parameter.data, torch.channels_last)


def build(model: nn.Module, settings: TrainSettings) -> Optimizer:
    """Return the optimizer that the settings name, in its fastest form."""
    if settings.optimizer == "adam":
        return torch.optim.Adam(model.parameters(), lr=settings.learning_rate, fused=True)
    return torch.optim.Adamax(model.parameters(), lr=settings.learning_rate, foreach=True)


def load_state(optimizer: Optimizer, state: dict[str, Any]) -> None:
    """Go back to a ``state_dict`` of the optimizer, its tensors copied."""
    optimizer.load_state_dict(state)
    # The fused optimizer walks through parameter and moments side by side in memory, whatever their strides.
    for parameter, moments in optimizer.state.items():
        for name, value in moments.items():
            if value.shape == parameter.shape:
                moments[name] = laid_out_as(parameter, value)


def moving_average(model: nn.Module, most_decay: float) -> AveragedModel:
    """Return a copy of ``model`` that follows it as an exponential moving average.

    The decay rises to ``most_decay`` with the steps, so that the start is soon forgotten.
    """

    @torch.no_grad()
    def follow(averaged: list[Tensor], current: list[Tensor], steps: Tensor) -> None:
        decay = min(most_decay, (1 + int(steps)) / (10 + int(steps)))
        torch._foreach_lerp_(averaged, current, 1 - decay)

    return AveragedModel(model, multi_avg_fn=follow)
