"""Several pictures in one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from glowcore.errors import ConfigError

#: Of a sheet: a quarter of a gigabyte of greyscale, three of colour.
MOST_PIXELS = 1 << 28
MOST_SIDE = 65_500  # what a JPEG can hold; few viewers open a PNG that is wider


def grid(
    images: Sequence[np.ndarray] | np.ndarray,
    *,
    columns: int | None = None,
    scale: int = 1,
    gap: int = 2,
) -> np.ndarray:
    """Lay pictures (uint8 ``[N, H, W, C]``, or N of ``[H, W, C]``) out row by row, with white between them.

    Each is enlarged ``scale`` times by whole pixels; ``columns`` None puts all of them in one row.

    Returns:
        uint8, of the size that :func:`sheet_size` gives.
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
    """Return height and width of a :func:`grid` of N pictures of H by W, ``shape`` = (N, H, W).

    Raises:
        ConfigError: more pixels than a sheet may have, in all or along one side.
    """
    count, height, width = shape
    size = -(-count // columns) * (height * scale + gap) - gap, columns * (width * scale + gap) - gap
    if size[0] * size[1] > MOST_PIXELS or max(size) > MOST_SIDE:
        raise ConfigError(
            f"a sheet of {size[1]} x {size[0]} pixels is too large, expected {MOST_PIXELS} at most and "
            f"no side beyond {MOST_SIDE}: fewer pictures, or a smaller scale"
        )
    return size
