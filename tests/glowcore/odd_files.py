"""Damaged, malicious and unusual picture files, built byte by byte or by Pillow, each with the expected result."""

import io
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, PngImagePlugin

from tests.glowcore import colour_profiles


@dataclass(frozen=True)
class Odd:
    """A file, and in `expect` a part of the error message, or a test of the decoded picture."""

    name: str
    data: bytes
    expect: str | Callable[[np.ndarray], bool]


def smooth(height: int = 24, width: int = 36) -> np.ndarray:
    """Return a smooth picture without symmetries; all channels differ, so that any rotation or swap is detected."""
    y, x = np.mgrid[0:height, 0:width] / np.array([height, width])[:, None, None]
    channels = [40 + 170 * x, 60 + 120 * y, 200 - 110 * x * y - 40 * y]
    return np.stack(channels, axis=2).round().astype(np.uint8)


def encode(picture: Image.Image | np.ndarray, kind: str, **options) -> bytes:
    picture = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def exif(orientation: int) -> bytes:
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags.tobytes()


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(
    width: int, height: int, bits: int, colour: int, rows: bytes | None, *between: bytes, interlace: int = 0
) -> bytes:
    """Return a PNG from raw filtered rows (None for no image data); `between` are chunks before the data."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, interlace))
    data = b"" if rows is None else chunk(b"IDAT", zlib.compress(rows, 9))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(between) + data + chunk(b"IEND", b"")


def riff(*chunks: bytes) -> bytes:
    body = b"WEBP" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def webp_canvas(width: int, height: int) -> bytes:
    """Return a WebP file with a canvas size and no picture."""
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return riff(b"VP8X" + struct.pack("<I", 10) + b"\x00\0\0\0" + size)


def jpeg_claiming(width: int, height: int, marker: int = 0xC0, scans: int = 1) -> bytes:
    """Return a JPEG with a valid frame header, but no tables, and scans without data."""
    components = b"".join(bytes([number, 0x11, 0]) for number in (1, 2, 3))
    frame = struct.pack(">BHHB", 8, height, width, 3) + components
    scan = b"\xff\xda" + struct.pack(">H", 12) + b"\3\1\0\2\0\3\0\0\0\0" + b"\1\2\3"
    return b"\xff\xd8\xff" + bytes([marker]) + struct.pack(">H", len(frame) + 2) + frame + scan * scans + b"\xff\xd9"


def with_jpeg_segment(data: bytes, marker: int, content: bytes) -> bytes:
    return data[:2] + b"\xff" + bytes([marker]) + struct.pack(">H", len(content) + 2) + content + data[2:]


def like(reference: np.ndarray, tolerance: float) -> Callable[[np.ndarray], bool]:
    def check(picture: np.ndarray) -> bool:
        difference = np.abs(picture.astype(int) - reference)
        return picture.shape == reference.shape and float(difference.mean()) <= tolerance

    return check


def filled(colour: tuple[int, int, int], height: int, width: int, tolerance: int = 0) -> Callable[[np.ndarray], bool]:
    return like(np.full((height, width, 3), colour, dtype=np.uint8), tolerance)


def row_is(*values: int) -> Callable[[np.ndarray], bool]:
    return lambda picture: picture[0].tolist() == [[value] * 3 for value in values]


def odd_pictures() -> list[Odd]:
    return [*_foreign(), *_broken(), *_too_much(), *_modes(), *_metadata()]


def _foreign() -> list[Odd]:
    """Yield files of other kinds."""
    picture = smooth()
    foreign = "JPEG, PNG and WebP"
    made = {
        "gif": ("GIF", {}),
        "bmp": ("BMP", {}),
        "tiff": ("TIFF", {}),
        "ppm": ("PPM", {}),
        "tga": ("TGA", {}),
        "ico": ("ICO", {"sizes": [(16, 16)]}),
        "pcx": ("PCX", {}),
        "dds": ("DDS", {}),
        "eps": ("EPS", {}),
        "pdf": ("PDF", {}),
        "sgi": ("SGI", {}),
    }
    files = [Odd(f"{name}-named-png", encode(picture, kind, **more), foreign) for name, (kind, more) in made.items()]
    raw = {
        "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><script>1</script></svg>',
        "xml-svg": b'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY a "b">]><svg/>',
        "html": b"<!doctype html><script>alert(1)</script>",
        "php": b"<?php system($_GET[0]); ?>",
        "zip": b"PK\3\4" + bytes(60),
        "psd": b"8BPS\0\1" + bytes(40),
        "jxl": b"\xff\x0a" + bytes(40),
        "jp2": b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(40),
        "avif": b"\0\0\0\x18ftypavif\0\0\0\0mif1avif" + bytes(40),
        "mp4": b"\0\0\0\x18ftypisom\0\0\0\0isommp41" + bytes(40),
        "tiff-big-endian": b"MM\0*\0\0\0\x08" + bytes(40),
        "blp": b"BLP2" + struct.pack("<IBBBB", 1, 1, 0, 8, 0) + struct.pack("<II", 60000, 60000) + bytes(200),
        "text": b"only text, no picture\n",
        "utf-16": "\ufeffText".encode("utf-16"),
        "pickle": b"\x80\x04\x95\x0b\0\0\0\0\0\0\0\x8c\x07builtins\x94.",
        "empty": b"",
        "one-byte": b"\xff",
        "zeros": bytes(1000),
        "riff-wave": b"RIFF\x24\0\0\0WAVEfmt " + bytes(40),
    }
    heic = Odd("heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(40), "are read, so save it as JPEG, on the phone")
    return [*files, heic, *(Odd(name, data, foreign) for name, data in raw.items())]


def _broken() -> list[Odd]:
    picture = smooth(64, 96)
    damaged = "damaged or cut short"
    jpeg, progressive = encode(picture, "JPEG"), encode(picture, "JPEG", progressive=True)
    noise = np.random.default_rng(5).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    whole, webp = encode(noise, "PNG"), encode(picture, "WEBP")
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 0x55
    files = [
        Odd("jpeg-magic-only", b"\xff\xd8\xff", damaged),
        Odd("png-magic-only", b"\x89PNG\r\n\x1a\n", damaged),
        Odd("webp-magic-only", b"RIFF\4\0\0\0WEBP", damaged),
        Odd("jpeg-half", jpeg[: len(jpeg) // 2], damaged),
        Odd("jpeg-progressive-half", progressive[: len(progressive) // 2], damaged),
        Odd("jpeg-in-header", jpeg[:120], damaged),
        Odd("jpeg-no-tables", jpeg_claiming(64, 64), damaged),
        Odd("jpeg-lossless", jpeg_claiming(64, 64, marker=0xC3), damaged),
        Odd("jpeg-height-0", jpeg_claiming(64, 0), damaged),
        Odd("jpeg-frame-without-components", b"\xff\xd8\xff\xc0\0\x08\x08\0\x10\0\x10\0\xff\xd9", damaged),
        Odd("png-half", whole[: len(whole) // 2], damaged),
        Odd("png-flipped-byte", bytes(flipped), damaged),
        Odd("png-no-data", png(8, 8, 8, 2, None), damaged),
        Odd("png-too-few-rows", png(8, 8, 8, 2, bytes(25)), filled((0, 0, 0), 8, 8)),
        Odd("png-width-0", png(0, 8, 8, 2, bytes(8)), damaged),
        Odd("png-unknown-colour-type", png(8, 8, 8, 5, bytes(72)), damaged),
        Odd("png-bad-filter", png(8, 8, 8, 0, b"\x09" * 72), damaged),
        Odd("png-header-not-first", b"\x89PNG\r\n\x1a\n" + chunk(b"gAMA", bytes(4)) + whole[8:], damaged),
        Odd("webp-half", webp[: len(webp) // 2], damaged),
        Odd("webp-empty-canvas", webp_canvas(64, 64), damaged),
        Odd("webp-unknown-chunk", riff(b"JUNK" + struct.pack("<I", 4) + bytes(4)), damaged),
    ]
    return files


def _too_much() -> list[Odd]:
    """Yield small files whose headers declare large pictures."""
    wide = png(16385, 1, 8, 0, bytes(16386))
    text = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(80 * 2**20), 9))
    profile = chunk(b"iCCP", b"icc\0\0" + zlib.compress(bytes(80 * 2**20), 9))
    return [
        Odd("png-60000-square", png(60000, 60000, 8, 2, bytes(100)), "a side may have at most 16384"),
        Odd("png-2-billion-wide", png(2**31 - 1, 1, 8, 2, bytes(100)), "a side may have at most 16384"),
        Odd("png-51-megapixels", png(10200, 5000, 8, 2, bytes(100)), "a PNG may have at most 50"),
        Odd("png-16385-wide", wide, "a side may have at most 16384"),
        Odd("png-text-bomb", png(2, 2, 8, 0, bytes(6), text), "damaged or cut short"),
        Odd("png-profile-bomb", png(2, 2, 8, 0, bytes(6), profile), "damaged or cut short"),
        Odd("jpeg-65500-square", jpeg_claiming(65500, 65500), "a side may have at most 16384"),
        Odd("jpeg-101-megapixels", jpeg_claiming(10100, 10001), "a JPEG may have at most 100"),
        Odd("jpeg-progressive-90-megapixels", jpeg_claiming(9500, 9500, 0xC2), "in a progressive JPEG"),
        Odd("jpeg-2000-scans", jpeg_claiming(4000, 4000, 0xC2, scans=2000), "scans or more"),
        Odd("webp-16383-square", webp_canvas(16383, 16383), "a WebP may have at most 16"),
        Odd("webp-2-24-wide", webp_canvas(2**24, 1), "a side may have at most 16384"),
        Odd("15-megabytes", encode(smooth(), "PNG") + bytes(15 * 2**20), "at most 15 MB"),
    ]


def _modes() -> list[Odd]:
    """Yield pictures in every mode of the three formats."""
    picture = smooth()
    image = Image.fromarray(picture)
    grey = np.repeat(np.asarray(image.convert("L"))[..., None], 3, axis=2)
    alpha = Image.fromarray(np.linspace(0, 255, picture[..., 0].size).reshape(picture.shape[:2]).astype(np.uint8))
    weight = np.asarray(alpha)[..., None] / 255
    over_white = (picture * weight + 255 * (1 - weight)).round().astype(np.uint8)
    grey_over_white = (grey * weight + 255 * (1 - weight)).round().astype(np.uint8)
    with_alpha, grey_alpha = image.convert("RGBA"), image.convert("L").convert("LA")
    with_alpha.putalpha(alpha)
    grey_alpha.putalpha(alpha)
    deep = (grey[..., 0].astype(np.uint16) << 8) + grey[..., 0]
    deep_rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in picture.astype(np.uint16) * 257)
    height, width = picture.shape[:2]
    palette = Image.new("P", (4, 4), 1)
    palette.putpalette([255, 0, 0, 0, 0, 255])
    frames = {"save_all": True, "append_images": [Image.new("RGB", image.size, "red")], "duration": 100}
    rows2 = b"".join(b"\0" + bytes([0b00011011]) for _ in range(2))
    adam7 = bytes([0, 10, 0, 20, 0, 40, 50])  # passes 1, 4 and 6 of four pixels in a row
    white = (255, 255, 255)

    def cut_out(key: bytes) -> bytes:
        return chunk(b"tRNS", key)

    return [
        Odd("png-1-bit", encode(image.convert("1"), "PNG"), lambda p: set(np.unique(p)) == {0, 255}),
        Odd("png-2-bit-grey", png(4, 2, 2, 0, rows2), row_is(0, 85, 170, 255)),
        Odd("png-grey", encode(image.convert("L"), "PNG"), like(grey, 0)),
        Odd("png-grey-alpha", encode(grey_alpha, "PNG"), like(grey_over_white, 0.6)),
        Odd("png-16-bit-grey", encode(Image.fromarray(deep), "PNG"), like(grey, 0)),
        Odd("png-16-bit-colour", png(width, height, 16, 2, deep_rows), like(picture, 0)),
        Odd("png-16-bit-grey-almost-one-more", png(2, 1, 16, 0, b"\0\7\xff\x80\xff"), row_is(7, 128)),
        Odd("png-16-bit-colour-almost-one-more", png(1, 1, 16, 2, b"\0\1\xff\2\xff\3\xff"), filled((1, 2, 3), 1, 1)),
        Odd("png-16-bit-grey-cut-out", png(2, 1, 16, 0, b"\0\0\7\xff\xff", cut_out(b"\0\7")), filled(white, 1, 2)),
        Odd("png-grey-cut-out", png(2, 1, 8, 0, b"\0\7\0", cut_out(b"\0\7")), row_is(255, 0)),
        Odd("png-colour-cut-out", png(1, 1, 8, 2, b"\0\1\2\3", cut_out(b"\0\1\0\2\0\3")), filled(white, 1, 1)),
        Odd("png-palette", encode(palette, "PNG"), filled((0, 0, 255), 4, 4)),
        Odd("png-palette-cut-out", encode(palette, "PNG", transparency=1), filled(white, 4, 4)),
        Odd("png-palette-half", encode(palette, "PNG", transparency=b"\xff\x80"), filled((127, 127, 255), 4, 4, 1)),
        Odd("png-alpha", encode(with_alpha, "PNG"), like(over_white, 0.6)),
        Odd("png-interlaced", png(4, 1, 8, 0, adam7, interlace=1), row_is(10, 40, 20, 50)),
        Odd("png-animated", encode(image, "PNG", **frames), like(picture, 0)),
        Odd("png-1x1", encode(picture[:1, :1], "PNG"), like(picture[:1, :1], 0)),
        Odd("png-16384-wide", png(16384, 1, 8, 0, bytes(16385)), filled((0, 0, 0), 1, 16384)),
        Odd("png-without-end", encode(picture, "PNG")[:-12], like(picture, 0)),
        Odd("jpeg-grey", encode(image.convert("L"), "JPEG", quality=95), like(grey, 1)),
        Odd("jpeg-colour", encode(picture, "JPEG", quality=95), like(picture, 2)),
        Odd("jpeg-progressive", encode(picture, "JPEG", quality=95, progressive=True), like(picture, 2)),
        Odd("jpeg-cmyk", encode(image.convert("CMYK"), "JPEG", quality=95), like(picture, 3)),
        Odd("jpeg-rgb-not-ycc", encode(picture, "JPEG", quality=95, keep_rgb=True), like(picture, 2)),
        Odd("jpeg-1xN", encode(picture[:, :1], "JPEG", quality=95), like(picture[:, :1], 3)),
        Odd("mpo", encode(image, "MPO", quality=95, **frames), like(picture, 2)),
        Odd("webp-lossy", encode(picture, "WEBP", quality=95), like(picture, 3)),
        Odd("webp-lossless", encode(picture, "WEBP", lossless=True), like(picture, 0)),
        Odd("webp-alpha", encode(with_alpha, "WEBP", lossless=True, exact=True), like(over_white, 0.6)),
        Odd("webp-animated", encode(image, "WEBP", lossless=True, **frames), like(picture, 0)),
    ]


def _metadata() -> list[Odd]:
    """Yield valid pictures with broken, unusual or malicious metadata."""
    picture = smooth()
    jpeg, whole = encode(picture, "JPEG", quality=95), encode(picture, "PNG")
    gps = Image.Exif()
    gps.get_ifd(0x8825)[2] = (52.0, 31.0, 12.0)
    broken_exif = b"Exif\0\0MM\0*\xff\xff\xff\xff"
    loop = b"Exif\0\0MM\0*\0\0\0\x08\0\1\x87\x69\0\4\0\0\0\1\0\0\0\x08\0\0\0\x08"
    profile = colour_profiles.display_p3()
    return [
        Odd("jpeg-broken-exif", with_jpeg_segment(jpeg, 0xE1, broken_exif), like(picture, 2)),
        Odd("jpeg-looping-exif", with_jpeg_segment(jpeg, 0xE1, loop), like(picture, 2)),
        Odd("jpeg-gps", encode(picture, "JPEG", quality=95, exif=gps), like(picture, 2)),
        Odd("jpeg-orientation-0", encode(picture, "JPEG", quality=95, exif=exif(0)), like(picture, 2)),
        Odd("jpeg-orientation-9", encode(picture, "JPEG", quality=95, exif=exif(9)), like(picture, 2)),
        Odd("jpeg-comment-php", with_jpeg_segment(jpeg, 0xFE, b"<?php ?>"), like(picture, 2)),
        Odd("jpeg-then-zip", jpeg + b"PK\3\4" + bytes(50), like(picture, 2)),
        Odd("png-then-pdf", whole + b"%PDF-1.7\n", like(picture, 0)),
        Odd("png-broken-profile", encode(picture, "PNG", icc_profile=b"not a profile" * 20), like(picture, 0)),
        Odd("png-cut-profile", encode(picture, "PNG", icc_profile=profile[:200]), like(picture, 0)),
        Odd("png-foreign-profile", encode(picture, "PNG", icc_profile=colour_profiles.grey(2.2)), like(picture, 0)),
        Odd("png-unknown-chunk", png(1, 1, 8, 0, b"\0\7", chunk(b"teSt", bytes(30))), filled((7, 7, 7), 1, 1)),
        Odd("png-long-text", encode(picture, "PNG", pnginfo=_long_text()), like(picture, 0)),
    ]


def _long_text() -> PngImagePlugin.PngInfo:
    info = PngImagePlugin.PngInfo()
    for index in range(50):
        info.add_text(f"key{index}", "x" * 1000, zip=True)
    return info
