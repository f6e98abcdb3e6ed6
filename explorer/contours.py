"""Where points of a plane lie densely: lines that enclose a given share of them.

The density is a sum of bell curves, one on every point. A line runs where the density has the value that the wanted
share of the points reach or exceed, so the line of a half encloses the densest half.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

Line = list[tuple[float, float]]
CELLS = 96  # corners along each side of the grid on which the density is computed
MARGIN = 4.0  # bell widths from the outermost points to the edge of the grid, where the density is next to nothing


def outlines(points: Sequence[tuple[float, float]], shares: Sequence[float]) -> list[list[Line]]:
    """For each share (above 0, below 1) the closed lines that enclose that share of the points, in the points' units.

    The last place of a line is its first one again. A share may take several lines: one round each group that lies
    apart, and one round a gap in the midst of points, which is then outside.
    """
    places = np.asarray(points, np.float64)
    width = np.maximum(places.std(0), 1e-9) * len(places) ** (-1 / 6)  # Scott's rule for a plane
    low, high = places.min(0) - MARGIN * width, places.max(0) + MARGIN * width
    bells = np.exp(-0.5 * ((np.linspace(low, high, CELLS)[:, None] - places) / width) ** 2)  # [CELLS, N, 2]
    density = bells[..., 1] @ bells[..., 0].T  # [rows y, columns x]
    cell = (high - low) / (CELLS - 1)
    levels = np.quantile(_between(density, (places - low) / cell), 1 - np.asarray(shares))
    return [[[tuple(p) for p in (low + line * cell).tolist()] for line in _lines(density, v)] for v in levels]


def _between(field: np.ndarray, places: np.ndarray) -> np.ndarray:
    """The field [CELLS, CELLS] at places (column, row) inside it, linearly between its values."""
    whole = places.astype(int)
    (column, row), (right, down) = whole.T, (places - whole).T
    above = field[row, column] * (1 - right) + field[row, column + 1] * right
    below = field[row + 1, column] * (1 - right) + field[row + 1, column + 1] * right
    return above * (1 - down) + below * down


def _lines(field: np.ndarray, level: float) -> list[np.ndarray]:
    """Closed lines [M, 2] of (column, row) along which the field has the level; at its edges it is lower.

    Each cell of the grid is two triangles, and a line that enters a triangle over one side leaves it over another.
    """
    corner = np.arange(field.size).reshape(field.shape)
    a, b, c, d = (v.ravel() for v in (corner[:-1, :-1], corner[:-1, 1:], corner[1:, :-1], corner[1:, 1:]))
    triangles = np.concatenate([np.stack([a, b, d], 1), np.stack([a, c, d], 1)])  # corners in rising order
    sides = triangles[:, [[0, 1], [1, 2], [0, 2]]]
    values = field.ravel()
    crossed = np.diff(values[sides] > level, axis=-1)[..., 0]
    crossings, ends = np.unique(sides[crossed], axis=0, return_inverse=True)
    neighbours: list[list[int]] = [[] for _ in crossings]
    for one, other in ends.reshape(-1, 2).tolist():  # row-major: the two of one triangle are next to each other
        neighbours[one].append(other)
        neighbours[other].append(one)
    first, second = values[crossings].T
    share = ((level - first) / (second - first))[:, None]
    ends_at = np.stack([crossings % field.shape[1], crossings // field.shape[1]], -1)  # [crossings, 2 corners, 2]
    places = ends_at[:, 0] * (1 - share) + ends_at[:, 1] * share
    return [places[line] for line in _rings(neighbours)]


def _rings(neighbours: list[list[int]]) -> list[list[int]]:
    """The rings of a graph in which every node has two neighbours, each with its first node again at its end."""
    rings, left = [], set(range(len(neighbours)))
    while left:
        ring = [left.pop()]
        while onward := [n for n in neighbours[ring[-1]] if n in left]:
            ring.append(onward[0])
            left.remove(onward[0])
        rings.append([*ring, ring[0]])
    return rings
