"""Where a visitor of the map stands."""

from __future__ import annotations

from dataclasses import dataclass

from explorer.edits.recipe import Source

Point = tuple[float, float]


@dataclass(frozen=True)
class Walk:
    """A position on the map of a model, or a path on it.

    Attributes:
        point: index of the picture that was chosen, None for a place between the pictures.
        spot: the place, in units of the map; None before one was chosen.
        path: the places of a drawn line, empty where none was drawn.
    """

    point: int | None = None
    spot: Point | None = None
    path: tuple[Point, ...] = ()

    @property
    def source(self) -> Source:
        """The face at this position: of the picture, else of the place, else of the middle of the map."""
        x, y = self.spot or (0.0, 0.0)
        return Source("map", f"{x:.2f},{y:.2f}" if self.point is None else str(self.point))
