"""A grid of one face over the strengths of two attributes; every picture of the grid is an edit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from explorer.edits import recipe_png
from explorer.edits.recipe import EditRecipe
from explorer.engines.engine import Engine
from explorer.wording.labels import attributes_of, brief_strength, words
from glowcore import attribute_grid
from glowcore.attribute_grid import Axis

SIDE = 5


@dataclass(frozen=True)
class TwoAttributes:
    """A grid over an edit.

    Attributes:
        edit: its other sliders and its locks apply to all pictures.
        across: the attribute that changes from left to right, and its strengths.
        down: the attribute that changes from top to bottom, and its strengths.
    """

    edit: EditRecipe
    across: Axis
    down: Axis

    @classmethod
    def of(cls, edit: EditRecipe, across: str, down: str, reach: float) -> TwoAttributes:
        """Return the grid with both attributes at five strengths from -reach to reach, in standard deviations."""
        return cls(edit, *(Axis.even(name, -reach, reach, SIDE) for name in (across, down)))

    @property
    def recipes(self) -> list[EditRecipe]:
        """The edit of each picture, row by row."""
        return [self.edit.moved(moves) for moves in attribute_grid.moves(self.across, self.down)]

    @property
    def labels(self) -> tuple[str, str]:
        """The labels of the two attributes, across and down."""
        return words(self.across.name).label, words(self.down.name).label

    @property
    def alts(self) -> list[str]:
        """The text alternative of each picture: "Smile +1, Glasses −2"."""
        across, down = self.labels
        return [
            f"{across} {brief_strength(x)}, {down} {brief_strength(y)}"
            for y in self.down.strengths
            for x in self.across.strengths
        ]

    def pictures(self, engine: Engine, picture: np.ndarray | None) -> list[np.ndarray]:
        """Return all pictures, uint8 ``[H, W, 3]``. A row is one batch, so other requests are served between rows.

        ``picture`` is the aligned source, None for a seed. Errors are those of ``Engine.strip``.
        """
        rows = [self.edit.moved({self.down.name: y}) for y in self.down.strengths]
        strips = [engine.strip(row, self.across.name, self.across.strengths, picture) for row in rows]
        return [frame for strip in strips for frame in strip]

    def to_png(self, pictures: Sequence[np.ndarray]) -> bytes:
        """Return a PNG of all pictures with the strengths at the edges, which holds the axes and the central recipe."""
        middle = self.edit.moved({self.across.name: 0.0, self.down.name: 0.0})
        sheet = attribute_grid.sheet(pictures, self.across, self.down, self.labels)
        axes = {attribute_grid.TEXT_KEY: attribute_grid.axes_json(self.across, self.down)}
        return recipe_png.to_png(sheet, middle, more=axes)


def offered(edit: EditRecipe, engine: Engine) -> list[str]:
    """Return the attributes that an axis may have: those that are not locked."""
    return [name for name in attributes_of(engine) if name not in edit.locks]


def first_choice(edit: EditRecipe, names: Sequence[str]) -> tuple[str, str]:
    """Return two of ``names`` to start with: attributes that the edit moves, else the first ones."""
    across, down, *_ = sorted(names, key=lambda name: edit.strength(name) == 0)
    return across, down
