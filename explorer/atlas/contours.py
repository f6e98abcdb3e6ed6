"""Contour lines that enclose a given share of points in a plane.

The density is a kernel density estimate with a Gaussian on every point. The line for a share runs at the density that
this share of the points reaches or exceeds, so the line for one half encloses the densest half of the points.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from contourpy import contour_generator

Line = list[tuple[float, float]]
CELLS = 96  # corners along each side of the grid on which the density is computed
MARGIN = 4.0  # kernel widths from the outermost points to the edge of the grid, where the density is near zero


def outlines(points: np.ndarray, shares: Sequence[float]) -> list[list[Line]]:
    """Return, for each share, the closed lines that enclose that share of the points.

    Args:
        points: ``[N, 2]``.
        shares: each above 0 and below 1.

    Returns:
        A list of lines for each share, in the units of the points. The last place of a line repeats its first. A share
        may need several lines: one around each separate group, and one around a gap between points, which is outside.
    """
    places = points.astype(np.float64)
    width = np.maximum(places.std(0), 1e-9) * len(places) ** (-1 / 6)  # Scott's rule for a plane
    low, high = places.min(0) - MARGIN * width, places.max(0) + MARGIN * width
    kernels = np.exp(-0.5 * ((np.linspace(low, high, CELLS)[:, None] - places) / width) ** 2)  # [CELLS, N, 2]
    density = kernels[..., 1] @ kernels[..., 0].T  # [rows y, columns x]
    cell = (high - low) / (CELLS - 1)
    levels = np.quantile(_between(density, (places - low) / cell), 1 - np.asarray(shares))
    lines = contour_generator(*np.linspace(low, high, CELLS).T, density)
    return [[[tuple(place) for place in line.tolist()] for line in lines.lines(level)] for level in levels]


def _between(field: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Interpolate the field ``[CELLS, CELLS]`` bilinearly at places ``[N, 2]`` (column, row) inside it."""
    whole = places.astype(int)
    (column, row), (right, down) = whole.T, (places - whole).T
    above = field[row, column] * (1 - right) + field[row, column + 1] * right
    below = field[row + 1, column] * (1 - right) + field[row + 1, column + 1] * right
    return above * (1 - down) + below * down
