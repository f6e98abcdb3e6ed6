"""Pictures on their way into a model: brought to its size and channels, and encoded once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from explorer.engines.results import Encoded
from explorer.pixels.cache import ByteLRU
from explorer.pixels.pictures import fingerprint, in_channels
from glowcore import images


class Encodings:
    """A cache of encodings by the content of their pictures.

    Args:
        size: height and width of the model's pictures.
        channels: 1 or 3, channels of the model's pictures.
        limit: bytes that the cache may hold.
    """

    def __init__(self, size: tuple[int, int], channels: int, limit: int) -> None:
        self.cache: ByteLRU[Encoded] = ByteLRU(limit)
        self._size, self._channels = size, channels

    def get(self, picture: np.ndarray, encode: Callable[[str, np.ndarray], Encoded]) -> Encoded:
        """Return the encoding of a picture, uint8 ``[H, W, 3]`` of any size.

        ``encode`` is called where the cache does not have it, with the cache key and the picture at the model's size,
        uint8 ``[H, W, 3]``, grey where the model has one channel.
        """
        if picture.shape[:2] != self._size:
            picture = images.fit(picture, self._size)
        picture = in_channels(picture, self._channels)
        key = fingerprint(picture)
        encoded = self.cache.get(key)
        if encoded is None:
            encoded = encode(key, picture)
            latent_bytes = sum(level.nbytes for level in encoded.latents.levels)
            self.cache.put(key, encoded, latent_bytes + 2 * picture.nbytes)
        return encoded


def to_values(picture: np.ndarray, channels: int, device: torch.device | str) -> torch.Tensor:
    """Return a picture, uint8 ``[H, W, 3]``, as a model's input: float32 ``[1, channels, H, W]`` in [0, 1]."""
    return images.to_tensor(images.to_channels(picture, channels)).to(device)
