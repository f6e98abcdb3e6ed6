"""Samples that a model's author recommends: seeds with a name, listed in the model's metadata."""

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
    """A recommended sample.

    Attributes:
        seed: its seed.
        name: a few words about what it shows.
        temperature: its temperature, 0 to 1.2.
    """

    seed: int
    name: str
    temperature: float

    @property
    def source(self) -> Source:
        """The source of an edit of this sample."""
        return Source("seed", str(self.seed))


def imagined(metadata: Mapping[str, Any]) -> tuple[Imagined, ...]:
    """Return the samples in the metadata's ``seeds``, () without that entry; temperatures are rounded to 1/100.

    Raises:
        CheckpointError: the entry is not a list of up to 48 ``{"seed": int, "name": str, "temperature": number}`` of
            different seeds.
    """
    entries = metadata.get(SEEDS, [])
    if not isinstance(entries, list) or len(entries) > MOST:
        raise CheckpointError(f"the metadata's seeds are {entries!r:.60}, expected a list of up to {MOST}")
    samples = tuple(map(_sample, entries))
    repeated = [sample.seed for i, sample in enumerate(samples) if sample.seed in [s.seed for s in samples[:i]]]
    if repeated:
        raise CheckpointError(f"the metadata's seeds hold {repeated[0]} twice, expected each once")
    return samples


def _sample(entry: Any) -> Imagined:
    if isinstance(entry, dict) and set(entry) == {"seed", "name", "temperature"}:
        seed, name, temperature = entry["seed"], entry["name"], entry["temperature"]
        if _is_seed(seed) and _is_name(name) and is_temperature(temperature, TEMPERATURE_LIMIT):
            return Imagined(seed, name, round(float(temperature), 2))
    raise CheckpointError(
        f"the metadata's seeds hold {entry!r:.80}, expected a seed from 0 to {SEED_LIMIT}, a name of 1 to {LONGEST} "
        f"printable characters and a temperature from 0 to {TEMPERATURE_LIMIT:g}"
    )


def _is_seed(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= SEED_LIMIT


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and 1 <= len(value) <= LONGEST and value.isprintable() and bool(value.strip())
