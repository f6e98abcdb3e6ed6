"""Several pictures in one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def grid(
    images: Sequence[np.ndarray] | np.ndarray,
    *,
    columns: int | None = None,
    scale: int = 1,
    gap: int = 2,
    background: int = 255,
) -> np.ndarray:
    """Lay pictures (uint8 ``[N, H, W, C]``, or N of ``[H, W, C]``) out row by row, with a gap between them.

    Each is enlarged ``scale`` times by whole pixels; ``columns`` None puts all of them in one row.

    Returns:
        uint8 ``[rows * (H * scale + gap) - gap, columns * (W * scale + gap) - gap, C]``.
    """
    columns = columns or len(images)
    big = np.asarray(images).repeat(scale, axis=1).repeat(scale, axis=2)
    count, height, width, channels = big.shape
    rows = -(-count // columns)
    sheet = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap, channels), background, np.uint8)
    for index, picture in enumerate(big):
        top, left = (index // columns) * (height + gap), (index % columns) * (width + gap)
        sheet[top : top + height, left : left + width] = picture
    return sheet
