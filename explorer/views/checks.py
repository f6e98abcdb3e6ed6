"""The checks of the Models page: file hashes, round trips through the application's engine, and their time.

The command ``glowcore check`` checks more of the model itself (:mod:`glowcore.evaluation.checking`).
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from explorer.engines.compressor import Compressor
from explorer.engines.engine import Engine
from explorer.engines.models import ModelEntry
from explorer.wording.labels import noun
from glowcore.evaluation.checking import check_files
from glowcore.evaluation.ood_probes import PROBE_KINDS

REPEATS = 5  # of the timed round trip


@dataclass(frozen=True)
class Finding:
    """The result of one check as the page shows it: its subject, whether it passed, and a sentence."""

    subject: str
    good: bool
    words: str


def check(entry: ModelEntry, engine: Engine | Compressor, pictures: Sequence[np.ndarray]) -> list[Finding]:
    """Compare the hashes of the files, encode and decode ``pictures`` and white noise, and time the first picture.

    Args:
        entry: the model's folder.
        engine: the same model, as the application uses it.
        pictures: uint8 ``[H, W, 3]``, one or more.

    The round trips of a compressor pass whatever they change, for it is lossy.
    """
    return [_files(entry), *_round_trips(engine, pictures), _speed(engine, pictures[0])]


def noise(size: tuple[int, int]) -> np.ndarray:
    """Return the uniform noise of the library's out-of-distribution probes: uint8 ``[H, W, 3]``."""
    return PROBE_KINDS["noise"](np.random.default_rng(0), (*size, 3)).astype(np.uint8)


def _files(entry: ModelEntry) -> Finding:
    hashes = check_files(entry.folder)
    if not hashes.passed:
        return Finding("Files", False, f"{entry.public_message(hashes.note)}.")
    return Finding("Files", True, "every file has the hash that its manifest states")


def _round_trips(engine: Engine | Compressor, pictures: Sequence[np.ndarray]) -> list[Finding]:
    findings = []
    for subject, images in ((f"{noun(engine).capitalize()}s", pictures), ("Noise", [noise(engine.image_size)])):
        encoded = [engine.encode(p) for p in images]
        changed = sum(e.pixels_changed for e in encoded)
        worst = max(e.max_error for e in encoded)
        sentence = f"{len(encoded)} there and back: {changed} pixels changed, largest error {worst:.1e}"
        if lossy := isinstance(engine, Compressor):
            sentence += f"; it keeps {engine.numbers} numbers per picture, so that is as it should be"
        findings.append(Finding(subject, lossy or changed == 0, sentence))
    return findings


def _speed(engine: Engine | Compressor, picture: np.ndarray) -> Finding:
    times = [engine.timed(picture) for _ in range(REPEATS)]
    encode, decode = (statistics.median(t[i] for t in times) for i in (0, 1))
    return Finding(
        "Speed", True, f"encoding {encode:.1f} ms, decoding {decode:.1f} ms per picture on {engine.device_words}"
    )
