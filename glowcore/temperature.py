"""Temperatures: factors on sampled noise, one for all levels or one per level, finest first."""

from __future__ import annotations

import math
import numbers
from collections.abc import Sequence
from typing import Any

from glowcore.config_checks import plain
from glowcore.errors import ConfigError

#: Highest temperature that the commands accept.
HIGHEST = 10.0


def is_temperature(value: Any, highest: float = math.inf) -> bool:
    """Return whether a value is a number from 0 to ``highest`` that is finite as a float."""
    if not isinstance(value, numbers.Real) or isinstance(value, bool):
        return False
    try:
        return 0 <= float(value) <= highest and math.isfinite(value)
    except OverflowError:  # an integer or fraction above the largest float
        return False


def temperatures(value: float | Sequence[float], num_levels: int) -> list[float]:
    """Return one temperature per level, from a number or a sequence (or array) of 1 or ``num_levels``.

    Raises:
        ConfigError: as :func:`checked`.
    """
    factors = checked(value, num_levels)
    return factors * num_levels if len(factors) == 1 else factors


def checked(value: float | Sequence[float], num_levels: int) -> list[float]:
    """Return 1 or ``num_levels`` temperatures, from a number or a sequence (or array) of so many.

    Raises:
        ConfigError: another count, or a temperature that is not a finite number from 0.
    """
    value = plain(value)
    several = isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray)
    factors = list(map(plain, value)) if several else [value]
    if len(factors) not in (1, num_levels):
        expected = "1" if num_levels == 1 else f"1 or {num_levels} (one a level)"
        raise ConfigError(f"temperature has {len(factors)} values, expected {expected}")
    for factor in factors:
        if not is_temperature(factor):
            raise ConfigError(f"temperature is {factor!r:.40}, expected a number from 0")
    return list(map(float, factors))


def from_text(text: str, num_levels: int, highest: float = HIGHEST, name: str = "temperature") -> tuple[float, ...]:
    """Read ``0.7``, or ``0.5,0.7,0.7,0.9``: one per level, finest first.

    Raises:
        ConfigError: not 1 or ``num_levels`` numbers from 0 to ``highest``; the message calls them ``name``.
    """
    try:
        values = tuple(float(part) for part in text.split(","))
    except ValueError:
        values = ()
    if len(values) not in (1, num_levels) or not all(is_temperature(value, highest) for value in values):
        several = f", or {num_levels} separated by commas (one per level, finest first)" if num_levels > 1 else ""
        raise ConfigError(f"{name} is {text!r:.40}, expected a number from 0 to {highest:g}{several}")
    return values
