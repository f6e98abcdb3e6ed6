"""Out-of-distribution probes: flat, noisy and otherwise artificial pictures on which an inverse can fail."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np

Shape = tuple[int, int, int]
Kind = Callable[[np.random.Generator, Shape], np.ndarray]


def ood_probes(shape: Shape, count: int, seed: int = 0) -> tuple[list[str], np.ndarray]:
    """Return the kinds of ``count`` probes and the probes themselves, uint8 ``[count, C, H, W]``.

    The kinds of :data:`PROBE_KINDS` take turns. The same ``shape`` ``(C, H, W)`` and ``seed`` give the same pictures.
    """
    rng = np.random.default_rng(seed)
    names = list(itertools.islice(itertools.cycle(PROBE_KINDS), count))
    pictures = [np.clip(np.rint(PROBE_KINDS[name](rng, shape)), 0, 255).astype(np.uint8) for name in names]
    return names, np.stack([np.broadcast_to(picture, shape) for picture in pictures])


def _checkerboard(rng: np.random.Generator, shape: Shape) -> np.ndarray:
    cell = 2 ** rng.integers(0, 3)
    rows, columns = np.indices(shape[1:]) // cell
    return 255.0 * ((rows + columns) % 2)


def _hot_pixel(rng: np.random.Generator, shape: Shape) -> np.ndarray:
    picture = np.zeros(shape)
    picture[:, rng.integers(shape[1]), rng.integers(shape[2])] = 255
    return picture


def _gradient(rng: np.random.Generator, shape: Shape) -> np.ndarray:
    rows, columns = np.indices(shape[1:]) / np.maximum(np.array(shape[1:]) - 1, 1).reshape(2, 1, 1)
    t = rng.random()
    return 255 * (t * rows + (1 - t) * columns)


def _stripes(rng: np.random.Generator, shape: Shape) -> np.ndarray:
    return 255.0 * (np.indices(shape[1:])[rng.integers(2)] % 2)


def _salt_and_pepper(rng: np.random.Generator, shape: Shape) -> np.ndarray:
    return 255.0 * (rng.random((1, *shape[1:])) < rng.random())


def _blocks(rng: np.random.Generator, shape: Shape) -> np.ndarray:
    small = rng.integers(0, 256, (shape[0], 4, 4))
    rows, columns = (np.arange(side) * 4 // side for side in shape[1:])
    return small[:, rows][:, :, columns].astype(float)


PROBE_KINDS: dict[str, Kind] = {
    "black": lambda rng, shape: np.zeros(shape),
    "white": lambda rng, shape: np.full(shape, 255.0),
    "noise": lambda rng, shape: rng.integers(0, 256, shape).astype(float),
    "checkerboard": _checkerboard,
    "hot pixel": _hot_pixel,
    "gradient": _gradient,
    "one colour": lambda rng, shape: np.broadcast_to(rng.integers(0, 256, (shape[0], 1, 1)), shape).astype(float),
    "stripes": _stripes,
    "salt and pepper": _salt_and_pepper,
    "blocks": _blocks,
}
