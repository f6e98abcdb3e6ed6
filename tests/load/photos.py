"""Photos for many visitors: each its own, some of them made to be taken for another's.

A cache that looks at a file's name, at a sample of the pixels, or at the pixels without size and mode hands one visitor
the picture of another. So all files here have one name; every third photo is a large one that differs from its
neighbours in a few pixels only; others hold the same values in another mode or size, or differ in their palette alone.
"""

from __future__ import annotations

import functools
import io

import numpy as np
from PIL import Image

NAME = "photo.png"
KINDS = ("own", "twin", "palette", "mode")
LARGE = 1024


def photo(number: int) -> bytes:
    """The file of visitor `number`; numbers apart give pictures apart, kinds take turns."""
    kind = KINDS[number % len(KINDS)]
    return _png({"own": _own, "twin": _twin, "palette": _palette, "mode": _mode}[kind](number))


def _own(number: int) -> Image.Image:
    """Coloured blobs of one's own."""
    return _blobs(number).resize((320, 320), Image.Resampling.BICUBIC)


def _twin(number: int) -> Image.Image:
    """A large picture that all twins share but for 16 pixels: what a hash of samples does not see."""
    picture = np.array(_blobs(-1).resize((LARGE, LARGE), Image.Resampling.BICUBIC))
    row, column = 64 + 48 * (number // len(KINDS) % 16), 64 + 48 * (number // len(KINDS) // 16 % 16)
    picture[row : row + 4, column : column + 4] = 255 - picture[row : row + 4, column : column + 4]
    return Image.fromarray(picture)


def _palette(number: int) -> Image.Image:
    """The same indices for all, other colours behind them."""
    shared = Image.open(io.BytesIO(_shared()))
    generator = np.random.default_rng([7, number])
    shared.putpalette(generator.integers(0, 256, 96, dtype=np.uint8).tobytes())
    return shared


@functools.cache
def _shared() -> bytes:
    return _png(_blobs(-2).resize((256, 256), Image.Resampling.BICUBIC).quantize(32))


def _mode(number: int) -> Image.Image:
    """One row of bytes read in turn as grey and as colour pictures of several shapes."""
    values = np.random.default_rng(11).integers(0, 256, 12, dtype=np.uint8).repeat(64 * 64).tobytes()
    index = number // len(KINDS)
    size = ((192, 256), (256, 192), (128, 384), (384, 128))[index // 2 % 4]
    side = {0: ("L", size), 1: ("RGB", (size[0] // 3 * 3 // 3, size[1]))}[index % 2]
    picture = Image.frombytes(side[0], side[1], values[: side[1][0] * side[1][1] * (3 if side[0] == "RGB" else 1)])
    return picture.rotate(90 * (index // 8), expand=True)


def _blobs(seed: int) -> Image.Image:
    generator = np.random.default_rng([3, seed % 2**31])
    return Image.fromarray(generator.integers(30, 226, (6, 6, 3), dtype=np.uint8))


def _png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
