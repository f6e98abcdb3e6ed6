"""The user's whole photo for the editor, which puts the edited face back into it while sliders move."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from explorer.edits.recipe import EditRecipe, Source
from explorer.engines.engine import Engine
from explorer.pixels.pictures import data_uri, reduced
from explorer.portraits.photos import Photo

SIDE = 1000  # pixels of the longer side
QUALITY = 85


def key_of(engine: Engine, source: Source, others: list[EditRecipe]) -> str:
    """Return the key of a photo around a model's face, with the edits of ``others``, faces of the same photo, in it."""
    text = "\n".join([engine.model_hash, repr(source), *(recipe.token() for recipe in others)])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def in_photo(photo: Photo, source: Source, size: int, others: Mapping[Source, np.ndarray]) -> dict[str, Any]:
    """Return the photo as a data address, and the place of a face in it.

    Args:
        photo: the photo.
        source: the face that is edited.
        size: the side of the model's pictures in pixels.
        others: edited faces, uint8 ``[size, size, 3]``, that the photo shows beside it.

    Returns:
        ``{"uri": str, "matrix": [float] * 6}``; the matrix, row by row, maps the pixels of the reduced photo to those
        of the aligned face.
    """
    whole = photo.with_edits(others)
    small = reduced(whole, SIDE)
    matrix = photo.aligned(size, source).matrix
    steps = np.array([whole.shape[1] / small.shape[1], whole.shape[0] / small.shape[0]])
    turned = matrix[:, :2] * steps
    shift = matrix[:, 2] + matrix[:, :2] @ (0.5 * steps - 0.5)  # pixel centres: x = (x' + 0.5) * step - 0.5
    return {"uri": data_uri(small, QUALITY), "matrix": np.column_stack([turned, shift]).ravel().tolist()}
