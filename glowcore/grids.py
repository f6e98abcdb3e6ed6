"""Several pictures in one."""

from __future__ import annotations

import numpy as np


def grid(images: np.ndarray, *, columns: int, scale: int = 1, gap: int = 2, background: int = 255) -> np.ndarray:
    """Lay pictures (uint8 ``[N, H, W, C]``) out row by row, each enlarged by whole pixels, with a gap between them.

    Returns:
        uint8 ``[rows * (H * scale + gap) - gap, columns * (W * scale + gap) - gap, C]``.
    """
    big = images.repeat(scale, axis=1).repeat(scale, axis=2)
    count, height, width, channels = big.shape
    rows = -(-count // columns)
    sheet = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap, channels), background, np.uint8)
    for index, picture in enumerate(big):
        top, left = (index // columns) * (height + gap), (index % columns) * (width + gap)
        sheet[top : top + height, left : left + width] = picture
    return sheet
