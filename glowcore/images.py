"""Bytes to picture and back: the one loader of training, evaluation and the application.

A picture here is a ``uint8`` array ``[H, W, 3]`` in sRGB, upright, without alpha. :func:`load` makes it from a JPEG,
PNG or WebP file, told by content and never by name; :func:`to_tensor` and :func:`to_uint8` go between such arrays and
the models' tensors; :func:`to_png_bytes` and :func:`to_jpeg_bytes` write files that carry the pixels, the text asked
for, and nothing else.
"""

import io
import os
import threading
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image, PngImagePlugin

from glowcore import image_guard
from glowcore.errors import ImageError, reason
from glowcore.image_decoding import decode
from glowcore.text import printable

#: Endings of the files that are pictures, where a whole folder is looked through.
PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
#: Half a step of 8 bits, in the [0, 1] of tensors: a value that is off by less is still shown as itself.
HALF_STEP = 0.5 / 255

# One decode at a time bounds the memory of a server, and Python's warning filters belong to the whole process.
_DECODING = threading.Lock()


def load(source: bytes | str | os.PathLike, *, channels: int = 3) -> np.ndarray:
    """Read a picture as uint8 ``[H, W, channels]``, sRGB, upright.

    JPEG (of an MPO the first picture), PNG and WebP are read, of an animation the first frame. The EXIF orientation is
    applied; an embedded ICC profile of the right colour space is converted to sRGB (perceptual intent), a broken or
    foreign one is passed over, as browsers do; CMYK without a profile is converted by the plain formula. Of 16-bit
    values, grey or colour, the upper 8 bits are taken. Transparent parts are laid over white, in encoded values as
    browsers do. A picture of more than 16 megapixels is shrunk by a whole factor while it is decoded, so that memory
    stays bounded.

    Args:
        source: the file's bytes, or its path.
        channels: 3 for colour, 1 for grey (:func:`to_channels`).

    Raises:
        ImageError: with one sentence, whatever is wrong: missing, not such a picture, damaged, beyond the limits of
            :mod:`glowcore.image_guard`. For a path the sentence begins with the file's name.
    """
    data, prefix = _read(source)
    try:
        header = image_guard.inspect(data)
        with _DECODING, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            picture = decode(data, header)
    except ImageError as error:
        raise ImageError(prefix + str(error)) from error.__cause__
    except Exception as error:  # OSError, ValueError, SyntaxError, IndexError, MemoryError ...: Pillow raises many
        raise ImageError(prefix + str(image_guard.damaged(header.kind))) from error
    return to_channels(picture, channels)


