"""Films, and output files that are complete and leave no temporary files."""

import io
import os
import re
import subprocess
import sys
import tempfile

import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image

from glowcore import films
from glowcore.errors import ConfigError
from glowcore.storage import output


def frames(count=6, height=34, width=50):
    return [np.full((height, width, 3), 40 * index, np.uint8) for index in range(count)]


def decoded(data, height, width):
    """Decode all frames of a film with ffmpeg."""
    argv = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", "-", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    raw = subprocess.run(argv, input=data, capture_output=True, check=True).stdout
    return np.frombuffer(raw, np.uint8).reshape(-1, height, width, 3)


def test_there_and_back_shows_neither_end_twice():
    assert films.there_and_back([1, 2, 3, 4]) == [1, 2, 3, 4, 3, 2]
    assert films.there_and_back([1, 2]) == [1, 2]


def test_gif_holds_every_frame_for_its_time():
    with Image.open(io.BytesIO(films.gif(frames(), rate=10))) as film:
        assert (film.n_frames, film.size, film.info["loop"]) == (6, (50, 34), 0)
        for index in range(6):
            film.seek(index)
            assert film.info["duration"] == 100
            assert abs(np.asarray(film.convert("RGB")).astype(int) - 40 * index).max() <= 2


def test_what_does_not_move_in_a_gif_does_not_flicker():
    rng = np.random.default_rng(0)
    still = np.linspace(0, 255, 32 * 64 * 3).reshape(32, 64, 3).astype(np.uint8)
    moving = [np.concatenate([still, rng.integers(0, 256, (32, 64, 3), dtype=np.uint8)]) for _ in range(3)]
    with Image.open(io.BytesIO(films.gif(moving))) as film:
        shown = []
        for index in range(3):
            film.seek(index)
            shown.append(np.asarray(film.convert("RGB"))[:32])
    assert np.array_equal(shown[0], shown[1])
    assert np.array_equal(shown[0], shown[2])
    assert abs(shown[0].astype(int) - still).mean() <= 20


@pytest.mark.parametrize(("height", "width"), [(34, 50), (33, 51)])
def test_mp4_holds_every_frame_and_makes_sides_even(height, width):
    film = decoded(films.mp4(frames(6, height, width), rate=12), height + height % 2, width + width % 2)
    assert len(film) == 6
    for index, frame in enumerate(film):
        assert abs(frame.astype(int) - 40 * index).max() <= 6


def test_mp4_without_ffmpeg_names_the_way_out(monkeypatch):
    def missing(*_args, **_kwargs):
        raise RuntimeError("No ffmpeg exe could be found.\nInstall ffmpeg on your system")

    monkeypatch.setattr(imageio_ffmpeg, "get_ffmpeg_exe", missing)
    with pytest.raises(ConfigError, match=r"a \.gif can") as raised:
        films.mp4(frames())
    assert "\n" not in str(raised.value)


def test_a_film_that_the_temporary_disk_cannot_hold_is_refused():
    """A limit on the size of files in place of a full disk; the library alone would return the first part."""
    code = """
import resource, numpy as np
from glowcore import films
noise = np.random.default_rng(0).integers(0, 256, (24, 64, 64, 3), dtype=np.uint8)
whole = len(films.mp4(noise))
resource.setrlimit(resource.RLIMIT_FSIZE, (whole // 2, whole // 2))
try:
    print("returned", len(films.mp4(noise)), "of", whole)
except films.ConfigError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    disk = re.escape(tempfile.gettempdir())
    assert re.fullmatch(
        rf"no MP4 can be written .*ffmpeg: .*; is the disk of {disk} full\?\); a \.gif can\n", done.stdout
    )


@pytest.mark.parametrize(
    ("ending", "told"),
    [
        ("echo 'Unknown encoder libx264' >&2; exit 1", "Unknown encoder libx264"),
        ("kill -9 $$", "Killed.*"),
        (
            "echo 'write: No space left on device' >&2; exit 1",
            "write: No space left on device; is the disk of .*",
        ),
    ],
)
def test_an_ffmpeg_that_fails_is_told_by_its_reason(tmp_path, monkeypatch, ending, told):
    program = tmp_path / "ffmpeg"
    program.write_text(f"#!/bin/sh\n{ending}\n")
    program.chmod(0o755)
    monkeypatch.setattr(imageio_ffmpeg, "get_ffmpeg_exe", lambda: str(program))
    with pytest.raises(ConfigError, match=rf"^no MP4 can .*\(ffmpeg: {told}\); a \.gif can$"):
        films.mp4(frames(6, 256, 256))


def test_enlarge_reaches_the_side_and_never_shrinks():
    assert films.enlarge(frames()[0], 68).shape == (68, 100, 3)
    assert films.enlarge(frames()[0], 20).shape == (34, 50, 3)
    assert films.enlarge(np.zeros((8, 8, 1), np.uint8), 16).shape == (16, 16, 3)


def test_write_replaces_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "out.png"
    output.write(path, b"first")
    output.write(path, b"second")
    assert path.read_bytes() == b"second"
    assert path.stat().st_mode & 0o777 == 0o666 & ~_umask()
    real = os.replace

    def crash(source, target):
        raise KeyboardInterrupt

    monkeypatch.setattr("glowcore.storage.output.os.replace", crash)
    with pytest.raises(KeyboardInterrupt):
        output.write(path, b"third")
    monkeypatch.setattr("glowcore.storage.output.os.replace", real)
    assert path.read_bytes() == b"second"
    assert list(tmp_path.iterdir()) == [path]


def test_a_name_as_long_as_the_system_allows_is_written(tmp_path):
    path = tmp_path / ("a" * 251 + ".png")
    output.write(path, b"all")
    assert path.read_bytes() == b"all"
    assert list(tmp_path.iterdir()) == [path]


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask
