"""What a model can follow of an edit: its own attributes, levels, gallery and map."""

from __future__ import annotations

from dataclasses import replace

from explorer import maps
from explorer.engine import Engine
from explorer.gallery import Gallery
from explorer.recipe import EditRecipe, Source
from glowcore.errors import GlowcoreError

GREETING = ("Smiling", 1.0)
EVERY_MODEL_HAS = Source("seed", "7")


def on_map(source: Source, engine: Engine, gallery: Gallery) -> bool:
    """Whether the model's map has the face that `source` names."""
    try:
        return source.place is not None or int(source.value) < len(maps.map_of(engine, gallery))
    except GlowcoreError:
        return False


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
