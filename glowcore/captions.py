"""Captions beside the rows and above the columns of a sheet of pictures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

CAPTION_HEIGHT = 22
FONT_SIZE = 14


def caption(
    sheet: np.ndarray, rows: Sequence[str], columns: Sequence[str] = (), *, down: str = "", across: str = ""
) -> np.ndarray:
    """Add white margins with captions to the left and, if ``columns`` or ``across`` are given, the top of a sheet.

    Args:
        sheet: uint8 ``[H, W, 1 or 3]``, of rows of equal height and columns of equal width.
        rows: caption of each row, at its middle.
        columns: caption of each column, or none.
        down: title of the vertical axis, written upwards at the left edge, or "".
        across: title of the horizontal axis, written at the top edge, or "".

    Returns:
        uint8 ``[H + top, W + left, 3]``.
    """
    font = ImageFont.load_default(FONT_SIZE)
    first = CAPTION_HEIGHT if down else 0
    left = first + int(max(font.getlength(row) for row in rows)) + 12
    top = CAPTION_HEIGHT * (bool(columns) + bool(across))
    height, width = sheet.shape[:2]
    canvas = Image.new("RGB", (left + width, top + height), "white")
    canvas.paste(Image.fromarray(np.ascontiguousarray(np.broadcast_to(sheet, (height, width, 3)))), (left, top))
    draw = ImageDraw.Draw(canvas)
    for index, row in enumerate(rows):
        draw.text((first + 6, top + (2 * index + 1) * height // (2 * len(rows))), row, "black", font, anchor="lm")
    for index, column in enumerate(columns):
        middle = left + (2 * index + 1) * width // (2 * len(columns))
        draw.text((middle, top - CAPTION_HEIGHT // 2), column, "black", font, anchor="mm")
    if across:
        canvas.paste(_line(across, width, font), (left, 0))
    if down:
        canvas.paste(_line(down, height, font).rotate(90, expand=True), (0, top))
    return np.asarray(canvas)


def _line(text: str, length: int, font: ImageFont.FreeTypeFont) -> Image.Image:
    """Return a white line of ``length`` pixels with a centred text, truncated if it is too long."""
    line = Image.new("RGB", (length, CAPTION_HEIGHT), "white")
    while len(text) > 1 and font.getlength(text) > length:
        text = text[:-2] + "…"
    ImageDraw.Draw(line).text((length // 2, CAPTION_HEIGHT // 2), text, "black", font, anchor="mm")
    return line
