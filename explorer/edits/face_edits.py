"""The last edit of each face of the photos: a face is chosen again, and saved in a group photo, with its own edit."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from explorer.edits.recipe import EditRecipe, Source


@dataclass(frozen=True)
class FaceEdits:
    """The latest recipe of each edited photo source. Methods return a new value."""

    last: tuple[EditRecipe, ...] = ()

    def updated(self, recipes: Iterable[EditRecipe]) -> FaceEdits:
        """Add recipes; one of the same source replaces the earlier one."""
        return FaceEdits(tuple({recipe.source: recipe for recipe in (*self.last, *recipes)}.values()))

    def after(self, steps: Iterable[EditRecipe]) -> FaceEdits:
        """Add the edits of photos among the steps of a history."""
        return self.updated(recipe for recipe in steps if recipe.source.kind == "photo")

    def choose(self, source: Source, recipe: EditRecipe) -> EditRecipe:
        """Return the edit that follows ``recipe`` when ``source`` is chosen.

        Another face of the same photo gets its own last edit, at first one without moves. Other sources, and eyes that
        are placed by hand, take over the moves and the locks.
        """
        chosen = replace(recipe, source=source)
        if source.kind != "photo" or source.face < 0 or source.value != recipe.source.value or chosen == recipe:
            return chosen
        own = {edit.source: edit for edit in self.last}.get(source, chosen.reset())
        return replace(chosen, moves=own.moves, locks=own.locks)

    def of_photo(self, key: str) -> list[EditRecipe]:
        """Return the edits with moves of the detected faces of a photo."""
        return [r for r in self.last if r.source.value == key and r.source.face >= 0 and r.moves]

    def where(self, condition: Callable[[EditRecipe], bool]) -> FaceEdits:
        """Keep the edits that fulfil a condition."""
        return FaceEdits(tuple(filter(condition, self.last)))

    def mapped(self, change: Callable[[EditRecipe], EditRecipe]) -> FaceEdits:
        """Change every edit; one whose source changes is dropped."""
        return FaceEdits(tuple(after for r in self.last if (after := change(r)).source == r.source))
