"""Between pictures: films, level mixing, arithmetic, and what single levels hold.

Every function takes encoded pictures and gives uint8 pictures [H, W, 3].
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from explorer.engine import Engine
from explorer.results import Encoded
from glowcore.latents import Latents


def film(
    engine: Engine,
    a: Encoded,
    b: Encoded,
    steps: Sequence[float],
    spherical: bool = False,
    levels: Sequence[int] | None = None,
) -> list[np.ndarray]:
    """Pictures on the way from a (0) to b (1). With `levels` only those levels walk, the others stay a's."""
    goal = b.latents if levels is None else a.latents.mixed(b.latents, list(levels))
    return engine.decode(Latents.cat([a.latents.interpolate(goal, t, spherical=spherical) for t in steps]))


def mixed(engine: Engine, a: Encoded, b: Encoded, levels: Sequence[int]) -> np.ndarray:
    """The picture with the named levels of b (0 the finest) and the others of a."""
    return engine.decode(a.latents.mixed(b.latents, list(levels)))[0]


def analogy(engine: Engine, a: Encoded, b: Encoded, c: Encoded, amount: float = 1.0) -> np.ndarray:
    """The picture of c + amount (a - b): what a has and b has not, given to c."""
    return engine.decode(c.latents + (a.latents - b.latents) * amount)[0]


def coarse(engine: Engine, encoded: Encoded, keep: int, temperature: float, seed: int = 0) -> np.ndarray:
    """What the coarsest `keep` levels alone say; the finer ones are drawn anew at `temperature` (0: the expected)."""
    count = engine.num_levels
    drawn = engine.sample_latents(seed, temperature)
    return engine.decode(drawn.mixed(encoded.latents, list(range(count - keep, count))))[0]
