"""Resampling of drawn lines: the points of a line drawn by hand are uneven, the frames of a film are not."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import hypot

Point = tuple[float, float]


def evenly(path: Sequence[Point], count: int) -> list[Point]:
    """Return ``count`` points at equal distances along ``path``, ends included.

    A path of length 0 gives its first point ``count`` times.
    """
    lengths = [hypot(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(path)]
    total = sum(lengths)
    if total == 0:
        return [path[0]] * count
    result, done, segment = [], 0.0, 0
    for index in range(count):
        wanted = total * index / (count - 1)
        while segment < len(lengths) - 1 and done + lengths[segment] < wanted:
            done += lengths[segment]
            segment += 1
        part = (wanted - done) / lengths[segment] if lengths[segment] else 0.0
        (x0, y0), (x1, y1) = path[segment], path[segment + 1]
        part = min(part, 1.0)
        result.append((x0 + part * (x1 - x0), y0 + part * (y1 - y0)))
    return result
