"""The edits of the models that are not in use, and the picture that goes along to another model."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace

import numpy as np

from explorer.edits.history import History
from explorer.edits.recipe import EditRecipe, Source
from explorer.engines.engine import Engine
from explorer.session.album import Crops
from explorer.session.fitting import EVERY_MODEL_HAS, adapt, greeting, missing

Shown = tuple[Source, np.ndarray]  # a source and its aligned picture, uint8 ``[H, W, 3]``


@dataclass
class Elsewhere:
    """The edits of the models that are not in use.

    Attributes:
        left: the history of each model that was in use, by the hash of its weights.
        depicts: what the model in use draws, "face" or "picture"; an edit of one does not go to a model of the other.
        aside: by kind of picture, the last edit and shown picture of models of the other kind.
        shown: the picture that was last shown, which goes along to a model that does not have it.
    """

    left: dict[str, History] = field(default_factory=dict)
    depicts: str = ""
    aside: dict[str, tuple[EditRecipe, Shown | None]] = field(default_factory=dict)
    shown: Shown | None = None

    def show(self, source: Source, picture: np.ndarray | None) -> None:
        """Keep the picture that is shown; None, of a seed, keeps the one before."""
        if picture is not None:
            self.shown = (source, picture)

    def leave(self, history: History, depicts: str) -> EditRecipe | None:
        """Store the history of the model in use; return the last edit of pictures of kind ``depicts``, or None."""
        before: EditRecipe | None = history.present
        self.left[before.model] = history
        if self.depicts not in ("", depicts):
            self.aside[self.depicts] = (before, self.shown)
            before, self.shown = self.aside.pop(depicts, (None, None))
        self.depicts = depicts
        return before

    def come_back(self, model: str) -> History | None:
        """Take out the history of the model of this hash; None where it was not in use before."""
        return self.left.pop(model, None)

    def returning(
        self, left: EditRecipe | None, before: EditRecipe, engine: Engine, crops: Crops, photos: Collection[str]
    ) -> EditRecipe:
        """Return the edit that a model starts with: of the picture of the model before it, with its own sliders.

        Args:
            left: the edit in which the model was left; None for a model that is new here, which takes over ``before``.
            before: the last edit of the model before it.
            engine: the model.
            crops: where a picture that the model does not have is kept for it.
            photos: keys of the photos in the session, whole or cut out.
        """
        own = left and adapt(left, engine)
        # The same picture may be a crop that was lent to the model before.
        same = own and own.source in (before.source, crops.lent.get(before.source.value))
        if same and not missing(own.source, engine, False, photos):
            return own
        brought = self._brought_along(before, engine, crops, photos)
        return replace(brought, moves=own.moves, locks=own.locks) if own else brought

    def _brought_along(self, recipe: EditRecipe, engine: Engine, crops: Crops, photos: Collection[str]) -> EditRecipe:
        """Return what a model can follow of another's edit; a picture it does not have is lent, where it was shown."""
        recipe = adapt(recipe, engine)
        if not missing(recipe.source, engine, recipe.source.kind == "map", photos):
            return recipe
        was_shown = self.shown is not None and self.shown[0] == recipe.source
        return replace(recipe, source=crops.lend(*self.shown) if was_shown else greeting(engine).source)

    def forget(self, gone: Collection[str]) -> None:
        """Remove the photos and crops of these keys; their edits become edits of ``EVERY_MODEL_HAS``."""
        self.shown = _kept(self.shown, gone)
        self.left = {m: h.mapped(lambda r: r.without_photo(gone, EVERY_MODEL_HAS)) for m, h in self.left.items()}
        for depicted, (recipe, shown) in self.aside.items():
            self.aside[depicted] = (recipe.without_photo(gone, EVERY_MODEL_HAS), _kept(shown, gone))


def _kept(shown: Shown | None, gone: Collection[str]) -> Shown | None:
    return shown if shown and shown[0].value not in gone else None
