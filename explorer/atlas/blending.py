"""The picture at any place of a map, and the film along a path on it.

The mean encoding moved along two of ten thousand components decodes to nearly the same blurred face everywhere. So a
place shows a blend of the faces nearest to it: on a dot the face itself, between dots a mixture that changes
continuously with the place.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import torch

from explorer.atlas.latent_map import LatentMap
from explorer.edits.recipe import MAIN_AXES
from explorer.engines.engine import Engine
from glowcore.latents import Latents

# A blend of more faces, or of faces with similar weights, looks like a double exposure. At a typical place of faces64
# the nearest of three faces has 80 % of the weight with the exponent 2. With 1 it has 64 %, and traces of a second pair
# of eyes or glasses show.
NEIGHBOURS = 3
EXPONENT = 2.0
# Beyond the outermost dots a blend of the extreme faces there would be garish. The exponent therefore grows with the
# distance to the nearest face, from four times the spacing of dots in the middle of the map on, where N dots of unit
# variance have a density of N / 2 pi.
SPARSE = 4 * math.sqrt(2 * math.pi)
# A path across the map passes a hundred faces, so that 33 frames that each blended their own neighbours would jump from
# person to person. The film shows the blend at nine places of the path and interpolates between them.
STATIONS = 9
FRAMES = 33


def nearest(points: np.ndarray, place: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """Return the ``NEIGHBOURS`` points nearest to a place, and their weights in its blend.

    The weights are proportional to ``(1/d - 1/r) ** p`` with the distance d of the point and r of the next point after
    them. The exponent p is ``EXPONENT``, and grows in proportion to the distance of the nearest point once that exceeds
    ``SPARSE / sqrt(N)``, so far from all points the nearest has almost all the weight. The weights are continuous in
    the place: a point that leaves the neighbourhood has the weight 0 there.

    Args:
        points: ``[N, 2]`` with N above ``NEIGHBOURS``, of unit variance along both axes.
        place: x and y.

    Returns:
        indices, the nearest point first, and float64 weights with the sum 1.
    """
    distances = np.maximum(np.hypot(*(points - np.asarray(place)).T), 1e-9)
    order = np.argsort(distances, kind="stable")[: NEIGHBOURS + 1]
    *near, rim = distances[order]
    exponent = EXPONENT * max(1.0, near[0] * math.sqrt(len(points)) / SPARSE)
    ratios = near[0] / np.array(near) - near[0] / rim
    if not ratios.any():  # all are equally far
        ratios[:] = 1.0
    weights = (ratios / ratios[0]) ** exponent  # the nearest first, so that its weight cannot underflow
    return order[:-1], weights / weights.sum()


def blend_at(
    engine: Engine, latent_map: LatentMap, place: tuple[float, float], axes: tuple[str, str] = MAIN_AXES
) -> Latents:
    """Return the latents at a place of a map arranged by ``axes``, a batch of one on the CPU.

    Each level is the weighted mean of the nearest faces' levels, scaled to the weighted mean of their norms. A mean of
    independent encodings is shorter than they are, and decodes to a face without features.
    """
    indices, weights = nearest(latent_map.arranged(axes).places, place)
    faces = [engine.encode(latent_map.pictures[index]).latents for index in indices]
    levels = [_weighted_mean(level, weights) for level in zip(*(face.levels for face in faces), strict=True)]
    return replace(faces[0].to("cpu"), levels=levels, log_prob=None)


def film_along(
    engine: Engine,
    latent_map: LatentMap,
    path: Sequence[tuple[float, float]],
    axes: tuple[str, str] = MAIN_AXES,
) -> list[np.ndarray]:
    """Return ``FRAMES`` pictures along a path: of ``STATIONS`` places at equal distances, and between them."""
    stations = [blend_at(engine, latent_map, place, axes) for place in evenly(path, STATIONS)]
    count = (FRAMES - 1) // (STATIONS - 1)
    steps = torch.arange(count) / count
    legs = [a.interpolate(b, steps, spherical=True) for a, b in pairwise(stations)]
    return engine.decode(Latents.cat([*legs, stations[-1]]))


def evenly(path: Sequence[tuple[float, float]], count: int) -> list[tuple[float, float]]:
    """Return ``count`` points at equal distances along a path, ends included.

    A path of length 0 gives its first point ``count`` times.
    """
    points = np.asarray(path, np.float64)
    passed = np.concatenate([[0.0], np.hypot(*np.diff(points, axis=0).T).cumsum()])
    wanted = np.linspace(0.0, passed[-1], count)
    return list(zip(*(np.interp(wanted, passed, axis).tolist() for axis in points.T), strict=True))


def _weighted_mean(level: Sequence[torch.Tensor], weights: np.ndarray) -> torch.Tensor:
    rows = torch.cat([face.cpu() for face in level])
    scaled = torch.from_numpy(weights).to(rows)
    mean = torch.tensordot(scaled, rows, dims=1)[None]
    norm = scaled @ rows.flatten(1).norm(dim=1)
    return mean * (norm / mean.norm().clamp_min(1e-12))
