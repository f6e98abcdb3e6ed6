"""Reading, resizing, converting and writing of pictures, for training, evaluation and the application alike.

A picture is a ``uint8`` array ``[H, W, 3]`` in sRGB, upright, without alpha. :func:`load` reads it from a JPEG, PNG or
WebP file, recognised by content and not by name; :func:`to_tensor` and :func:`to_uint8` convert between such arrays and
the models' tensors; :func:`to_png_bytes` and :func:`to_jpeg_bytes` write files without any metadata other than the text
entries passed to them.
"""

from __future__ import annotations

import io
import os
import threading
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import Image, PngImagePlugin

from glowcore import image_decoding, image_guard
from glowcore.errors import ImageError, reason
from glowcore.text import printable

if TYPE_CHECKING:
    import torch  # imported at its first use: a process that only decodes pictures takes 190 MB less without it

#: Endings of pictures, by which they are recognised when a folder is listed.
PICTURE_SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp")
#: Half an 8-bit step in the range [0, 1] of tensors: a smaller error does not change the 8-bit value.
HALF_STEP = 0.5 / 255

# Decoding one picture at a time bounds a server's memory; also, Python's warning filters are global to the process.
_DECODE_LOCK = threading.Lock()


def load(source: bytes | str | os.PathLike, *, channels: int = 3) -> np.ndarray:
    """Read a picture as uint8 ``[H, W, channels]``, sRGB, upright.

    JPEG (of an MPO file the first picture), PNG and WebP are read, of an animation the first frame. The EXIF
    orientation is applied. An embedded ICC profile of the right colour space is converted to sRGB (perceptual intent);
    a broken profile or one of another colour space is ignored, as in browsers; CMYK without a profile is converted by
    the plain formula. 16-bit values, grey or colour, are reduced to their upper 8 bits. Transparent parts are
    composited over white in encoded values, as in browsers. A picture of more than 16 megapixels is reduced by an
    integer factor during decoding, to bound the memory.

    Args:
        source: contents of the file, or its path.
        channels: 3 for colour, 1 for grey (:func:`to_channels`).

    Raises:
        ImageError: missing, not a JPEG, PNG or WebP file, damaged, or beyond the limits of :mod:`glowcore.image_guard`.
            For a path, the message begins with the file's name.
    """
    data, prefix = _read(source)
    try:
        header = image_guard.inspect(data)
        with _DECODE_LOCK, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            picture = image_decoding.decode(data, header)
    except ImageError as error:
        raise ImageError(prefix + str(error)) from error.__cause__
    except Exception as error:  # Pillow raises OSError, ValueError, SyntaxError, IndexError, MemoryError ...
        raise ImageError(prefix + str(image_guard.damaged(header.kind))) from error
    return to_channels(picture, channels)


def is_transparent(data: bytes) -> bool:
    """Return whether a file that :func:`load` reads is transparent in places, which are white in the result."""
    header = image_guard.inspect(data)
    with _DECODE_LOCK, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return image_decoding.is_transparent(data, header)


