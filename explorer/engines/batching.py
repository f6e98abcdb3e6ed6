"""Many pictures in batches that fit the device's memory."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from explorer.engines.device import release_memory
from glowcore.out_of_memory import free_tensors_of, is_out_of_memory

BATCH = 16


class Batching:
    """The batch size of a model, halved for good whenever a batch does not fit into memory."""

    def __init__(self) -> None:
        self.size = BATCH

    def run(self, count: int, make: Callable[[slice], list[np.ndarray]]) -> list[np.ndarray]:
        """Return ``count`` pictures; ``make`` returns those of a slice.

        A batch that does not fit into memory is halved and tried again. Any other error of ``make``, and any error for
        a single picture, is raised.
        """
        pictures: list[np.ndarray] = []
        while len(pictures) < count:
            part = slice(len(pictures), min(count, len(pictures) + self.size))
            try:
                pictures.extend(make(part))
            except Exception as error:
                attempted = part.stop - part.start
                if attempted == 1 or not is_out_of_memory(error):
                    raise
                free_tensors_of(error)
                self.size = min(self.size, attempted // 2)  # another thread may have reduced the size meanwhile
                release_memory()
        return pictures
