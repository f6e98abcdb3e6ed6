"""Detects that a model has changed since its weights were folded."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from glowcore.transforms.base import hooks_of

if TYPE_CHECKING:
    from glowcore.flow import Flow


class Watch:
    """Detector of changes to a model since its creation; a check takes some 0.2 ms for a thousand tensors.

    A checksum of all values would take longer than encoding a picture. The check reads the largest value of each tensor
    instead, which changes whenever a whole tensor is scaled or replaced.
    """

    def __init__(self, flow: Flow) -> None:
        modules = list(flow.modules())
        self._members = [group for m in modules for group in (m._parameters, m._buffers, m._modules)]
        self._held = list(map(dict, self._members))
        # Only the levels are folded; hooks elsewhere still run and must not mask a new one here.
        self._hooks = [hooks for m in flow.levels.modules() for hooks in hooks_of(m)]
        self._own = [vars(m) for m in flow.levels.modules()]
        self._tensors = tensors = [item for held in self._held for item in held.values() if isinstance(item, Tensor)]
        # Inference tensors have no version counter.
        self._counted = [tensor for tensor in tensors if not tensor.is_inference()]
        self._readers = [_largest_value(tensor) for tensor in tensors if tensor.device.type == "cpu" and tensor.numel()]
        self._seen = self._state()

    def changed(self) -> bool:
        """Return whether the model has changed."""
        try:
            same = self._members == self._held  # compares by identity first, then by value
        except RuntimeError:  # raised for two different tensors of several elements
            same = False
        return not same or self._state() != self._seen

    def _state(self) -> tuple[object, ...]:
        return (
            [tensor._version for tensor in self._counted],
            list(map(Tensor.data_ptr, self._tensors)),
            [read() for read in self._readers],
            any(self._hooks) or any("forward" in own for own in self._own),
        )


def _largest_value(tensor: Tensor) -> Callable[[], object]:
    """Return a function that reads, as bytes, the element of a CPU tensor that is the largest now in absolute value.

    Bytes make NaN equal to NaN. The function keeps the tensor's memory alive.
    """
    values = tensor.detach()
    if values.dtype == torch.bfloat16:  # numpy has no bfloat16
        magnitudes, array = values.float().abs().numpy(), values.view(torch.int16).numpy()
    else:
        array = values.numpy()
        magnitudes = np.abs(array)
    place = np.unravel_index(magnitudes.argmax(), array.shape)
    return array[(*place, ...)].view(f"V{array.itemsize}").tobytes
