"""Conversion of a model's values to pictures, with grey stripes in place of pictures that are not finite.

All pictures are uint8 arrays ``[H, W, 3]``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from explorer.pixels.pictures import data_uri
from glowcore import images
from glowcore.grids import grid

LOST = "went beyond what the model can draw"


def from_values(values: torch.Tensor) -> list[np.ndarray]:
    """Convert a model's values [B, 1 or 3, H, W] to pictures; one with a value that is not finite is ``no_picture``."""
    finite = values.isfinite().flatten(1).all(dim=1).tolist()
    pictures = images.to_uint8(torch.nan_to_num(values))
    return [
        images.to_channels(p, 3) if good else no_picture(*p.shape[:2]) for p, good in zip(pictures, finite, strict=True)
    ]


def no_picture(height: int, width: int) -> np.ndarray:
    """Return the placeholder for a picture that is not finite: grey stripes, which cannot be mistaken for a result."""
    y, x = np.mgrid[:height, :width]
    stripes = (x + y) // max(1, min(height, width) // 8) % 2
    return np.repeat((112 + 32 * stripes).astype(np.uint8)[..., None], 3, axis=2)


def lost(pictures: Sequence[np.ndarray]) -> list[int]:
    """Return the indices of the pictures that are ``no_picture``."""
    return [i for i, picture in enumerate(pictures) if np.array_equal(picture, no_picture(*picture.shape[:2]))]


def lost_words(pictures: Sequence[np.ndarray]) -> str:
    """Return the caption for pictures of which some are ``no_picture``, "" if none is."""
    count = len(lost(pictures))
    if not count:
        return ""
    subject = "This picture" if len(pictures) == 1 else f"{count} of {len(pictures)} pictures"
    return f"{subject} {LOST}; stripes stand for what is not there."


def sheet(pictures: Sequence[np.ndarray], columns: int | None = None) -> dict[str, Any]:
    """Return the data that a component needs to show pictures of one size: a data address, and which of them are lost.

    The pictures are side by side, or in ``columns``, without a gap.
    """
    return {"uri": data_uri(grid(pictures, columns=columns, gap=0)), "lost": lost(pictures), "lostWords": LOST}
