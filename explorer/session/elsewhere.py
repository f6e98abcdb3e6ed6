"""What a visitor has left with other models: edits to come back to, and the picture to take along."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace

import numpy as np

from explorer.edits.history import History
from explorer.edits.recipe import EditRecipe, Source
from explorer.engines.engine import Engine
from explorer.session.album import Crops
from explorer.session.fitting import EVERY_MODEL_HAS, fit, greeting, missing


@dataclass
class Elsewhere:
    """The edits of the models that are not in use.

    Attributes:
        left: those of the models that were in use, by the hash of each.
        depicts: what the model in use makes pictures of; a face does not become a digit when the model is changed.
        aside: the last edit of what the model in use does not draw, with its picture as `seen`, by what it depicts.
        seen: the picture that the present edit starts from, with its source, to take along to another model.
    """

    left: dict[str, History] = field(default_factory=dict)
    depicts: str = ""
    aside: dict[str, tuple[EditRecipe, tuple[Source, np.ndarray] | None]] = field(default_factory=dict)
    seen: tuple[Source, np.ndarray] | None = None

    def leave(self, history: History, depicts: str) -> EditRecipe | None:
        """Leave a model and its edit for one of pictures of `depicts`; gives the last edit of such, if there is one."""
        before: EditRecipe | None = history.present
        self.left[before.model] = history
        if self.depicts not in ("", depicts):
            self.aside[self.depicts] = (before, self.seen)
            before, self.seen = self.aside.pop(depicts, (None, None))
        self.depicts = depicts
        return before

    def come_back(self, model: str) -> History | None:
        """What the model of this hash was left with, if it was in use; it is not kept here any longer."""
        return self.left.pop(model, None)

    def returning(
        self, left: EditRecipe | None, before: EditRecipe, engine: Engine, crops: Crops, here: Collection[str]
    ) -> EditRecipe:
        """The edit `left` with a model, of the picture of `before`; the whole of that for a model new here.

        `here`: the keys of the photos at hand, whole or cut out.
        """
        mine = left and fit(left, engine)
        same = mine and mine.source in (before.source, crops.lent.get(before.source.value))  # perhaps on loan
        if same and not missing(mine.source, engine, False, here):
            return mine
        brought = self._brought_along(before, engine, crops, here)
        return replace(brought, moves=mine.moves, locks=mine.locks) if mine else brought

    def _brought_along(self, recipe: EditRecipe, engine: Engine, crops: Crops, here: Collection[str]) -> EditRecipe:
        """What a model can follow of another's edit; a picture that it has not itself it is lent, where it was seen."""
        recipe = fit(recipe, engine)
        if not missing(recipe.source, engine, recipe.source.kind == "map", here):
            return recipe
        kept = self.seen is not None and self.seen[0] == recipe.source
        return replace(recipe, source=crops.lend(*self.seen) if kept else greeting(engine).source)

    def forget(self, gone: Collection[str]) -> None:
        """Nothing here is of a photo or crop of these keys any more; its edits are of what every model has."""
        self.seen = _kept(self.seen, gone)
        self.left = {m: h.mapped(lambda r: r.without_photo(gone, EVERY_MODEL_HAS)) for m, h in self.left.items()}
        for depicted, (recipe, seen) in self.aside.items():
            self.aside[depicted] = (recipe.without_photo(gone, EVERY_MODEL_HAS), _kept(seen, gone))


def _kept(seen: tuple[Source, np.ndarray] | None, gone: Collection[str]) -> tuple[Source, np.ndarray] | None:
    return seen if seen and seen[0].value not in gone else None
