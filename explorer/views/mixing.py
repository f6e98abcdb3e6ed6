"""Combinations of encoded pictures: interpolation, level mixing, arithmetic, and the content of single levels.

Every function takes encoded pictures and returns decoded ones, uint8 ``[H, W, 3]``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import torch

from explorer.engines.engine import Engine
from explorer.engines.results import Encoded
from glowcore.latents import Latents

NOISE_SEED = 0  # so that the same settings always give the same picture


def interpolated(engine: Engine, a: Encoded, b: Encoded, steps: Sequence[float], spherical: bool) -> list[np.ndarray]:
    """Return the interpolated picture for each of ``steps``, from a (0) to b (1)."""
    t = torch.tensor(steps, dtype=torch.float64)
    return engine.decode(a.latents.interpolate(b.latents, t, spherical=spherical))


def journey(
    engine: Engine,
    stops: Sequence[Encoded],
    frames: int,
    spherical: bool,
    levels: Sequence[int],
) -> list[np.ndarray]:
    """Return pictures on the way through all ``stops`` in turn: ``frames`` for each stretch and the last stop.

    Only the given ``levels`` are interpolated; the others stay those of the first stop.
    """
    first = stops[0].latents
    stops = [replace(s, latents=first.mixed(s.latents, list(levels))) for s in stops]
    steps = [i / frames for i in range(frames)]
    pictures: list[np.ndarray] = []
    for index, (a, b) in enumerate(pairwise(stops)):
        last = index == len(stops) - 2
        pictures += interpolated(engine, a, b, [*steps, 1.0] if last else steps, spherical)
    return pictures


def corners(engine: Engine, a: Encoded, b: Encoded, c: Encoded, d: Encoded, side: int) -> list[np.ndarray]:
    """Return ``side`` x ``side`` pictures between four corners, row by row: a and b above, c and d below."""
    steps = torch.arange(side, dtype=torch.float64) / (side - 1)
    left, right = (p.latents.interpolate(q.latents, steps, spherical=True) for p, q in ((a, c), (b, d)))
    return engine.decode(Latents.cat([left[i].interpolate(right[i], steps, spherical=True) for i in range(side)]))


def within(engine: Engine, a: Encoded, b: Encoded, c: Encoded, d: Encoded, place: tuple[float, float]) -> np.ndarray:
    """Return the picture at a place (x, y) of the square of ``corners``: (0, 0) is a, (1, 0) is b."""
    x, y = place
    left, right = (p.latents.interpolate(q.latents, y, spherical=True) for p, q in ((a, c), (b, d)))
    return engine.decode(left.interpolate(right, x, spherical=True))[0]


def mixed(engine: Engine, a: Encoded, b: Encoded, levels: Sequence[int]) -> np.ndarray:
    """Return the picture with the given levels of b (0 is the finest) and the other levels of a."""
    return engine.decode(a.latents.mixed(b.latents, list(levels)))[0]


def analogy(engine: Engine, a: Encoded, b: Encoded, c: Encoded, amount: float) -> np.ndarray:
    """Return the picture of c + amount (a - b), with every level scaled to its norm in c.

    The unscaled sum of three pictures has sqrt(3) times the typical norm. The decoder gives no faces there, and may
    give values that are not finite.
    """
    moved = c.latents + (a.latents - b.latents) * amount
    factors = c.latents.level_norms()[0] / moved.level_norms()[0].clamp_min(1e-12)
    return engine.decode(moved.scaled(factors.tolist()))[0]


def nudged(engine: Engine, encoded: Encoded, size: float) -> np.ndarray:
    """Return the picture decoded from the latents plus noise of ``size`` standard deviations."""
    return engine.decode(encoded.latents + engine.sample_latents(NOISE_SEED, 1.0) * size)[0]


def coarse(engine: Engine, encoded: Encoded, keep: int, temperature: float) -> np.ndarray:
    """Return the picture of the coarsest ``keep`` levels, with the finer ones sampled at ``temperature``."""
    count = engine.num_levels
    drawn = engine.sample_latents(NOISE_SEED, temperature)
    return engine.decode(drawn.mixed(encoded.latents, list(range(count - keep, count))))[0]
