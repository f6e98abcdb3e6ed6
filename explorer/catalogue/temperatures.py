"""The temperature that a model's author recommends, and temperatures as text: one number, or one per level."""

from __future__ import annotations

from explorer.edits.recipe import TEMPERATURE_LIMIT
from glowcore.errors import ConfigError
from glowcore.likelihood_model import LikelihoodModel
from glowcore.metadata import recommended_temperature
from glowcore.temperature import from_text


def recommended(model: LikelihoodModel) -> tuple[float, ...]:
    """Return the recommended temperature: one value, or one per level, finest first.

    Values are limited to ``TEMPERATURE_LIMIT`` and rounded to 1/100.

    Raises:
        CheckpointError: the model's metadata hold neither a number from 0 nor one such number per level.
    """
    return tuple(round(min(value, TEMPERATURE_LIMIT), 2) for value in recommended_temperature(model))


def to_text(temperature: tuple[float, ...]) -> str:
    """Return a temperature as text for pages, addresses and commands: "0.7", or "0.5,0.7,0.9"."""
    return ",".join(f"{value:g}" for value in temperature)


def from_link(text: str, num_levels: int) -> tuple[float, ...] | None:
    """Return the temperature in an address, one number or ``num_levels``; None for anything else."""
    try:
        return tuple(round(value, 2) for value in from_text(text, num_levels, TEMPERATURE_LIMIT))
    except ConfigError:
        return None
