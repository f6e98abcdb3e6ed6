"""The pictures of a map's file: one WebP that holds them in rows."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from glowcore.errors import ConfigError
from glowcore.grids import grid

COLUMNS = 40
MOST_PICTURES = 10_000  # more dots cannot be told apart
WEBP_SIDE = 16_383  # pixels, the limit of the format
SHEET_PIXELS = 89_000_000  # Pillow rejects larger pictures as decompression bombs


def most_pictures(size: tuple[int, int]) -> int:
    """Return the largest number of pictures of this height and width that a map can hold.

    Raises:
        ConfigError: the pictures are not square, or too large.
    """
    height, width = size
    if height != width or COLUMNS * width > WEBP_SIDE:
        raise ConfigError(
            f"a map cannot keep pictures of {width}x{height}; expected square ones of "
            f"{WEBP_SIDE // COLUMNS} pixels a side at most"
        )
    rows = min(WEBP_SIDE // height, SHEET_PIXELS // (COLUMNS * width * height))
    return min(MOST_PICTURES, rows * COLUMNS)


def compressed(pictures: np.ndarray) -> bytes:
    """Return a WebP file of pictures ``[N, H, W, 3]`` in rows of ``COLUMNS``."""
    buffer = io.BytesIO()
    Image.fromarray(grid(pictures, columns=COLUMNS, gap=0)).save(buffer, "WEBP", quality=82, method=6)
    return buffer.getvalue()


def decompressed(sheet: bytes, count: int, side: int) -> np.ndarray:
    """Return the first ``count`` pictures of a WebP file; raise ValueError or OSError if it is damaged."""
    with Image.open(io.BytesIO(sheet), formats=["WEBP"]) as image:
        tiles = np.asarray(image.convert("RGB"))
    return np.stack([_tile(tiles, i, side) for i in range(count)])


def _tile(tiles: np.ndarray, index: int, side: int) -> np.ndarray:
    y, x = index // COLUMNS * side, index % COLUMNS * side
    tile = tiles[y : y + side, x : x + side]
    if side < 1 or tile.shape != (side, side, 3):
        raise ValueError(f"picture {index} is cut off")
    return tile
