"""What a model can follow of an edit: its own attributes, levels, gallery and map."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from explorer import maps
from explorer.engine import Engine
from explorer.gallery import Gallery
from explorer.recipe import EditRecipe, Source
from explorer.words import noun
from glowcore.errors import GlowcoreError

GREETING = ("Smiling", 1.0)
EVERY_MODEL_HAS = Source("seed", "7")


def on_map(source: Source, engine: Engine, gallery: Gallery) -> bool:
    """Whether the model's map has the face that `source` names."""
    try:
        return source.place is not None or int(source.value) < len(maps.map_of(engine, gallery))
    except GlowcoreError:
        return False


def missing(source: Source, engine: Engine, gallery: Gallery, elsewhere: bool, photos: Collection[str]) -> str:
    """Why a source cannot be shown, "" where it can.

    `elsewhere`: the recipe belongs to another model; `photos`: the keys of those at hand, whole or cut out.
    """
    instead = f"of this edit is not here; its moves are shown on another {noun(engine)}."
    if source.kind == "gallery" and source.value not in gallery.names:
        return f"The gallery {noun(engine)} {instead}"
    if source.kind == "photo" and source.value not in photos:
        return f"The photo {instead}"
    if source.kind == "map" and (elsewhere or not on_map(source, engine, gallery)):
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


def greeting(engine: Engine, gallery: Gallery) -> EditRecipe:
    """What a newcomer sees: the first gallery face, or a sampled one, already smiling a little."""
    source = Source("gallery", gallery.names[0]) if gallery.names else EVERY_MODEL_HAS
    name, strength = GREETING
    moves = ((name, strength),) if name in engine.attribute_names else ()
    return EditRecipe(source, moves, temperature=engine.temperature, model=engine.model_hash)
