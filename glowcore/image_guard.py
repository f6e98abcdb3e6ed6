"""Validation of picture files before decoding: kind and size in pixels, read from the header.

A file of a few kilobytes can make a decoder use gigabytes of memory or minutes of time, and its name does not determine
its content. This module reads the kind (JPEG, PNG, WebP) and the size in pixels from the bytes without allocating
memory, and raises for pictures that would cost too much. The limits bound the memory for one picture to 256 MB:
a JPEG may be large because it is decoded at a fraction of its size (libjpeg's scaled inverse DCT), a PNG needs 4 bytes
per pixel, and libwebp about 16.
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from glowcore.errors import ImageError

MAX_BYTES = 15 * 2**20
MAX_SIDE = 16_384
MAX_PIXELS = {"JPEG": 100_000_000, "PNG": 50_000_000, "WebP": 16_000_000}

# The decoder of a progressive JPEG keeps all coefficients until the last scan, even with scaled decoding, and visits
# each of them in every scan. Ten scans are usual; these limits accept a 48-megapixel photo from a phone.
MAX_COEFFICIENT_BYTES = 150_000_000
MAX_SCANNED_PIXELS = 1_000_000_000

ACCEPTED = "JPEG, PNG and WebP pictures are read"
SAVE_HEIC = f"{ACCEPTED}, so save it as JPEG, on the phone or in a picture viewer"

_OTHER_KINDS = (
    (0, b"GIF8", "a GIF"),
    (0, b"BM", "a BMP"),
    (0, b"II*\0", "a TIFF"),
    (0, b"MM\0*", "a TIFF"),
    (0, b"II+\0", "a TIFF"),
    (0, b"MM\0+", "a TIFF"),
    (0, b"8BPS", "a Photoshop"),
    (0, b"%PDF", "a PDF"),
    (0, b"%!PS", "a PostScript"),
    (0, b"\xc5\xd0\xd3\xc6", "a PostScript"),
    (0, b"\0\0\1\0", "an icon"),
    (0, b"<svg", "an SVG"),
    (0, b"<?xml", "an XML or SVG"),
    (0, b"PK\3\4", "a ZIP"),
    (0, b"\xff\x0a", "a JPEG XL"),
    (0, b"\0\0\0\x0cJXL ", "a JPEG XL"),
    (0, b"\0\0\0\x0cjP  ", "a JPEG 2000"),
    (4, b"ftypavi", "an AVIF"),
    (4, b"ftyphe", "a HEIC"),
    (4, b"ftypmif1", "a HEIC"),
    (4, b"ftyp", "a video"),
)


@dataclass(frozen=True)
class Header:
    """Kind (``"JPEG"``, ``"PNG"`` or ``"WebP"``) and size of a picture in its header, before EXIF orientation."""

    kind: str
    width: int
    height: int


def inspect(data: bytes) -> Header:
    """Return kind and size of a picture from the contents of its file.

    Raises:
        ImageError: empty, another kind of file, no readable header, or beyond a limit.
    """
    if not data:
        raise ImageError(f"the file is empty; {ACCEPTED}")
    if len(data) > MAX_BYTES:
        raise too_many_bytes(len(data))
    if data[:3] == b"\xff\xd8\xff":
        kind, read = "JPEG", _read_jpeg
    elif data[:8] == b"\x89PNG\r\n\x1a\n":
        kind, read = "PNG", _read_png
    elif data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        kind, read = "WebP", _read_webp
    else:
        name = _name_other_kind(data)
        raise ImageError(f"this is {name}; {SAVE_HEIC if name == 'a HEIC file' else ACCEPTED}")
    try:
        return Header(kind, *read(data))
    except (struct.error, IndexError) as error:
        raise damaged(kind) from error


def damaged(kind: str) -> ImageError:
    """Return the error for a file of this kind that cannot be decoded."""
    return ImageError(f"the {kind} is damaged or cut short and cannot be read; save or copy it again")


def too_many_bytes(size: int) -> ImageError:
    """Return the error for a file of ``size`` bytes, which exceeds the limit."""
    return ImageError(f"the file has {size / 2**20:.1f} MB; at most {MAX_BYTES // 2**20} MB are read")


def _name_other_kind(data: bytes) -> str:
    start = data[:64].lstrip()
    for offset, magic, name in _OTHER_KINDS:
        if start[offset : offset + len(magic)] == magic:
            return f"{name} file"
    return "not a picture"


def _checked(kind: str, width: int, height: int) -> tuple[int, int]:
    if width < 1 or height < 1:
        raise damaged(kind)
    if max(width, height) > MAX_SIDE:
        raise ImageError(f"the picture is {width} pixels wide and {height} high; a side may have at most {MAX_SIDE}")
    if width * height > MAX_PIXELS[kind]:
        raise ImageError(
            f"the picture has {width * height / 1e6:.1f} megapixels ({width} wide, {height} high); "
            f"a {kind} may have at most {MAX_PIXELS[kind] // 1_000_000}"
        )
    return width, height


def _read_png(data: bytes) -> tuple[int, int]:
    length, name, width, height = struct.unpack_from(">I4sII", data, 8)
    if name != b"IHDR" or length != 13:
        raise damaged("PNG")
    return _checked("PNG", width, height)


def _read_webp(data: bytes) -> tuple[int, int]:
    name = data[12:16]
    if name == b"VP8X":  # extended: canvas size less one in 24 bits each
        width = int.from_bytes(data[24:27], "little") + 1
        height = int.from_bytes(data[27:30], "little") + 1
        if len(data) < 30:
            raise damaged("WebP")
        return _checked("WebP", width, height)
    if name == b"VP8 " and data[23:26] == b"\x9d\x01\x2a":  # lossy key frame: 14 bits each, the rest is a scaling hint
        width, height = struct.unpack_from("<HH", data, 26)
        return _checked("WebP", width & 0x3FFF, height & 0x3FFF)
    if name == b"VP8L" and data[20:21] == b"\x2f":  # lossless: 14 bits each, less one
        (bits,) = struct.unpack_from("<I", data, 21)
        return _checked("WebP", (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    raise damaged("WebP")


_START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE = frozenset([0xC2, 0xC6, 0xCA, 0xCE])
_START_OF_SCAN, _END_OF_PICTURE = 0xDA, 0xD9
_WITHOUT_LENGTH = frozenset([0x01, 0xD8])
_NEXT_MARKER = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])")


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield marker and offset of the content of every segment of the first picture, without entropy-coded data."""
    position = 2
    while match := _NEXT_MARKER.search(data, position):
        marker, position = match.group(1)[0], match.end()
        if marker == _END_OF_PICTURE:
            return
        if marker not in _WITHOUT_LENGTH:
            yield marker, position + 2
            position += max(2, struct.unpack_from(">H", data, position)[0])


