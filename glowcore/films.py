"""Encoding of frames as GIF (by Pillow) and MP4 (by the ffmpeg of imageio-ffmpeg)."""

from __future__ import annotations

import contextlib
import io
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from glowcore.errors import ConfigError
from glowcore.images import to_channels

RATE = 24
#: Most frames per second of a GIF: browsers slow down one whose frames are shorter than 20 ms.
GIF_RATE = 50
_FULL = re.compile("no space|too large|size limit|quota", re.IGNORECASE)


def there_and_back(frames: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return the frames followed by the inner frames in reverse order, for a loop without a jump."""
    return [*frames, *frames[-2:0:-1]]


def enlarge(picture: np.ndarray, side: int) -> np.ndarray:
    """Enlarge uint8 ``[H, W, 1 or 3]`` to ``[h, w, 3]`` whose shorter side is at least ``side`` (Lanczos).

    A larger picture keeps its size.
    """
    picture = to_channels(picture, 3)
    height, width = picture.shape[:2]
    factor = side / min(height, width)
    if factor <= 1:
        return picture
    size = (round(width * factor), round(height * factor))
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.LANCZOS))


def gif_duration(rate: float) -> int:
    """Return the milliseconds of a GIF's frame at ``rate`` per second: a multiple of 10, at least 20."""
    return max(1000 // GIF_RATE, round(1000 / rate / 10) * 10)


def gif(frames: Sequence[np.ndarray], rate: float = RATE) -> bytes:
    """Return an endlessly looping GIF of uint8 frames ``[H, W, 3]``, about ``rate`` per second (at most 50).

    All frames share one palette of 255 colours, so that unchanged areas do not flicker.
    """
    # A sixteenth of the pixels is enough to choose the palette, and many times faster.
    sample = np.concatenate([frame[::4, ::4].reshape(1, -1, 3) for frame in frames], axis=1)
    palette = Image.fromarray(sample).quantize(255)
    pictures = [Image.fromarray(f).quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG) for f in frames]
    buffer = io.BytesIO()
    duration = gif_duration(rate)
    pictures[0].save(buffer, "GIF", save_all=True, append_images=pictures[1:], duration=duration, loop=0)
    return buffer.getvalue()


def mp4(frames: Sequence[np.ndarray], rate: float = RATE) -> bytes:
    """Return an H.264 film (yuv420p, which all players open) of uint8 frames ``[H, W, 3]``; odd sides gain a pixel.

    Raises:
        ConfigError: ffmpeg is missing on this machine or has failed.
    """
    import imageio_ffmpeg  # the import searches for the ffmpeg program, which only this function needs

    even = [np.pad(f, ((0, f.shape[0] % 2), (0, f.shape[1] % 2), (0, 0)), mode="edge") for f in frames]
    height, width = even[0].shape[:2]
    try:
        with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as log:
            path = Path(folder) / "film.mp4"
            given = f"-f rawvideo -pix_fmt rgb24 -s {width}x{height} -r {rate} -i -"
            made = "-codec:v libx264 -preset veryfast -pix_fmt yuv420p -crf 10"
            command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *given.split(), *made.split(), str(path)]
            no_window = getattr(subprocess, "CREATE_NO_WINDOW", 0)  # exists on Windows only
            ffmpeg = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=log, creationflags=no_window)
            # ffmpeg may have ended early (its status is checked below); on Windows that is no BrokenPipeError.
            with contextlib.suppress(OSError), ffmpeg:
                for frame in even:
                    ffmpeg.stdin.write(np.ascontiguousarray(frame))
            if ffmpeg.returncode:
                log.seek(0)
                ended = signal.strsignal(-ffmpeg.returncode) if ffmpeg.returncode < 0 else None
                reason = log.read().decode(errors="replace").strip() or ended or f"status {ffmpeg.returncode}"
                full = _FULL.search(reason) or shutil.disk_usage(folder).free < 2**20
                question = f"; is the disk of {tempfile.gettempdir()} full?" if full else ""
                raise RuntimeError(f"ffmpeg: {reason.splitlines()[-1]:.100}{question}")
            return path.read_bytes()
    except (OSError, RuntimeError) as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise ConfigError(f"no MP4 can be written on this machine ({reason[-1]:.200}); a .gif can") from error
