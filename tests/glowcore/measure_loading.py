"""A script that measures the peak memory of loading each odd picture and the largest of every kind.

Prints one JSON object: name -> peak growth of the resident memory in bytes.
"""

import contextlib
import ctypes
import io
import json
import sys
import zlib
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from PIL import Image

from glowcore import images
from glowcore.errors import ImageError
from tests.glowcore import odd_files


def _resident(field: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"/proc/self/status has no {field}")


def _return_freed_memory() -> None:
    """Trim the heap, since memory that earlier pictures freed would hide the need of the next one."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def _growth(data: bytes) -> int:
    _return_freed_memory()
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts from here
    before = _resident("VmRSS")
    with contextlib.suppress(ImageError):
        images.load(data)
    return _resident("VmHWM") - before


def _largest():
    """Yield the largest accepted picture of every kind, one at a time to have only one in memory."""

    def saved(picture: Image.Image, kind: str, **options) -> bytes:
        out = io.BytesIO()
        picture.save(out, kind, **options)
        return out.getvalue()

    yield "jpeg-100-megapixels", saved(Image.new("L", (10000, 10000), 99), "JPEG", quality=50)
    yield "jpeg-progressive-48-megapixels", saved(Image.new("RGB", (8064, 6048), "teal"), "JPEG", progressive=True)
    yield "jpeg-cmyk-16-megapixels", saved(Image.new("CMYK", (4000, 4000), "teal"), "JPEG")
    row = b"\0" + bytes(7071 * 4)
    deflate = zlib.compressobj(1)
    rows = b"".join([*(deflate.compress(row) for _ in range(7071)), deflate.flush()])
    yield "png-50-megapixels-alpha", odd_files.png(7071, 7071, 8, 6, None, odd_files.chunk(b"IDAT", rows))
    yield "webp-16-megapixels", saved(Image.new("RGB", (4000, 4000), "teal"), "WEBP", method=0)


def main() -> None:
    images.load(odd_files.encode(odd_files.smooth(), "JPEG"))
    growth = {odd.name: _growth(odd.data) for odd in odd_files.odd_pictures()}
    for name, data in _largest():
        growth[name] = _growth(data)
    print(json.dumps(growth))


main()
