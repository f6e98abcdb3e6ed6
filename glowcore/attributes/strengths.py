"""Strengths of edits: one number for all pictures, or one for each."""

from __future__ import annotations

import numbers
from collections.abc import Sequence

import torch
from torch import Tensor

from glowcore.config_checks import plain
from glowcore.errors import ConfigError

MAX_STRENGTH = 100.0
Strength = float | Sequence[float] | Tensor  # or an array of numpy


def checked(name: str, strength: Strength, count: int) -> float | Tensor:
    """Return a strength of attribute ``name`` for all pictures, or a tensor, float64 on the CPU, with one for each.

    Tensors keep their gradients, and then a tensor ``[1]`` is returned of one for all.

    Raises:
        ConfigError: another count, or something else than numbers from -100 to 100.
    """
    value = plain(strength)
    values = list(map(plain, value)) if isinstance(value, list | tuple) else [value]
    numeric = all(isinstance(number, numbers.Real) and not isinstance(number, bool) for number in values)
    if len(values) not in (1, count) or not numeric or not all(abs(number) <= MAX_STRENGTH for number in values):
        raise ConfigError(
            f"strength of {name} is {strength!r:.40}, expected a number from -100 to 100, or one for each of "
            f"{count} pictures"
        )
    given = value if isinstance(strength, list | tuple) else [strength]
    if any(isinstance(part, Tensor) for part in given):
        return torch.stack([torch.as_tensor(part, dtype=torch.float64, device="cpu") for part in given]).reshape(-1)
    if len(values) == 1:
        return float(values[0])
    return torch.tensor(list(map(float, values)), dtype=torch.float64, device="cpu")
