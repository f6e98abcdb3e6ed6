"""Where points of a plane lie densely: lines that enclose a given share of them.

The density is a sum of bell curves, one on every point. A line runs where the density has the value that the wanted
share of the points reach or exceed, so the line of a half encloses the densest half.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from contourpy import contour_generator

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
    lines = contour_generator(*np.linspace(low, high, CELLS).T, density)
    return [[[tuple(place) for place in line.tolist()] for line in lines.lines(level)] for level in levels]


def _between(field: np.ndarray, places: np.ndarray) -> np.ndarray:
    """The field [CELLS, CELLS] at places (column, row) inside it, linearly between its values."""
    whole = places.astype(int)
    (column, row), (right, down) = whole.T, (places - whole).T
    above = field[row, column] * (1 - right) + field[row, column + 1] * right
    below = field[row + 1, column] * (1 - right) + field[row + 1, column + 1] * right
    return above * (1 - down) + below * down
