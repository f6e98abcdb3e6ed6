"""Pictures and films as files: a pair before and after, MP4, GIF, and PNGs in a ZIP archive."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from explorer.pixels.pictures import png
from glowcore import films
from glowcore.grids import grid

# Pixels, of films: a GIF of 512 is 10 times as large as an MP4, and 64 is tiny on a phone.
SIDES = {"mp4": 512, "gif": 256}
PAIR_SIDE = 512
FONT_SIZE = 24  # pixels, of the text below a pair


def before_and_after(original: np.ndarray, edited: np.ndarray, strengths: Sequence[str]) -> np.ndarray:
    """Return two pictures, uint8 ``[H, W, 3]``, side by side at 512 pixels, named "before" and "after".

    The strengths below them, such as "Smile +1.00", are wrapped into as many lines as they need.
    """
    pair = grid([films.enlarge(picture, PAIR_SIDE) for picture in (original, edited)], gap=8)
    height, width = pair.shape[:2]
    font = ImageFont.load_default(FONT_SIZE)
    lines = [""]
    for text in strengths:
        strength = text.replace("−", "-")  # Pillow's font has only ASCII
        longer = f"{lines[-1]}, {strength}" if lines[-1] else strength
        if font.getlength(longer) <= width - 2 * FONT_SIZE:
            lines[-1] = longer
        else:
            lines.append(strength)
    step = FONT_SIZE * 3 // 2
    canvas = Image.new("RGB", (width, height + step * (1 + len(lines)) + FONT_SIZE // 2), "white")
    canvas.paste(Image.fromarray(pair))
    texts = [(width // 4, 0, "before"), (width * 3 // 4, 0, "after")]
    texts += [(width // 2, number, line) for number, line in enumerate(lines, 1)]
    for x, row, text in texts:
        ImageDraw.Draw(canvas).text((x, height + step * row + step * 2 // 3), text, "black", font, anchor="mm")
    return np.asarray(canvas)


def film_file(frames: Sequence[np.ndarray], kind: str, *, loop: bool) -> bytes:
    """Return frames, uint8 ``[H, W, 3]``, as "mp4" or "gif" at ``SIDES`` pixels; ``loop`` appends the way back."""
    large = [films.enlarge(frame, SIDES[kind]) for frame in frames]
    write = films.mp4 if kind == "mp4" else films.gif
    return write(films.there_and_back(large) if loop else large)


def frames_zip(frames: Sequence[np.ndarray]) -> bytes:
    """Return a ZIP archive of frames, uint8 ``[H, W, 3]``, as frame_000.png and so on, without dates."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:  # uncompressed: PNGs are compressed already
        for number, frame in enumerate(frames):
            archive.writestr(zipfile.ZipInfo(f"frame_{number:03}.png"), png(frame))
    return buffer.getvalue()
