"""Layout of several pictures on one sheet."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from glowcore.errors import ConfigError

#: Limits of a sheet: 2^28 pixels are 256 MB in greyscale and 768 MB in colour.
MOST_PIXELS = 1 << 28
MOST_SIDE = 65_500  # the limit of JPEG; few viewers open a wider PNG


def grid(
    images: Sequence[np.ndarray] | np.ndarray,
    *,
    columns: int | None = None,
    scale: int = 1,
    gap: int = 2,
) -> np.ndarray:
    """Lay out pictures row by row on a white sheet.

    Args:
        images: uint8 ``[N, H, W, C]``, or N of ``[H, W, C]``.
        columns: number of pictures per row; None for a single row.
        scale: integer factor of enlargement, by repeating pixels.
        gap: distance between pictures in pixels.

    Returns:
        uint8 ``[h, w, C]`` of the size from :func:`sheet_size`.

    Raises:
        ConfigError: as :func:`sheet_size`.
    """
    columns = columns or len(images)
    small = np.asarray(images)
    size = sheet_size(small.shape[:3], columns, scale, gap)
    big = small.repeat(scale, axis=1).repeat(scale, axis=2)
    _, height, width, channels = big.shape
    sheet = np.full((*size, channels), 255, np.uint8)
    for index, picture in enumerate(big):
        top, left = (index // columns) * (height + gap), (index % columns) * (width + gap)
        sheet[top : top + height, left : left + width] = picture
    return sheet


def sheet_size(shape: tuple[int, int, int], columns: int, scale: int = 1, gap: int = 2) -> tuple[int, int]:
    """Return height and width of a :func:`grid` of pictures, given their ``shape`` (N, H, W).

    Raises:
        ConfigError: more than :data:`MOST_PIXELS` pixels, or a side beyond :data:`MOST_SIDE`.
    """
    count, height, width = shape
    size = -(-count // columns) * (height * scale + gap) - gap, columns * (width * scale + gap) - gap
    if size[0] * size[1] > MOST_PIXELS or max(size) > MOST_SIDE:
        raise ConfigError(
            f"a sheet {size[1]} pixels wide and {size[0]} high is too large, expected {MOST_PIXELS} at most and "
            f"no side beyond {MOST_SIDE}: fewer pictures, or a smaller scale"
        )
    return size
