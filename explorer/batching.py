"""Many pictures in batches that fit the device's memory."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from glowcore.errors import GlowcoreError

BATCH = 16


class Batching:
    """How many pictures are made at once: `size`, and less for good once the memory did not hold them."""

    def __init__(self, size: int = BATCH) -> None:
        self.size = size

    def run(self, count: int, make: Callable[[slice], list[np.ndarray]]) -> list[np.ndarray]:
        """All `count` pictures from a function that makes those of a slice.

        Raises
        ------
        GlowcoreError
            where the memory does not hold a single one.
        """
        pictures: list[np.ndarray] = []
        while len(pictures) < count:
            part = slice(len(pictures), min(count, len(pictures) + self.size))
            try:
                pictures.extend(make(part))
            except torch.OutOfMemoryError as error:
                self._shrink(part.stop - part.start, error)
        return pictures

    def _shrink(self, tried: int, error: torch.OutOfMemoryError) -> None:
        torch.cuda.empty_cache()
        if tried == 1:
            raise GlowcoreError("the GPU has no memory left for a single picture; close what else uses it") from error
        self.size = min(self.size, tried // 2)  # of what was tried: another thread may have shrunk it meanwhile
