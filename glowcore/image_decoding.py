"""From the bytes of a JPEG, PNG or WebP to upright sRGB pixels: scale, colour profile, alpha, orientation.

Memory is the constraint: a picture is shrunk while it is decoded where the format allows it, and converted strip by
strip where it does not, so that one full-size copy is all that is ever held.
"""

import io
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageCms
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from glowcore import image_guard

MAX_WORKING_PIXELS = 16_000_000

# The classes themselves rather than Image.open: no other format's code is reached, an MPO is read as the JPEG that it
# begins with, and the size has been weighed already.
_OPENERS = {"JPEG": JpegImageFile, "PNG": PngImageFile, "WebP": WebPImageFile}
_STRIP_PIXELS = 250_000
_ORIENTATION = 0x0112
_ICC_SPACES = {"RGB": "RGB ", "L": "GRAY", "CMYK": "CMYK"}

Convert = Callable[[Image.Image], Image.Image]


def decode(data: bytes, header: image_guard.Header) -> np.ndarray:
    """Return the picture of a file whose header has been inspected, as uint8 ``[H, W, 3]`` in sRGB, upright.

    Raises whatever Pillow raises on a damaged file; :func:`glowcore.images.load` turns that into one sentence.
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
    upright = _turn(_to_srgb(picture, factor), _orientation(picture))
    return np.ascontiguousarray(upright)


def _to_srgb(picture: Image.Image, factor: int) -> np.ndarray:
    """Return uint8 ``[ceil(H / factor), ceil(W / factor), 3]``, strip by strip, so that no second full copy is held."""
    width, height = picture.size
    result = np.empty((-(-height // factor), -(-width // factor), 3), dtype=np.uint8)
    convert = _profile_conversion(picture)
    rows = max(1, _STRIP_PIXELS // width // factor) * factor
    for top in range(0, height, rows):
        strip = picture if rows >= height else picture.crop((0, top, width, min(top + rows, height)))
        colour = _flatten(strip, convert)
        if factor > 1:
            colour = colour.reduce(factor)
        result[top // factor : top // factor + colour.height] = np.asarray(colour)
    return result


def _flatten(strip: Image.Image, convert: Convert) -> Image.Image:
    """Return any mode of the three formats as RGB over white, ``convert`` taking colour (RGB, L or CMYK) to sRGB."""
    key = strip.info.get("transparency")
    if strip.mode == "I;16":
        values = np.asarray(strip)
        colour = Image.fromarray((values >> 8).astype(np.uint8))  # as Pillow has read 16-bit colour
        alpha = Image.fromarray(np.where(values == key, 0, 255).astype(np.uint8)) if isinstance(key, int) else None
    elif strip.mode in ("LA", "RGBA", "PA") or key is not None:
        both = strip if strip.mode in ("LA", "RGBA") else strip.convert("RGBA")
        alpha = both.getchannel("A")
        colour = both.getchannel("L") if both.mode == "LA" else both.convert("RGB")
    else:
        alpha = None
        colour = strip if strip.mode in _ICC_SPACES else strip.convert("L" if strip.mode == "1" else "RGB")
    colour = convert(colour)
    return colour if alpha is None else Image.composite(colour, Image.new("RGB", colour.size, "white"), alpha)


def _profile_conversion(picture: Image.Image) -> Convert:
    """Return what takes a strip in RGB, L or CMYK to sRGB: an embedded profile that fits, else the plain formula."""

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
    except Exception:  # a broken EXIF block is no reason to refuse the picture that it describes
        return 1


def _turn(array: np.ndarray, orientation: int) -> np.ndarray:
    """Undo what EXIF orientations 2 to 8 say the camera did; anything else is upright."""
    if orientation in (5, 6, 7, 8):
        array = array.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        array = array[:, ::-1]
    if orientation in (3, 4, 7, 8):
        array = array[::-1]
    return array
