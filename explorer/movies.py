"""Films as files: GIF by Pillow, MP4 by the ffmpeg that imageio-ffmpeg brings along."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from explorer.pictures import enlarged

SIDE = 256  # a film of 64 x 64 pixels is a stamp on a phone
RATE = 24


def there_and_back(frames: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The frames, then the way back without showing either end twice: a loop without a jump."""
    return [*frames, *frames[-2:0:-1]]


def gif(frames: Sequence[np.ndarray], rate: int = RATE, side: int = SIDE) -> bytes:
    """An endless GIF; `frames` uint8 [H, W, 3], `rate` pictures a second, enlarged to `side` pixels."""
    large = [Image.fromarray(enlarged(f, side)).quantize(255, dither=Image.Dither.FLOYDSTEINBERG) for f in frames]
    buffer = io.BytesIO()
    duration = max(20, round(1000 / rate / 10) * 10)  # GIF counts hundredths, and browsers slow down below two of them
    large[0].save(buffer, "GIF", save_all=True, append_images=large[1:], duration=duration, loop=0)
    return buffer.getvalue()


def mp4(frames: Sequence[np.ndarray], rate: int = RATE, side: int = SIDE) -> bytes:
    """An H.264 film that every player opens; `frames` uint8 [H, W, 3], sides made even."""
    import imageio_ffmpeg  # only needed here, and it looks for a program when imported

    large = [_even(enlarged(f, side)) for f in frames]
    height, width = large[0].shape[:2]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.mp4"
        writer = imageio_ffmpeg.write_frames(
            str(path), (width, height), fps=rate, codec="libx264", quality=8, macro_block_size=2, pix_fmt_out="yuv420p"
        )
        writer.send(None)
        for frame in large:
            writer.send(np.ascontiguousarray(frame))
        writer.close()
        return path.read_bytes()


def _even(picture: np.ndarray) -> np.ndarray:
    height, width = picture.shape[:2]
    return np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
