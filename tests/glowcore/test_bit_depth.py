"""16-bit pictures that leave their upper bits unused are reported by whatever reads a data set."""

import json

import numpy as np
import pytest

from glowcore import images
from glowcore.cli import main
from glowcore.data import open_dataset, scan_pictures
from glowcore.data.bit_depth import unused_bits
from tests.glowcore.odd_files import encode, png
from tests.glowcore.tiny import MODEL, write_model

LINE = "21 of 23 pictures hold 16 bits per value and use only the lowest 1/16 of the range; only the upper 8 bits"


def grey16(largest: int) -> bytes:
    return encode(np.linspace(0, largest, 64).reshape(8, 8).astype(np.uint16), "PNG")


@pytest.fixture
def scans(tmp_path):
    """Twenty 16-bit pictures of 12 bits, one of 10, one of the full range, and one of 8 bits that is as dark."""
    folder = tmp_path / "scans"
    folder.mkdir()
    for number in range(20):
        (folder / f"{number:02}.png").write_bytes(grey16(3578 + number))
    (folder / "20.png").write_bytes(grey16(1023))
    (folder / "21.png").write_bytes(grey16(65535))
    (folder / "22.png").write_bytes(images.to_png_bytes(np.full((8, 8), 13, np.uint8)))
    return folder


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (grey16(255), 8),  # 8 bits in the lower half
        (grey16(1023), 6),
        (grey16(4095), 4),
        (grey16(16383), 2),
        (grey16(16640), 0),  # perhaps only dark
        (grey16(65535), 0),
        (png(1, 1, 16, 2, b"\0" + b"\x0f\xff" * 3), 4),  # colour
        (encode(np.full((4, 4), 13, np.uint8), "PNG"), 0),
        (encode(np.full((32, 32), 13, np.uint8), "JPEG"), 0),
    ],
)
def test_the_unused_bits_of_a_picture(tmp_path, data, expected):
    file = tmp_path / "picture"
    file.write_bytes(data)
    assert unused_bits(file, images.load(file)) == expected


@pytest.mark.parametrize("channels", [1, 3])
def test_a_data_set_names_them_from_its_cache_too(scans, channels):
    (scans / "00.png").write_text("broken")
    expected = {f"{number:02}.png": 4 for number in range(1, 20)} | {"20.png": 6}
    options = {"image_size": 4, "channels": channels, "skip_broken": True}
    assert open_dataset(scans, **options).unused_bits == expected
    for _ in range(2):
        assert open_dataset(scans, **options, cache_dir=scans / "cache").unused_bits == expected
    assert scan_pictures(scans).unused_bits == expected


def test_every_command_says_so_in_one_line(scans, tmp_path, capsys):
    def told(*words):
        capsys.readouterr()
        assert main(list(map(str, words))) == 0
        return capsys.readouterr()

    assert told("scan", "--data", scans).err == (
        f"23 pictures, 0 unreadable\n{LINE} are taken: rescale them to the full range first\n"
    )
    assert len(json.loads(told("scan", "--data", scans, "--json").out)["unused_bits"]) == 21
    run = tmp_path / "run"
    assert told("train", "--data", scans, *MODEL, "--steps", "1", "--out", run).err.count(LINE) == 1
    for command in (["evaluate", "--split", "all"], ["check", "--samples", "2", "--odd", "2"]):
        assert told(*command, "--model", run, "--data", scans).err.count(LINE) == 1


def test_commands_on_single_pictures_say_so_too(scans, tmp_path, capsys):
    model = write_model(tmp_path / "model")
    out = ["--model", str(model), "--out", str(tmp_path / "out.png")]
    twelve, full = str(scans / "00.png"), str(scans / "21.png")
    for command, line in (
        (["reconstruct", "--image", twelve, str(scans / "20.png"), full], "2 of 3 pictures hold 16 bits per value"),
        (["edit", "--set", "Smiling=1", "--image", twelve], "1 of 1 pictures hold 16 bits per value"),
        (["edit", "--set", "Smiling=1", "--image", full], None),
    ):
        assert main([*command, *out]) == 0
        lines = [text for text in capsys.readouterr().err.splitlines() if "16 bits" in text]
        assert [text[: len(line or "")] for text in lines] == ([line] if line else [])