def resize_area(array: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize uint8 ``[H, W, C]`` to ``size = (height, width)``: every new pixel is the mean of the area it covers.

    Each axis may have any ratio. An axis that is enlarged is interpolated by bicubic splines, after the other axis has
    been averaged. An array that has the size already is returned itself.
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
    """Return a view of the largest central part of ``[H, W, C]`` in the proportions of ``size = (height, width)``."""
    height, width = array.shape[:2]
    cut_height = min(height, max(1, round(width * size[0] / size[1])))
    cut_width = min(width, max(1, round(height * size[1] / size[0])))
    top, left = (height - cut_height) // 2, (width - cut_width) // 2
    return array[top : top + cut_height, left : left + cut_width]


def fit(array: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Fit a picture of any size to ``size = (height, width)``: centre crop to its proportions, then area average.

    Training, evaluation, the command line and the application all use this function to fit pictures to a model.
    """
    return resize_area(np.ascontiguousarray(crop_to_aspect(array, size)), size)


def to_channels(array: np.ndarray, channels: int) -> np.ndarray:
    """Return uint8 ``[H, W, 1 or 3]`` as ``[H, W, channels]``.

    Colour is converted to grey by Rec. 601 luma, 0.299 R + 0.587 G + 0.114 B, rounded; grey to colour by repetition.
    Grey values are preserved exactly in both directions.

    Raises:
        ImageError: a number of channels other than 1 or 3.
    """
    if channels not in (1, 3) or array.shape[2] not in (1, 3):
        raise ImageError(f"{array.shape[2]} channels cannot become {channels}; a picture has 1 (grey) or 3 (colour)")
    if array.shape[2] == channels:
        return array
    if channels == 3:
        return np.repeat(array, 3, axis=2)
    return np.array(_to_pillow(array).convert("L"))[..., None]


def to_tensor(array: np.ndarray | Sequence[np.ndarray]) -> torch.Tensor:
    """Return uint8 ``[H, W, C]``, a list of these, or ``[B, H, W, C]`` as float32 ``[B, C, H, W]`` in [0, 1].

    Raises:
        ImageError: another dtype or number of dimensions.
    """
    import torch

    batch = np.stack(array) if isinstance(array, Sequence) else np.asarray(array)
    if batch.ndim == 3:
        batch = batch[None]
    if batch.dtype != np.uint8 or batch.ndim != 4:
        raise ImageError(f"{batch.dtype} values of shape {batch.shape} are not pictures; uint8 [H, W, C] are expected")
    return torch.from_numpy(np.ascontiguousarray(batch.transpose(0, 3, 1, 2))).to(torch.float32) / 255


def to_uint8(tensor: torch.Tensor) -> np.ndarray:
    """Return ``[B, C, H, W]`` (or ``[C, H, W]``) in [0, 1] as uint8 ``[B, H, W, C]``: clipped, rounded, NaN as 0.

    The values of a ``uint8`` tensor are kept; a ``bool`` tensor becomes 0 and 255.

    Raises:
        ImageError: another integer dtype, whose range is unknown.
    """
    import torch

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
    """Return a PNG file of uint8 ``[H, W]`` or ``[H, W, 1 or 3]``.

    Args:
        array: the picture.
        text: text entries by keyword, the only metadata of the file.
        level: compression level from 0 (none) to 9.
    """
    info = PngImagePlugin.PngInfo()
    for key, value in (text or {}).items():
        info.add_itxt(key, value) if not value.isascii() else info.add_text(key, value)
    out = io.BytesIO()
    _to_pillow(array).save(out, "PNG", pnginfo=info, compress_level=level)
    return out.getvalue()


def to_jpeg_bytes(array: np.ndarray) -> bytes:
    """Return a JPEG file of uint8 ``[H, W]`` or ``[H, W, 1 or 3]``, without chroma subsampling and metadata."""
    out = io.BytesIO()
    _to_pillow(array).save(out, "JPEG", quality=95, subsampling=0, optimize=True)
    return out.getvalue()


def _to_pillow(array: np.ndarray) -> Image.Image:
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    return Image.fromarray(np.ascontiguousarray(array))


def _read(source: bytes | str | os.PathLike) -> tuple[bytes, str]:
    """Return the bytes of a source, and the prefix of error messages about it."""
    if isinstance(source, bytes | bytearray | memoryview):
        return bytes(source), ""
    prefix = f"{printable(Path(source).name or str(source))}: "
    try:
        with open(source, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size > image_guard.MAX_BYTES:
                raise ImageError(prefix + str(image_guard.too_many_bytes(size)))
            return file.read(size + 1), prefix
    except FileNotFoundError as error:
        missing = reason(error) if os.path.islink(source) else "there is no such file"
        raise ImageError(f"{prefix}{missing}; {image_guard.ACCEPTED}") from error
    except IsADirectoryError as error:
        raise ImageError(f"{prefix}this is a folder; {image_guard.ACCEPTED}") from error
    except (OSError, ValueError) as error:
        cause = reason(error) if isinstance(error, OSError) else "not a file name"
        raise ImageError(f"{prefix}the file cannot be opened ({cause}); {image_guard.ACCEPTED}") from error
