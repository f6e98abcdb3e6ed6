"""Two attributes at once: a grid of pictures in which one changes from left to right, the other from top to bottom."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from glowcore.captions import caption
from glowcore.grids import grid

#: Shorter side, in pixels, from which a picture on a sheet is large enough; smaller ones are enlarged to about it.
SIDE = 128
#: The text entry of a saved sheet that holds :func:`in_words`.
TEXT_KEY = "glow-grid"


@dataclass(frozen=True)
class Axis:
    """An attribute and the strengths it takes along one side of the grid, in standard deviations."""

    name: str
    strengths: tuple[float, ...]

    @classmethod
    def even(cls, name: str, first: float, last: float, count: int) -> Axis:
        """Return ``count`` strengths, 2 or more, at equal distances from ``first`` to ``last``."""
        return cls(name, tuple(np.linspace(first, last, count).tolist()))


def moves(across: Axis, down: Axis) -> list[dict[str, float]]:
    """Return the two strengths of every picture, row by row from the top."""
    return [{across.name: x, down.name: y} for y in down.strengths for x in across.strengths]


def signed(strength: float) -> str:
    """Return a strength as it is written at the edge: ``+1``, ``-0.33``, ``0``."""
    return "0" if round(strength, 2) == 0 else f"{round(strength, 2):+g}"


def in_words(across: Axis, down: Axis) -> str:
    """Return what the file of a sheet says of its axes: JSON in ASCII, each with its name and strengths."""
    return json.dumps({"across": asdict(across), "down": asdict(down)})


def sheet(
    pictures: Sequence[np.ndarray] | np.ndarray, across: Axis, down: Axis, names: tuple[str, str] | None = None
) -> np.ndarray:
    """Lay the pictures of :func:`moves` out with the attributes and their strengths at the edges.

    Args:
        pictures: uint8 ``[N, H, W, 1 or 3]``, or N of ``[H, W, 1 or 3]``.
        across: what changes from left to right.
        down: what changes from top to bottom.
        names: what the two are called on the sheet, by default as they are.

    Returns:
        uint8 ``[h, w, 3]``; each picture is enlarged by whole pixels, so that it can be had back from the sheet.
    """
    scale = max(1, round(SIDE / min(np.shape(pictures)[1:3])))
    laid = grid(pictures, columns=len(across.strengths), scale=scale)
    strengths = [[signed(strength) for strength in axis.strengths] for axis in (down, across)]
    names = names or (across.name, down.name)
    return caption(laid, *strengths, across=names[0], down=names[1])
