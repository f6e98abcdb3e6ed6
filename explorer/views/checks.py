"""Is this model exact on this machine? Hashes, round trip, and how long it takes."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from explorer.engines.compressor import Compressor
from explorer.engines.engine import Engine
from explorer.engines.models import ModelEntry
from explorer.wording.labels import noun
from glowcore import checkpoint
from glowcore.errors import GlowcoreError


@dataclass(frozen=True)
class Finding:
    """What was found: of what, whether it is as it should be, and in words.

    For a page; the command `glowcore check` asks more, and gives each `glowcore.evaluation.checking.Check` its bound.
    """

    subject: str
    good: bool
    words: str


def check(
    entry: ModelEntry, engine: Engine | Compressor, pictures: Sequence[np.ndarray], repeats: int = 5
) -> list[Finding]:
    """Read the files again and compare hashes; take `pictures` and white noise through the model and back; time it.

    A model that compresses changes pictures without anything being wrong.
    """
    return [_files(entry), *_round_trips(engine, pictures), _speed(engine, pictures[0], repeats)]


def noise(size: tuple[int, int]) -> np.ndarray:
    """Uniform noise, what no model expects: uint8 [H, W, 3]."""
    return np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)


def _files(entry: ModelEntry) -> Finding:
    try:
        checkpoint.read_folder(entry.folder)
    except GlowcoreError as error:
        return Finding("Files", False, f"{entry.public_message(error)}.")
    return Finding("Files", True, "every file has the hash that its manifest states")


def _round_trips(engine: Engine | Compressor, pictures: Sequence[np.ndarray]) -> list[Finding]:
    results = []
    for subject, tried in ((f"{noun(engine).capitalize()}s", pictures), ("Noise", [noise(engine.size)])):
        encoded = [engine.encode(p) for p in tried]
        changed = sum(e.pixels_changed for e in encoded)
        worst = max(e.max_error for e in encoded)
        told = f"{len(encoded)} there and back: {changed} pixels changed, largest error {worst:.1e}"
        if lossy := isinstance(engine, Compressor):
            told += f"; it keeps {engine.numbers} numbers per picture, so that is as it should be"
        results.append(Finding(subject, lossy or changed == 0, told))
    return results


def _speed(engine: Engine | Compressor, picture: np.ndarray, repeats: int) -> Finding:
    times = [engine.timed(picture) for _ in range(repeats)]
    encode, decode = (statistics.median(t[i] for t in times) for i in (0, 1))
    return Finding(
        "Speed", True, f"encoding {encode:.1f} ms, decoding {decode:.1f} ms per picture on {engine.device_words}"
    )
