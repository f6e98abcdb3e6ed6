"""Decoding of JPEG, PNG and WebP files to upright sRGB pixels: reduction, colour profile, alpha, orientation.

To bound the memory, large JPEG pictures are reduced during decoding, and all pictures are converted strip by strip, so
that only one copy in full size exists at any time.
"""

import io
from collections.abc import Callable, Iterator

import cv2
import numpy as np
from PIL import Image, ImageCms
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from glowcore import image_guard

MAX_WORKING_PIXELS = 16_000_000

# These classes instead of Image.open: the code of other formats cannot be reached, an MPO file is read as the JPEG at
# its beginning, and Pillow's own size limit, which image_guard replaces, does not apply.
_OPENERS = {"JPEG": JpegImageFile, "PNG": PngImageFile, "WebP": WebPImageFile}
_STRIP_PIXELS = 250_000
_ORIENTATION = 0x0112
_FLIPS = {2: 1, 3: -1, 4: 0, 6: 1, 7: -1, 8: 0}  # after a transposition of 5 to 8; codes of cv2.flip
_ICC_SPACES = {"RGB": "RGB ", "L": "GRAY", "CMYK": "CMYK"}

Convert = Callable[[Image.Image], Image.Image]


def decode(data: bytes, header: image_guard.Header) -> np.ndarray:
    """Decode a file to uint8 ``[H, W, 3]`` in sRGB, upright.

    A damaged file raises any of Pillow's exceptions, which :func:`glowcore.images.load` converts to an ``ImageError``.

    Args:
        data: contents of the file.
        header: the result of :func:`glowcore.image_guard.inspect`.
    """
    picture = _OPENERS[header.kind](io.BytesIO(data))
    if picture.size != (header.width, header.height):
        raise image_guard.damaged(header.kind)
    factor = 1
    while -(-header.width // factor) * -(-header.height // factor) > MAX_WORKING_PIXELS:
        factor += 1
    if header.kind == "JPEG" and factor > 1:
        factor = next(f for f in (2, 4, 8) if f >= factor)
        picture.draft(picture.mode, (header.width // factor, header.height // factor))
        factor = 1
    picture.load()
    return _turn(_to_srgb(picture, factor), _orientation(picture))


def is_transparent(data: bytes, header: image_guard.Header) -> bool:
    """Return whether a file has pixels that are not opaque; arguments and errors as of :func:`decode`."""
    picture = _OPENERS[header.kind](io.BytesIO(data))
    if not picture.has_transparency_data:  # known from the header
        return False
    return any(_colour_and_alpha(strip)[1].getextrema()[0] < 255 for _, strip in _strips(picture))


def _strips(picture: Image.Image, factor: int = 1) -> Iterator[tuple[int, Image.Image]]:
    """Yield the strips of a picture with their first rows, which are multiples of ``factor``."""
    width, height = picture.size
    rows = max(1, _STRIP_PIXELS // width // factor) * factor
    for top in range(0, height, rows):
        yield top, picture if rows >= height else picture.crop((0, top, width, min(top + rows, height)))


def _to_srgb(picture: Image.Image, factor: int) -> np.ndarray:
    """Convert strip by strip to uint8 ``[ceil(H / factor), ceil(W / factor), 3]``."""
    width, height = picture.size
    result = np.empty((-(-height // factor), -(-width // factor), 3), dtype=np.uint8)
    convert = _profile_conversion(picture)
    for top, strip in _strips(picture, factor):
        colour = _flatten(strip, convert)
        if factor > 1:
            colour = colour.reduce(factor)
        result[top // factor : top // factor + colour.height] = np.asarray(colour)
    return result


def _flatten(strip: Image.Image, convert: Convert) -> Image.Image:
    """Return a strip of any mode as RGB over white; ``convert`` converts its colours (RGB, L or CMYK) to sRGB."""
    colour, alpha = _colour_and_alpha(strip)
    colour = convert(colour)
    return colour if alpha is None else Image.composite(colour, Image.new("RGB", colour.size, "white"), alpha)


def _colour_and_alpha(strip: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Return a strip of any mode as RGB, L or CMYK, and its alpha channel, None without one."""
    key = strip.info.get("transparency")
    if strip.mode == "I;16":
        values = np.asarray(strip)
        colour = Image.fromarray((values >> 8).astype(np.uint8))  # the upper 8 bits, as Pillow reads 16-bit colour
        alpha = Image.fromarray(np.where(values == key, 0, 255).astype(np.uint8)) if isinstance(key, int) else None
    elif strip.mode in ("LA", "RGBA", "PA") or key is not None:
        with_alpha = strip if strip.mode in ("LA", "RGBA") else strip.convert("RGBA")
        alpha = with_alpha.getchannel("A")
        colour = with_alpha.getchannel("L") if with_alpha.mode == "LA" else with_alpha.convert("RGB")
    else:
        alpha = None
        colour = strip if strip.mode in _ICC_SPACES else strip.convert("L" if strip.mode == "1" else "RGB")
    return colour, alpha


def _profile_conversion(picture: Image.Image) -> Convert:
    """Return a function that converts RGB, L or CMYK to sRGB, by the embedded profile if it fits the mode."""

    def plain(colour: Image.Image) -> Image.Image:
        return colour if colour.mode == "RGB" else colour.convert("RGB")

    profile = picture.info.get("icc_profile")
    if not profile:
        return plain
    transforms: dict[str, ImageCms.ImageCmsTransform | None] = {}

    def by_profile(colour: Image.Image) -> Image.Image:
        if colour.mode not in transforms:
            transforms[colour.mode] = _build_transform(profile, colour.mode)
        transform = transforms[colour.mode]
        return plain(colour) if transform is None else ImageCms.applyTransform(colour, transform)

    return by_profile


def _build_transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if source.profile.xcolor_space != _ICC_SPACES[mode]:
            return None
        return ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None


def _orientation(picture: Image.Image) -> int:
    try:
        return int(picture.getexif().get(_ORIENTATION, 1))
    except Exception:  # a picture with broken EXIF data is still readable
        return 1


def _turn(array: np.ndarray, orientation: int) -> np.ndarray:
    """Make a picture upright according to its EXIF orientation; values other than 2 to 8 need no change."""
    if orientation in (5, 6, 7, 8):
        array = cv2.transpose(array)
    if orientation in _FLIPS:
        array = cv2.flip(array, _FLIPS[orientation])
    return array
