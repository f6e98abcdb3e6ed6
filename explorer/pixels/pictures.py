"""Compression, data addresses and sizes of pictures for the browser and for files.

All pictures are uint8 arrays ``[H, W, 3]``.
"""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Callable, Hashable, Mapping
from typing import Any

import numpy as np
from PIL import Image

from explorer.pixels.cache import ByteLRU
from glowcore import images

LOSSLESS_SIDE = 128  # pixels; one picture up to this size is shown exactly, at 64 pixels in about 6 KB
LARGE = 3_000_000  # values; above this size the best compression takes seconds
LOSSLESS_PIXELS = 9 * 64 * 64  # for strips and sheets of small pictures
TILE_QUALITY = 80  # of thumbnails
_URIS: ByteLRU[str] = ByteLRU(2 * 2**20)


def fingerprint(picture: np.ndarray) -> str:
    """Return the SHA-256 of a picture's values and shape in hex, the key for caching pictures."""
    picture = np.ascontiguousarray(picture)
    return hashlib.sha256(repr(picture.shape).encode() + picture.tobytes()).hexdigest()


def webp(picture: np.ndarray, quality: int = 90) -> bytes:
    """Compress a picture for the live view: losslessly if it is small, else lossily."""
    height, width = picture.shape[:2]
    lossless = max(height, width) <= LOSSLESS_SIDE or height * width <= LOSSLESS_PIXELS
    return _webp(picture, lossless=lossless, quality=60 if lossless else quality, method=0)


def _webp(picture: np.ndarray, **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "WEBP", **options)
    return buffer.getvalue()


def png(picture: np.ndarray, text: Mapping[str, str] | None = None) -> bytes:
    """Compress a picture losslessly for a download, a large one quickly; ``text`` is all its metadata."""
    return images.to_png_bytes(picture, text, level=1 if picture.size > LARGE else 9)


def data_uri(picture: np.ndarray, quality: int = 90) -> str:
    """Return the picture as a data address, which an ``<img>`` shows without another request."""
    return _uri((fingerprint(picture), quality), lambda: webp(picture, quality))


def tile_uri(picture: np.ndarray) -> str:
    """Return the data address of a thumbnail, compressed lossily to a fifth of the bytes of ``data_uri``."""
    return _uri((fingerprint(picture), "tile"), lambda: _webp(picture, quality=TILE_QUALITY, method=4))


def _uri(key: Hashable, compressed: Callable[[], bytes]) -> str:
    uri = _URIS.get(key)
    if uri is None:
        uri = "data:image/webp;base64," + base64.b64encode(compressed()).decode()
        _URIS.put(key, uri, len(uri))
    return uri


def in_channels(picture: np.ndarray, channels: int) -> np.ndarray:
    """Return the picture as a model of 1 or 3 channels sees it: grey for 1, unchanged for 3."""
    return images.to_channels(images.to_channels(picture, channels), 3)


def quantised(picture: np.ndarray, bits: int) -> np.ndarray:
    """Quantise an 8-bit picture to 1 to 8 bits per value, each value at the centre of its bin."""
    step = 2 ** (8 - bits)
    return picture // step * step + step // 2


def reduced(picture: np.ndarray, side: int) -> np.ndarray:
    """Shrink a picture by area averaging until its longer side is ``side``; return a smaller picture unchanged."""
    height, width = picture.shape[:2]
    factor = side / max(height, width)
    if factor >= 1:
        return picture
    return images.resize_area(picture, (max(1, round(height * factor)), max(1, round(width * factor))))
