"""Pictures as the bytes of files."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from explorer.portraits.photos import photo_key


def png_of(picture: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG")
    return buffer.getvalue()


def jpeg_of(picture: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


def png_files(pictures: np.ndarray) -> list[tuple[str, bytes, str]]:
    """Return files as an uploader takes them: name, bytes and type."""
    return [(f"{index}.png", png_of(picture), "image/png") for index, picture in enumerate(pictures)]


def keys(files: list[tuple[str, bytes, str]]) -> list[str]:
    """Return the keys of the photos in such files."""
    return [photo_key(data) for _, data, _ in files]
