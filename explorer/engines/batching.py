"""Many pictures in batches that fit the device's memory."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from explorer.engines.device import release_memory
from glowcore.out_of_memory import free_tensors_of, is_out_of_memory

BATCH = 16


class Batching:
    """How many pictures are made at once: `size`, and less for good once the memory did not hold them."""

    def __init__(self, size: int = BATCH) -> None:
        self.size = size

    def run(self, count: int, make: Callable[[slice], list[np.ndarray]]) -> list[np.ndarray]:
        """All `count` pictures from a function that makes those of a slice.

        What it raises for a single picture is raised here; a batch that the memory does not hold is halved.
        """
        pictures: list[np.ndarray] = []
        while len(pictures) < count:
            part = slice(len(pictures), min(count, len(pictures) + self.size))
            try:
                pictures.extend(make(part))
            except Exception as error:
                tried = part.stop - part.start
                if tried == 1 or not is_out_of_memory(error):
                    raise
                free_tensors_of(error)
                self.size = min(self.size, tried // 2)  # of what was tried: another thread may have shrunk it meanwhile
                release_memory()
        return pictures
