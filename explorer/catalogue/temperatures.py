"""The temperature that a model's author recommends, and how one is written: one number, or one a level."""

from __future__ import annotations

from explorer.edits.recipe import TEMPERATURE_LIMIT
from glowcore.errors import ConfigError
from glowcore.likelihood_model import LikelihoodModel
from glowcore.metadata import recommended_temperature
from glowcore.temperature import from_text


def recommended(model: LikelihoodModel) -> tuple[float, ...]:
    """One value, or one a level from the finest to the top, on the grid of recipes: up to `TEMPERATURE_LIMIT`.

    Raises:
        CheckpointError: the model states anything but a number from 0, or as many as there are levels.
    """
    return tuple(round(min(value, TEMPERATURE_LIMIT), 2) for value in recommended_temperature(model))


def in_words(temperature: tuple[float, ...]) -> str:
    """A temperature as one writes it: "0.7", or "0.5, 0.7, 0.9"."""
    return ", ".join(f"{value:g}" for value in temperature)


def to_link(temperature: tuple[float, ...]) -> str:
    """A temperature as an address holds it: "0.7", or "0.5,0.7,0.9"."""
    return ",".join(f"{value:g}" for value in temperature)


def from_link(text: str, num_levels: int) -> tuple[float, ...] | None:
    """The temperature that an address holds, one number or `num_levels`; None for anything else."""
    try:
        return tuple(round(value, 2) for value in from_text(text, num_levels, TEMPERATURE_LIMIT))
    except ConfigError:
        return None
