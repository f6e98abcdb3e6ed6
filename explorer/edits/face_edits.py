"""The last edit of each face of the photos, so that a group photo can be saved with all of its edited faces."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from explorer.edits.recipe import EditRecipe


@dataclass(frozen=True)
class FaceEdits:
    """The latest recipe of each edited photo source. Methods return a new value."""

    last: tuple[EditRecipe, ...] = ()

    def updated(self, recipes: Iterable[EditRecipe]) -> FaceEdits:
        """Add recipes; one of the same source replaces the earlier one."""
        return FaceEdits(tuple({recipe.source: recipe for recipe in (*self.last, *recipes)}.values()))

    def after(self, steps: Sequence[EditRecipe]) -> FaceEdits:
        """Add the edits among consecutive steps of a history.

        A step is an edit where it changes the moves or the locks. A step that only chooses another face is not one,
        although the new face takes over the sliders of the one before.
        """
        return self.updated(
            recipe
            for before, recipe in pairwise(steps)
            if recipe.source.kind == "photo" and (recipe.moves, recipe.locks) != (before.moves, before.locks)
        )

    def of_photo(self, key: str) -> list[EditRecipe]:
        """Return the edits with moves of the detected faces of a photo."""
        return [r for r in self.last if r.source.value == key and r.source.face >= 0 and r.moves]

    def where(self, condition: Callable[[EditRecipe], bool]) -> FaceEdits:
        """Keep the edits that fulfil a condition."""
        return FaceEdits(tuple(filter(condition, self.last)))

    def mapped(self, change: Callable[[EditRecipe], EditRecipe]) -> FaceEdits:
        """Change every edit; one whose source changes is dropped."""
        return FaceEdits(tuple(after for r in self.last if (after := change(r)).source == r.source))
