"""From a recipe's source to its aligned picture."""

from __future__ import annotations

import numpy as np

from explorer.atlas import maps
from explorer.edits.recipe import RecipeError, Source
from explorer.engines.engine import Engine
from explorer.portraits.photos import Photo


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