def _read_jpeg(data: bytes) -> tuple[int, int]:
    """Return the size of a JPEG.

    Raises:
        ImageError: beyond a limit of the size, or of the coefficients or scans of a picture in several scans.
    """
    width = height = components = scans = 0
    planes, progressive = 1.0, False
    for marker, start in _jpeg_segments(data):
        if marker in _START_OF_FRAME and not components:
            height, width, components = struct.unpack_from(">HHB", data, start + 1)
            _checked("JPEG", width, height)
            progressive = marker in _PROGRESSIVE
            sampling = [divmod(data[start + 7 + 3 * i], 16) for i in range(components)]
            largest = max((a for a, _ in sampling), default=1) * max((d for _, d in sampling), default=1)
            planes = sum(a * d for a, d in sampling) / max(1, largest)
        elif marker == _START_OF_SCAN:
            if not components:
                break
            if not progressive and data[start] == components:
                return width, height  # a single interleaved scan is decoded row by row, without keeping coefficients
            scans += 1
            if scans > 1 and scans * width * height > MAX_SCANNED_PIXELS:
                raise ImageError(f"the JPEG comes in {scans} scans or more, too many for its size; save it again")
    if not components:
        raise damaged("JPEG")
    if 2 * planes * width * height > MAX_COEFFICIENT_BYTES:
        raise ImageError(
            f"the picture has {width * height / 1e6:.1f} megapixels ({width} wide, {height} high) in a progressive "
            f"JPEG; at most {MAX_COEFFICIENT_BYTES / 2e6 / planes:.0f} are read, or 100 in a plain JPEG"
        )
    return width, height
