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

Carried = tuple[Source, np.ndarray]  # a source and its aligned picture, uint8 ``[H, W, 3]``


@dataclass
class OtherModels:
    """The edits of the models that are not in use.

    Attributes:
        histories: the history of each model that was in use, by the hash of its weights.
        depicts: what the model in use draws, "face" or "picture"; an edit of one does not go to a model of the other.
        aside: by kind of picture, the last edit and carried picture of models of the other kind.
        carried: the picture that was last shown, which goes along to a model that does not have it.
    """

    histories: dict[str, History] = field(default_factory=dict)
    depicts: str = ""
    aside: dict[str, tuple[EditRecipe, Carried | None]] = field(default_factory=dict)
    carried: Carried | None = None

    def carry(self, source: Source, picture: np.ndarray | None) -> None:
        """Keep the picture that is shown; None, of a seed, keeps the one before."""
        if picture is not None:
            self.carried = (source, picture)

    def leave(self, history: History, depicts: str) -> EditRecipe | None:
        """Store the history of the model in use; return the last edit of pictures of kind ``depicts``, or None."""
        before: EditRecipe | None = history.present
        self.histories[before.model] = history
        if self.depicts not in ("", depicts):
            self.aside[self.depicts] = (before, self.carried)
            before, self.carried = self.aside.pop(depicts, (None, None))
        self.depicts = depicts
        return before

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
        """Return what a model can follow of another's edit; a picture it does not have is lent, where it is carried."""
        recipe = adapt(recipe, engine)
        if not missing(recipe.source, engine, recipe.source.kind == "map", photos):
            return recipe
        is_carried = self.carried is not None and self.carried[0] == recipe.source
        return replace(recipe, source=crops.lend(*self.carried) if is_carried else greeting(engine).source)

    def forget(self, gone: Collection[str]) -> None:
        """Remove the photos and crops of these keys; their edits become edits of ``EVERY_MODEL_HAS``."""
        self.carried = _kept(self.carried, gone)
        self.histories = {
            model: history.mapped(lambda r: r.without_photo(gone, EVERY_MODEL_HAS))
            for model, history in self.histories.items()
        }
        for kind, (recipe, carried) in self.aside.items():
            self.aside[kind] = (recipe.without_photo(gone, EVERY_MODEL_HAS), _kept(carried, gone))


def _kept(carried: Carried | None, gone: Collection[str]) -> Carried | None:
    return carried if carried and carried[0].value not in gone else None
