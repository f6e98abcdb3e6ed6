"""The temperature that a model's author recommends, and how one is written: one number, or one a level."""

from __future__ import annotations

from explorer.edits.recipe import TEMPERATURE_LIMIT
from glowcore.baselines import VAE
from glowcore.flow import Flow
from glowcore.metadata import recommended_temperature


def recommended(model: Flow | VAE) -> tuple[float, ...]:
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
        values = tuple(round(float(part), 2) for part in text.split(","))
    except ValueError:
        return None
    within = all(0 <= value <= TEMPERATURE_LIMIT for value in values)
    return values if within and len(values) in (1, num_levels) else None
