"""Pictures on their way to the eye: compressed bytes, data addresses, sizes.

All pictures here are uint8 arrays [H, W, 3].
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

LOSSLESS_SIDE = 128  # up to here lossless WebP costs less than the message around it
LARGE = 3_000_000  # values, from which compressing well would take seconds
LOSSLESS_PIXELS = 9 * 64 * 64  # a strip or sheet of small pictures
TILE_QUALITY = 80  # of pictures that are shown at the size of a thumb
_URIS: ByteLRU[str] = ByteLRU(2 * 2**20)


def fingerprint(picture: np.ndarray) -> str:
    """SHA-256 of a picture's values and shape, in hex: the only key under which a picture is ever cached."""
    picture = np.ascontiguousarray(picture)
    return hashlib.sha256(repr(picture.shape).encode() + picture.tobytes()).hexdigest()


def webp(picture: np.ndarray, quality: int = 90) -> bytes:
    """Compress for the live view: lossless while the picture is small, with loss above."""
    height, width = picture.shape[:2]
    lossless = max(height, width) <= LOSSLESS_SIDE or height * width <= LOSSLESS_PIXELS
    return _webp(picture, lossless=lossless, quality=60 if lossless else quality, method=0)


def _webp(picture: np.ndarray, **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "WEBP", **options)
    return buffer.getvalue()


def png(picture: np.ndarray, text: Mapping[str, str] | None = None) -> bytes:
    """Compress without loss, for downloads; a large picture quickly, a small one well. `text` is all its metadata."""
    return images.to_png_bytes(picture, text, level=1 if picture.size > LARGE else 9)


def data_uri(picture: np.ndarray, quality: int = 90) -> str:
    """The picture as an address that an `<img>` shows without asking the server again."""
    return _uri((fingerprint(picture), quality), lambda: webp(picture, quality))


def tile_uri(picture: np.ndarray) -> str:
    """The same of a small picture that is one of many on a page: with a loss, in a fifth of the bytes."""
    return _uri((fingerprint(picture), "tile"), lambda: _webp(picture, quality=TILE_QUALITY, method=4))


def _uri(key: Hashable, compressed: Callable[[], bytes]) -> str:
    uri = _URIS.get(key)
    if uri is None:
        uri = "data:image/webp;base64," + base64.b64encode(compressed()).decode()
        _URIS.put(key, uri, len(uri))
    return uri


def in_channels(picture: np.ndarray, channels: int) -> np.ndarray:
    """The picture as a model of 1 or 3 channels sees it: grey, or as it is."""
    return images.to_channels(images.to_channels(picture, channels), 3)


def quantised(picture: np.ndarray, bits: int) -> np.ndarray:
    """An 8-bit picture with so many bits per value, 1 to 8, each value in the middle of its bin."""
    step = 2 ** (8 - bits)
    return picture // step * step + step // 2


def reduced(picture: np.ndarray, side: int) -> np.ndarray:
    """Shrink by area averaging so that the longer side is at most `side`; a smaller picture comes back as it is."""
    height, width = picture.shape[:2]
    factor = side / max(height, width)
    if factor >= 1:
        return picture
    return images.resize_area(picture, (max(1, round(height * factor)), max(1, round(width * factor))))
