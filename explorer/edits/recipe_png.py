"""PNG files that hold the recipe of their picture.

The recipe is in one ``tEXt`` chunk, beside the pixels and nothing else: no time, program, place or profile. A sheet of
many edits has another chunk that names its axes. With the user's consent, or where it shows nobody's photo, one more
chunk holds the aligned picture that the edit started from, so that the file alone is enough to continue. Reading walks
the chunks without inflating any data.
"""

from __future__ import annotations

import base64
import binascii
import struct
from collections.abc import Mapping

import numpy as np

from explorer.edits.recipe import EditRecipe, RecipeError
from explorer.pixels.pictures import png
from explorer.server import sandbox
from glowcore.errors import ImageError

RECIPE_KEY = "glow-recipe"
CROP_KEY = "glow-crop"
MAX_CROP = 4 * 2**20
CROP_SIDE = 512  # pixels; an aligned picture has the size of the model
_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def to_png(
    picture: np.ndarray, recipe: EditRecipe, crop: np.ndarray | None = None, more: Mapping[str, str] | None = None
) -> bytes:
    """Return the picture as a PNG that holds its recipe.

    Args:
        picture: uint8 ``[H, W, 3]``, stored losslessly.
        recipe: the edit that gives the picture.
        crop: the aligned picture that the edit started from, uint8 ``[H, W, 3]``; None to leave it out.
        more: further ASCII texts by the keywords of their chunks.
    """
    texts = {RECIPE_KEY: recipe.token(), **(more or {})}
    if crop is not None:
        texts[CROP_KEY] = base64.b64encode(png(crop)).decode()
    return png(picture, texts)


def read_png(data: bytes) -> tuple[EditRecipe, np.ndarray | None] | None:
    """Return the recipe that a PNG holds, and its crop if it holds one; None for a file without a recipe.

    Raises:
        RecipeError: the recipe is malformed.
        ImageError: the crop is not a picture, or has more than 512 pixels on a side.
    """
    texts = _texts(data)
    if RECIPE_KEY not in texts:
        return None
    try:
        recipe = EditRecipe.from_token(texts[RECIPE_KEY])
    except RecipeError as error:  # its sentence is about a link
        raise RecipeError("the recipe inside this PNG is damaged, or of another version of this program") from error
    if CROP_KEY not in texts:
        return recipe, None
    try:
        packed = base64.b64decode(texts[CROP_KEY], validate=True)
    except (binascii.Error, ValueError) as error:
        raise RecipeError("the picture inside this PNG is damaged") from error
    crop = sandbox.load(packed)
    height, width = crop.shape[:2]
    if max(height, width) > CROP_SIDE:
        size = f"{width} x {height} pixels"
        raise ImageError(f"the face inside this PNG has {size}, at most {CROP_SIDE} per side are read")
    return recipe, crop


def _texts(data: bytes) -> dict[str, str]:
    """Return the texts of a PNG under ``RECIPE_KEY`` and ``CROP_KEY``; {} for any other file."""
    texts: dict[str, str] = {}
    if not data.startswith(_SIGNATURE):
        return texts
    position = len(_SIGNATURE)
    while position + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        body = data[position + 8 : position + 8 + length]
        if len(body) < length or kind == b"IEND":
            break
        if kind == b"tEXt" and length <= MAX_CROP:
            key, _, value = body.partition(b"\0")
            name = key.decode("latin-1")
            if name in (RECIPE_KEY, CROP_KEY):
                texts[name] = value.decode("latin-1")
        position += 12 + length
    return texts
