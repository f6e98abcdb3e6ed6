"""Decoding of photos in a separate process, for servers that strangers use: EXPLORER_SANDBOX=1.

An exploit of an image library then reaches only a process that holds nothing but one picture, and that is restarted.
The process may use 512 MiB more than at its start and 10 s per picture. Without the variable, photos are decoded in the
server's own process by the same loader, with the same result.
"""

from __future__ import annotations

import contextlib
import os
import select
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import BinaryIO

import numpy as np

from glowcore import image_guard, images
from glowcore.errors import ImageError

VARIABLE = "EXPLORER_SANDBOX"
ROOT = Path(__file__).resolve().parents[2]
SECONDS = 10.0
STARTING = 60.0  # seconds that the process may take to start
SPARE_BYTES = 512 * 2**20
_LENGTH = struct.Struct(">Q")
_SHAPE = struct.Struct(">?QQ")  # True, height and width; or False, the length of the error message, and 0


class Decoder:
    """The decoding process, started at its first use; thread-safe, one picture at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def load(self, data: bytes) -> np.ndarray:
        """Read a picture as ``glowcore.images.load`` does.

        Raises:
            ImageError: as ``glowcore.images.load``, and for a picture that takes too long or ends the process.
        """
        with self._lock:
            try:
                return self._ask(data)
            except (OSError, EOFError) as error:  # a broken pipe is an OSError
                self.close()
                raise ImageError("the picture could not be decoded safely, so it is not used") from error

    def close(self) -> None:
        """End the process; the next picture starts another."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            process.stdin.close()
            process.stdout.close()

    def _ask(self, data: bytes) -> np.ndarray:
        process = self._started()
        process.stdin.write(_LENGTH.pack(len(data)) + data)
        process.stdin.flush()
        end = time.monotonic() + SECONDS
        good, height, width = _SHAPE.unpack(_read(process.stdout, _SHAPE.size, end))
        if max(height, width) > 2**15 or height * width > max(image_guard.MAX_PIXELS.values()):
            raise EOFError("the answer is malformed")
        if not good:
            raise ImageError(_read(process.stdout, height, end).decode())
        pixels = _read(process.stdout, height * width * 3, end)
        return np.frombuffer(pixels, np.uint8).reshape(height, width, 3).copy()

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        self.close()
        command = [sys.executable, "-m", "explorer.server.sandbox"]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, bufsize=0, cwd=ROOT)
        _read(self._process.stdout, 1, time.monotonic() + STARTING)
        return self._process


_decoder = Decoder()


def load(data: bytes) -> np.ndarray:
    """Read a picture, in the decoding process if the environment asks for it, else in this one."""
    return _decoder.load(data) if os.environ.get(VARIABLE) == "1" else images.load(data)


def _read(stream: BinaryIO, count: int, end: float) -> bytes:
    """Read ``count`` bytes from a pipe until ``end``; raise TimeoutError (an OSError) or EOFError."""
    parts, left = [], count
    while left:
        if not select.select([stream], [], [], max(0.0, end - time.monotonic()))[0]:
            raise TimeoutError("no answer in time")
        part = os.read(stream.fileno(), min(left, 2**20))
        if not part:
            raise EOFError("the process has ended")
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def _serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Run the decoding process: read a length and a file, write a shape and pixels or a length and an error message."""
    _limit_memory()
    answers.write(b"!")
    answers.flush()
    while header := requests.read(_LENGTH.size):
        data = requests.read(_LENGTH.unpack(header)[0])
        try:
            picture = images.load(data)
            answers.write(_SHAPE.pack(True, *picture.shape[:2]) + picture.tobytes())
        except ImageError as error:
            words = str(error).encode()
            answers.write(_SHAPE.pack(False, len(words), 0) + words)
        answers.flush()


def _limit_memory() -> None:
    with contextlib.suppress(ImportError, OSError, ValueError):  # only Unix has these limits
        import resource

        import psutil

        limit = psutil.Process().memory_info().vms + SPARE_BYTES
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    _serve(sys.stdin.buffer, sys.stdout.buffer)
