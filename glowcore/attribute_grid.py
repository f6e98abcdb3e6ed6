"""Grids of pictures in which one attribute changes from left to right and another from top to bottom."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from glowcore.captions import caption
from glowcore.grids import grid

#: Approximate shorter side of a picture on a sheet in pixels; smaller pictures are enlarged to it.
SIDE = 128
#: Keyword of the PNG text entry with the axes of a sheet (:func:`axes_json`).
TEXT_KEY = "glow-grid"


@dataclass(frozen=True)
class Axis:
    """An attribute and its strengths along one side of the grid, in standard deviations."""

    name: str
    strengths: tuple[float, ...]

    @classmethod
    def even(cls, name: str, first: float, last: float, count: int) -> Axis:
        """Return an axis with ``count`` (2 or more) evenly spaced strengths from ``first`` to ``last``."""
        return cls(name, tuple(np.linspace(first, last, count).tolist()))


def moves(across: Axis, down: Axis) -> list[dict[str, float]]:
    """Return the strengths of both attributes for every picture, row by row from the top."""
    return [{across.name: x, down.name: y} for y in down.strengths for x in across.strengths]


def signed(strength: float) -> str:
    """Format a strength for a caption: ``+1``, ``-0.33``, ``0``."""
    return "0" if round(strength, 2) == 0 else f"{round(strength, 2):+g}"


def axes_json(across: Axis, down: Axis) -> str:
    """Return the axes of a sheet as ASCII JSON, each with its name and strengths."""
    return json.dumps({"across": asdict(across), "down": asdict(down)})


def sheet(
    pictures: Sequence[np.ndarray] | np.ndarray, across: Axis, down: Axis, names: tuple[str, str] | None = None
) -> np.ndarray:
    """Lay out the pictures of :func:`moves` with captions of the attributes and their strengths.

    Args:
        pictures: uint8 ``[N, H, W, 1 or 3]``, or N of ``[H, W, 1 or 3]``.
        across: the axis from left to right.
        down: the axis from top to bottom.
        names: titles of ``across`` and ``down``, by default the names of the attributes.

    Returns:
        uint8 ``[h, w, 3]``; pictures are enlarged by repeating pixels, so that they can be recovered exactly.
    """
    scale = max(1, round(SIDE / min(np.shape(pictures)[1:3])))
    laid_out = grid(pictures, columns=len(across.strengths), scale=scale)
    strengths = [[signed(strength) for strength in axis.strengths] for axis in (down, across)]
    names = names or (across.name, down.name)
    return caption(laid_out, *strengths, across=names[0], down=names[1])
