"""What a model makes of an edit: its aligned picture, and its attributes, levels, gallery and map."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np

from explorer.atlas import maps
from explorer.edits.recipe import EditRecipe, RecipeError, Source
from explorer.engines.engine import Engine
from explorer.portraits.photos import Photo
from explorer.wording.labels import noun
from explorer.wording.sentences import ELSEWHERE, absence
from glowcore.errors import GlowcoreError

GREETING = ("Smiling", 1.0)
EVERY_MODEL_HAS = Source("seed", "7")


def aligned_picture(source: Source, engine: Engine, photo: Photo | None) -> np.ndarray | None:
    """Return the aligned picture of a source, uint8 ``[H, W, 3]``; None for a seed, which the model samples itself.

    Args:
        source: the source.
        engine: the model, with its gallery and its map.
        photo: the photo of the source, None where it is not in the session.

    Raises:
        RecipeError: the picture is not in the model's gallery or map, or the photo is missing.
    """
    if source.kind == "seed":
        return None
    if source.kind == "gallery":
        return engine.gallery.load(source.value)
    if source.kind == "map":
        return maps.face_at(source, engine)
    if photo is None or photo.key != source.value:
        raise RecipeError("this edit starts from a photo that is not here; give the same file again")
    return photo.aligned(min(engine.image_size), source).image


def on_map(source: Source, engine: Engine) -> bool:
    """Return whether the model's map has the face of a source of kind "map"."""
    try:
        latent_map = maps.map_of(engine)
        latent_map.arranged(source.axes)  # raises where the map lacks an axis
        return source.place is not None or int(source.value) < len(latent_map)
    except GlowcoreError:
        return False


def missing(source: Source, engine: Engine, elsewhere: bool, photos: Collection[str]) -> str:
    """Return why a source cannot be shown, one sentence; "" where it can.

    Args:
        source: the source.
        engine: the model.
        elsewhere: whether the recipe was made with another model, whose map is a different one.
        photos: keys of the photos in the session, whole or cut out.
    """
    instead = f"of this edit is not here; its moves are shown on another {noun(engine)}."
    if source.kind == "gallery" and source.value not in engine.gallery.names:
        return f"The gallery {noun(engine)} {instead}"
    if source.kind == "photo" and source.value not in photos:
        return f"The photo {instead}"
    if source.kind == "map" and (elsewhere or not on_map(source, engine)):
        return f"The map {instead}"
    return ""


def adapt(recipe: EditRecipe, engine: Engine) -> EditRecipe:
    """Return the recipe with only the model's attributes, a temperature for its number of levels, and its hash."""
    levels_fit = len(recipe.temperature) in (1, engine.num_levels)
    return replace(
        recipe.restricted(engine.attribute_names),
        temperature=recipe.temperature if levels_fit else recipe.temperature[-1:],
        model=engine.model_hash,
    )


def greeting(engine: Engine) -> EditRecipe:
    """Return the edit that a new session starts with: the first gallery picture, or a sample, with a slight smile."""
    pictures = engine.gallery.names
    source = Source("gallery", pictures[0]) if pictures else EVERY_MODEL_HAS
    name, strength = GREETING
    moves = ((name, strength),) if name in engine.attribute_names else ()
    return EditRecipe(source, moves, temperature=engine.temperature, model=engine.model_hash)


@dataclass(frozen=True)
class Arrival:
    """An edit opened from a link or a file, as far as it can be shown here.

    Attributes:
        recipe: the edit as it was opened; None before one was.
        shown: the edit as the model and the pictures of the session allow it.
        foreign: whether it was made with another model.
        awaited: its photo, where that is not in the session yet; another picture stands in for it.
        absent: its moves of attributes that are not in the session yet.
        absent_locks: the attributes that it locks and that are not in the session yet.
        note: one sentence or more about what is missing, "" where nothing is.
    """

    recipe: EditRecipe | None = None
    shown: EditRecipe | None = None
    foreign: bool = False
    awaited: Source | None = None
    absent: tuple[tuple[str, float], ...] = ()
    absent_locks: tuple[str, ...] = ()
    note: str = ""

    @classmethod
    def of(cls, recipe: EditRecipe, engine: Engine, photos: Collection[str]) -> Arrival:
        """Adapt a recipe to a model; ``photos`` are the keys of the photos in the session, whole or cut out."""
        shown = adapt(recipe, engine)
        foreign = bool(recipe.model) and recipe.model != engine.model_hash
        lacking = [] if foreign else [name for name in recipe.attributes if name not in engine.attribute_names]
        problem = missing(shown.source, engine, foreign, photos)
        awaited = shown.source if problem and shown.source.kind == "photo" else None
        if problem:
            shown = replace(shown, source=greeting(engine).source)
        sentences = (
            ELSEWHERE if foreign else absence(lacking),
            "" if awaited else problem,  # the page itself asks for an awaited photo
        )
        return cls(
            recipe,
            shown,
            foreign,
            awaited,
            absent=tuple(move for move in recipe.moves if move[0] in lacking),
            absent_locks=tuple(name for name in recipe.locks if name in lacking),
            note=" ".join(filter(None, sentences)),
        )

    @property
    def complete(self) -> bool:
        """Whether nothing is missing."""
        return not (self.foreign or self.awaited or self.absent or self.absent_locks)

    def settled(self) -> Arrival:
        """Accept the edit as it is shown; moves and locks still wait for their attributes."""
        return replace(self, recipe=self.shown, foreign=False, awaited=None)

    def supplied(self, names: Collection[str], recipe: EditRecipe) -> tuple[Arrival, EditRecipe]:
        """Return this arrival without what waited for the attributes ``names``, and ``recipe`` with it."""
        moves, locks = dict(self.absent), set(self.absent_locks)
        later = replace(
            self,
            absent=tuple(move for move in self.absent if move[0] not in names),
            absent_locks=tuple(name for name in self.absent_locks if name not in names),
        )
        moved = recipe.moved({name: moves[name] for name in names if name in moves})
        return later, replace(moved, locks=(*moved.locks, *(locks & set(names))))
