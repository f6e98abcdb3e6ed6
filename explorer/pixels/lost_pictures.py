"""A model's values as pictures; grey stripes stand for those that are no numbers, and are told from all others.

All pictures here are uint8 arrays [H, W, 3].
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
    """A model's values [B, 1 or 3, H, W] as pictures for the eye; where one is no number, it is `no_picture`."""
    numbers = values.isfinite().flatten(1).all(dim=1).tolist()
    shown = images.to_uint8(torch.nan_to_num(values))
    return [
        images.to_channels(p, 3) if good else no_picture(*p.shape[:2]) for p, good in zip(shown, numbers, strict=True)
    ]


def no_picture(height: int, width: int) -> np.ndarray:
    """What stands for a picture whose values are no numbers: grey stripes, so that nobody takes it for a result."""
    y, x = np.mgrid[:height, :width]
    stripes = (x + y) // max(1, min(height, width) // 8) % 2
    return np.repeat((112 + 32 * stripes).astype(np.uint8)[..., None], 3, axis=2)


def lost(pictures: Sequence[np.ndarray]) -> list[int]:
    """Which of a model's pictures are `no_picture`."""
    return [i for i, picture in enumerate(pictures) if np.array_equal(picture, no_picture(*picture.shape[:2]))]


def lost_words(pictures: Sequence[np.ndarray]) -> str:
    """What to say under pictures of which some are no numbers, "" where all are."""
    count = len(lost(pictures))
    if not count:
        return ""
    subject = "This picture" if len(pictures) == 1 else f"{count} of {len(pictures)} pictures"
    return f"{subject} {LOST}; stripes stand for what is not there."


def sheet(pictures: Sequence[np.ndarray], columns: int | None = None) -> dict[str, Any]:
    """Pictures of one size as a component is told of them: one address, which of them are lost, and words for that.

    They lie side by side, or in `columns`, without a gap.
    """
    return {"uri": data_uri(grid(pictures, columns=columns, gap=0)), "lost": lost(pictures), "lostWords": LOST}
