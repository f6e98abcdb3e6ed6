"""Faces that a model imagines well: seeds with a name, chosen by its author and stated in its folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from explorer.edits.recipe import SEED_LIMIT, TEMPERATURE_LIMIT, Source
from glowcore.errors import CheckpointError
from glowcore.metadata import SEEDS
from glowcore.temperature import is_temperature

MOST = 48
LONGEST = 40


@dataclass(frozen=True)
class Imagined:
    """A sampled picture worth showing: its seed, what it shows in a few words, and its temperature (0 to 1.2)."""

    seed: int
    name: str
    temperature: float

    @property
    def source(self) -> Source:
        """What an edit of it starts from."""
        return Source("seed", str(self.seed))


def imagined(metadata: Mapping[str, Any]) -> tuple[Imagined, ...]:
    """What the metadata's `seeds` list, () where there is no such entry; temperatures on the grid of recipes.

    Raises:
        CheckpointError: anything but a list of up to 48 different {"seed": int, "name": str, "temperature":
            number}.
    """
    stated = metadata.get(SEEDS, [])
    if not isinstance(stated, list) or len(stated) > MOST:
        raise CheckpointError(f"the metadata's seeds are {stated!r:.60}, expected a list of up to {MOST}")
    found = tuple(map(_one, stated))
    twice = [one for i, one in enumerate(found) if one.seed in [earlier.seed for earlier in found[:i]]]
    if twice:
        raise CheckpointError(f"the metadata's seeds hold {twice[0].seed} twice, expected each once")
    return found


def _one(stated: Any) -> Imagined:
    if isinstance(stated, dict) and set(stated) == {"seed", "name", "temperature"}:
        seed, name, temperature = stated["seed"], stated["name"], stated["temperature"]
        if _is_seed(seed) and _is_name(name) and is_temperature(temperature) and temperature <= TEMPERATURE_LIMIT:
            return Imagined(seed, name, round(float(temperature), 2))
    raise CheckpointError(
        f"the metadata's seeds hold {stated!r:.80}, expected a seed from 0 to {SEED_LIMIT}, a name of 1 to {LONGEST} "
        f"printable characters and a temperature from 0 to {TEMPERATURE_LIMIT:g}"
    )


def _is_seed(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= SEED_LIMIT


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and 1 <= len(value) <= LONGEST and value.isprintable() and bool(value.strip())
