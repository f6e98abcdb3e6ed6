"""Pictures and films as files: PNGs that remember how they were made, MP4, GIF, and PNGs in a ZIP archive.

A downloaded picture carries its recipe in one `tEXt` chunk and nothing else: no time, no program, no place, no
profile. A sheet of many edits says in another what its axes are. With the user's consent one more holds the aligned
crop that the edit started from, so that the file alone is enough to go on. Reading walks the chunks itself, without
inflating anything.
"""

from __future__ import annotations

import base64
import binascii
import io
import struct
import zipfile
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from explorer.edits.recipe import MAX_TOKEN, EditRecipe, RecipeError
from explorer.pixels.pictures import png
from explorer.portraits import sandbox
from glowcore import films
from glowcore.errors import ImageError
from glowcore.grids import grid

RECIPE_KEY = "glow-recipe"
CROP_KEY = "glow-crop"
MAX_CROP = 4 * 2**20
CROP_SIDE = 512  # pixels; an aligned picture is as large as its model's
FILM_SIDE = 256  # a film of 64 x 64 pixels is a stamp on a phone
PAIR_SIDE = 512
FONT_SIZE = 24  # of what is written beneath a pair
_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def to_png(
    picture: np.ndarray, recipe: EditRecipe, crop: np.ndarray | None = None, more: Mapping[str, str] | None = None
) -> bytes:
    """The picture as PNG with its recipe inside.

    Args:
        picture: uint8 [H, W, 3], stored without loss.
        crop: the aligned picture the edit started from, uint8 [H, W, 3]; None keeps it out of the file.
        more: further texts in ASCII, by the names of their chunks.
    """
    texts = {RECIPE_KEY: recipe.token(), **(more or {})}
    if crop is not None:
        texts[CROP_KEY] = base64.b64encode(png(crop)).decode()
    return png(picture, texts)


def before_and_after(original: np.ndarray, edited: np.ndarray, strengths: Sequence[str]) -> np.ndarray:
    """Both pictures beside each other, uint8 [H, W, 3] each, enlarged to 512 pixels, with the strengths beneath them.

    The strengths, as "Smile +1.00", stand in as many lines as they need.
    """
    pair = grid([films.enlarge(picture, PAIR_SIDE) for picture in (original, edited)], gap=8)
    height, width = pair.shape[:2]
    font = ImageFont.load_default(FONT_SIZE)
    lines = [""]
    for told in strengths:
        strength = told.replace("−", "-")  # Pillow's font has the letters of ASCII alone
        longer = f"{lines[-1]}, {strength}" if lines[-1] else strength
        if font.getlength(longer) <= width - 2 * FONT_SIZE:
            lines[-1] = longer
        else:
            lines.append(strength)
    step = FONT_SIZE * 3 // 2
    canvas = Image.new("RGB", (width, height + step * len(lines) + FONT_SIZE // 2), "white")
    canvas.paste(Image.fromarray(pair))
    for number, line in enumerate(lines):
        middle = (width // 2, height + step * number + step * 2 // 3)
        ImageDraw.Draw(canvas).text(middle, line, "black", font, anchor="mm")
    return np.asarray(canvas)


def film(frames: Sequence[np.ndarray], kind: str, *, loop: bool) -> bytes:
    """The frames, uint8 [H, W, 3], as an "mp4" or "gif" of a size worth watching; `loop` goes there and back."""
    sequence = films.there_and_back(frames) if loop else frames
    write = films.mp4 if kind == "mp4" else films.gif
    return write([films.enlarge(frame, FILM_SIDE) for frame in sequence])


def frames_zip(frames: Sequence[np.ndarray]) -> bytes:
    """The frames, uint8 [H, W, 3], as PNGs of their own size in a ZIP archive, frame_000.png and on; holds no dates."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:  # PNGs do not become smaller
        for number, frame in enumerate(frames):
            archive.writestr(zipfile.ZipInfo(f"frame_{number:03}.png"), png(frame))
    return buffer.getvalue()


def read_png(data: bytes) -> tuple[EditRecipe, np.ndarray | None] | None:
    """The recipe inside a PNG of ours, with the crop where it carries one; None for any other file.

    Raises:
        RecipeError: a file that says it holds a recipe and holds a broken one.
        ImageError: an embedded crop that is no picture, or has more than 512 pixels to a side.
    """
    texts = _texts(data)
    if RECIPE_KEY not in texts:
        return None
    recipe = EditRecipe.from_token(texts[RECIPE_KEY])
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
    """Our two text chunks of a PNG; {} for anything that is not one."""
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
            if name in (RECIPE_KEY, CROP_KEY) and (name == CROP_KEY or len(value) <= MAX_TOKEN):
                texts[name] = value.decode("latin-1")
        position += 12 + length
    return texts
