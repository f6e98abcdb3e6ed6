"""What a model can follow of an edit: its own attributes, levels, gallery and map."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from explorer.atlas import maps
from explorer.edits.recipe import EditRecipe, Source
from explorer.engines.engine import Engine
from explorer.wording.labels import noun
from explorer.wording.sentences import ELSEWHERE, absence
from glowcore.errors import GlowcoreError

GREETING = ("Smiling", 1.0)
EVERY_MODEL_HAS = Source("seed", "7")


def on_map(source: Source, engine: Engine) -> bool:
    """Whether the model's map has the face that `source` names."""
    try:
        return source.place is not None or int(source.value) < len(maps.map_of(engine))
    except GlowcoreError:
        return False


def missing(source: Source, engine: Engine, elsewhere: bool, photos: Collection[str]) -> str:
    """Why a source cannot be shown, "" where it can.

    `elsewhere`: the recipe belongs to another model; `photos`: the keys of those at hand, whole or cut out.
    """
    instead = f"of this edit is not here; its moves are shown on another {noun(engine)}."
    if source.kind == "gallery" and source.value not in engine.gallery.names:
        return f"The gallery {noun(engine)} {instead}"
    if source.kind == "photo" and source.value not in photos:
        return f"The photo {instead}"
    if source.kind == "map" and (elsewhere or not on_map(source, engine)):
        return f"The map {instead}"
    return ""


def fit(recipe: EditRecipe, engine: Engine) -> EditRecipe:
    """The recipe as `engine`'s model can follow it: its attributes, its number of levels, its hash."""
    levels_fit = len(recipe.temperature) in (1, engine.num_levels)
    return replace(
        recipe.restricted(engine.attribute_names),
        temperature=recipe.temperature if levels_fit else recipe.temperature[-1:],
        model=engine.model_hash,
    )


def greeting(engine: Engine) -> EditRecipe:
    """What a newcomer sees: the first gallery face, or a sampled one, already smiling a little."""
    pictures = engine.gallery.names
    source = Source("gallery", pictures[0]) if pictures else EVERY_MODEL_HAS
    name, strength = GREETING
    moves = ((name, strength),) if name in engine.attribute_names else ()
    return EditRecipe(source, moves, temperature=engine.temperature, model=engine.model_hash)


@dataclass(frozen=True)
class Arrival:
    """An edit from elsewhere, and what is made of it here.

    Attributes:
        recipe: the edit as it came; None where none has come.
        shown: what a model and the pictures at hand make of it.
        foreign: whether it was made with another model.
        awaited: its photo, where that is not here yet; another picture stands in for it.
        absent: its moves of attributes that are not here yet.
        note: what there is to say about all that.
    """

    recipe: EditRecipe | None = None
    shown: EditRecipe | None = None
    foreign: bool = False
    awaited: Source | None = None
    absent: tuple[tuple[str, float], ...] = ()
    note: str = ""

    @classmethod
    def of(cls, recipe: EditRecipe, engine: Engine, photos: Collection[str]) -> Arrival:
        """What `engine`'s model makes of a recipe; `photos` are the keys of those at hand, whole or cut out."""
        shown = fit(recipe, engine)
        foreign = bool(recipe.model) and recipe.model != engine.model_hash
        absent = () if foreign else tuple(move for move in recipe.moves if move not in shown.moves)
        problem = missing(shown.source, engine, foreign, photos)
        awaited = shown.source if problem and shown.source.kind == "photo" else None
        if problem:
            shown = replace(shown, source=greeting(engine).source)
        told = "" if awaited else problem  # the page asks for the photo, as long as it is awaited
        note = " ".join(filter(None, (ELSEWHERE if foreign else absence([name for name, _ in absent]), told)))
        return cls(recipe, shown, foreign, awaited, absent, note)

    @property
    def complete(self) -> bool:
        """Whether nothing of it is lacking."""
        return not (self.foreign or self.awaited or self.absent)

    def settled(self) -> Arrival:
        """As if it had come as it is shown; moves still wait for their attributes."""
        return replace(self, recipe=self.shown, foreign=False, awaited=None)
