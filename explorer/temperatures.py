"""The temperature that a model's author recommends, as its folder states it: one number, or one a level."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from explorer.recipe import TEMPERATURE_LIMIT, USUAL_TEMPERATURE
from glowcore.errors import CheckpointError


def recommended(metadata: Mapping[str, Any], num_levels: int) -> tuple[float, ...]:
    """One value, or `num_levels` of them from the finest level to the top, each from 0 to `TEMPERATURE_LIMIT`.

    Raises:
        CheckpointError: anything but a number, or as many as there are levels, from 0.
    """
    stated = metadata.get("temperature", USUAL_TEMPERATURE)
    values = stated if isinstance(stated, list) else [stated]
    if len(values) not in (1, num_levels) or not all(map(is_temperature, values)):
        raise CheckpointError(
            f"the metadata's temperature is {stated!r:.60}, expected a number from 0, or a list of {num_levels}"
        )
    return tuple(round(min(float(value), TEMPERATURE_LIMIT), 2) for value in values)  # on the grid of recipes


def in_words(temperature: tuple[float, ...]) -> str:
    """A temperature as one writes it: "0.7", or "0.5, 0.7, 0.9"."""
    return ", ".join(f"{value:g}" for value in temperature)


def to_link(temperature: tuple[float, ...]) -> str:
    """A temperature as an address holds it: "0.7", or "0.5,0.7,0.9"."""
    return ",".join(f"{value:g}" for value in temperature)


def from_link(text: str, num_levels: int) -> tuple[float, ...] | None:
    """The temperature that an address holds, one number or `num_levels`; None for anything else."""
    try:
        values = tuple(round(float(part), 2) for part in text.split(","))
    except ValueError:
        return None
    within = all(0 <= value <= TEMPERATURE_LIMIT for value in values)
    return values if within and len(values) in (1, num_levels) else None


def is_temperature(value: Any) -> bool:
    """Whether a value of the metadata is a number from 0."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value >= 0