def resize_area(array: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Bring uint8 ``[H, W, C]`` to ``size = (height, width)``: every new pixel is the mean of the area that it covers.

    Any ratio will do, each axis by itself. An axis that grows has nothing to average and is interpolated by bicubic
    splines after the other has been averaged. The array itself is returned when it has the size already.
    """
    height, width = size
    if array.shape[:2] == (height, width):
        return array
    channels = array.shape[2]
    small = (min(width, array.shape[1]), min(height, array.shape[0]))
    result = cv2.resize(array, small, interpolation=cv2.INTER_AREA)
    if small != (width, height):
        result = cv2.resize(result, (width, height), interpolation=cv2.INTER_CUBIC)
    return result.reshape(height, width, channels)


def crop_to_aspect(array: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return the largest centred part of ``[H, W, C]`` in the proportions of ``size = (height, width)``; a view."""
    height, width = array.shape[:2]
    cut_height = min(height, max(1, round(width * size[0] / size[1])))
    cut_width = min(width, max(1, round(height * size[1] / size[0])))
    top, left = (height - cut_height) // 2, (width - cut_width) // 2
    return array[top : top + cut_height, left : left + cut_width]


def fit(array: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Bring a picture meant for another size to ``size = (height, width)``: centre crop to its shape, then area mean.

    The one rule by which training, evaluation, command line and application bring a picture to a model.
    """
    return resize_area(np.ascontiguousarray(crop_to_aspect(array, size)), size)


def to_channels(array: np.ndarray, channels: int) -> np.ndarray:
    """Return uint8 ``[H, W, 1 or 3]`` as ``[H, W, channels]``.

    Colour becomes grey by Rec. 601 luma, 0.299 R + 0.587 G + 0.114 B, rounded; grey becomes colour by repetition.
    Grey values stay exactly as they are on both ways.

    Raises:
        ImageError: for other numbers of channels than 1 and 3.
    """
    if channels not in (1, 3) or array.shape[2] not in (1, 3):
        raise ImageError(f"{array.shape[2]} channels cannot become {channels}; a picture has 1 (grey) or 3 (colour)")
    if array.shape[2] == channels:
        return array
    if channels == 3:
        return np.repeat(array, 3, axis=2)
    weights = np.array([19595, 38470, 7471], dtype=np.uint32)  # times 2^16, as Pillow's mode L; they sum to 2^16
    return ((array.astype(np.uint32) @ weights + 0x8000) >> 16).astype(np.uint8)[..., None]


def to_tensor(array: np.ndarray | Sequence[np.ndarray]) -> torch.Tensor:
    """Return uint8 ``[H, W, C]``, a list of such, or ``[B, H, W, C]``, as float32 ``[B, C, H, W]`` of v / 255."""
    batch = np.stack(array) if isinstance(array, Sequence) else np.asarray(array)
    if batch.ndim == 3:
        batch = batch[None]
    if batch.dtype != np.uint8 or batch.ndim != 4:
        raise ImageError(f"{batch.dtype} values of shape {batch.shape} are not pictures; uint8 [H, W, C] are expected")
    return torch.from_numpy(np.ascontiguousarray(batch.transpose(0, 3, 1, 2))).to(torch.float32) / 255


def to_uint8(tensor: torch.Tensor) -> np.ndarray:
    """Return ``[B, C, H, W]`` (or ``[C, H, W]``) in [0, 1] as uint8 ``[B, H, W, C]``: clipped, rounded, NaN as 0.

    A ``uint8`` tensor only changes its layout; a ``bool`` one becomes 0 and 255.

    Raises:
        ImageError: other whole numbers, whose range nothing says.
    """
    batch = tensor.detach()
    if batch.dtype == torch.bool:
        batch = batch.float()
    if batch.dtype != torch.uint8 and not batch.is_floating_point():
        raise ImageError(f"{batch.dtype} values are no picture; uint8, bool or floats in [0, 1] are expected")
    if batch.ndim == 3:
        batch = batch[None]
    if batch.dtype != torch.uint8:
        batch = batch.nan_to_num(nan=0.0, posinf=1.0, neginf=0.0).clamp(0, 1).mul(255).round().to(torch.uint8)
    return np.ascontiguousarray(batch.permute(0, 2, 3, 1).cpu().numpy())


def to_png_bytes(array: np.ndarray, text: Mapping[str, str] | None = None, *, level: int = 6) -> bytes:
    """Return the PNG file of uint8 ``[H, W]`` or ``[H, W, 1 or 3]``, its only metadata the ``text`` entries.

    ``level`` is how hard to compress, from 0 (not at all) to 9.
    """
    info = PngImagePlugin.PngInfo()
    for key, value in (text or {}).items():
        info.add_itxt(key, value) if not value.isascii() else info.add_text(key, value)
    out = io.BytesIO()
    _to_pillow(array).save(out, "PNG", pnginfo=info, compress_level=level)
    return out.getvalue()


def to_jpeg_bytes(array: np.ndarray) -> bytes:
    """Return the JPEG file of uint8 ``[H, W]`` or ``[H, W, 1 or 3]``, colour at full resolution, no metadata."""
    out = io.BytesIO()
    _to_pillow(array).save(out, "JPEG", quality=95, subsampling=0, optimize=True)
    return out.getvalue()


def _to_pillow(array: np.ndarray) -> Image.Image:
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    return Image.fromarray(np.ascontiguousarray(array))


def _read(source: bytes | str | os.PathLike) -> tuple[bytes, str]:
    """Return the bytes of a source, and what an error about it begins with."""
    if isinstance(source, bytes | bytearray | memoryview):
        return bytes(source), ""
    prefix = f"{printable(Path(source).name)}: "
    try:
        with open(source, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size > image_guard.MAX_BYTES:
                raise ImageError(prefix + str(image_guard.too_many_bytes(size)))
            return file.read(size + 1), prefix
    except FileNotFoundError as error:
        raise ImageError(f"{prefix}there is no such file; {image_guard.ACCEPTED}") from error
    except IsADirectoryError as error:
        raise ImageError(f"{prefix}this is a folder; {image_guard.ACCEPTED}") from error
    except (OSError, ValueError) as error:
        words = reason(error) if isinstance(error, OSError) else "not a file name"
        raise ImageError(f"{prefix}the file cannot be opened ({words}); {image_guard.ACCEPTED}") from error
