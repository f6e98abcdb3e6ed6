"""Names beside the rows and above the columns of a sheet of pictures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

HEIGHT = 22
FONT_SIZE = 14


def caption(sheet: np.ndarray, rows: Sequence[str], columns: Sequence[str] = ()) -> np.ndarray:
    """Write names on a white margin at the left and, if there are columns, at the top of a sheet.

    Args:
        sheet: uint8 ``[H, W, 1 or 3]``, of rows of equal height and columns of equal width.
        rows: a name for each row, at its middle.
        columns: a name for each column, or none.

    Returns:
        uint8 ``[H + top, W + left, 3]``.
    """
    font = ImageFont.load_default(FONT_SIZE)
    left = int(max(font.getlength(row) for row in rows)) + 12
    top = HEIGHT if columns else 0
    height, width = sheet.shape[:2]
    canvas = Image.new("RGB", (left + width, top + height), "white")
    canvas.paste(Image.fromarray(np.ascontiguousarray(np.broadcast_to(sheet, (height, width, 3)))), (left, top))
    draw = ImageDraw.Draw(canvas)
    for index, row in enumerate(rows):
        draw.text((6, top + (2 * index + 1) * height // (2 * len(rows))), row, "black", font, anchor="lm")
    for index, column in enumerate(columns):
        middle = left + (2 * index + 1) * width // (2 * len(columns))
        draw.text((middle, top // 2), column, "black", font, anchor="mm")
    return np.asarray(canvas)
