"""The commands that write pictures, on a tiny model: the files equal the results of the library."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

import glowcore
from glowcore import images
from glowcore.cli import main
from glowcore.likelihood import bin_centres
from tests.glowcore.command_line import read, run
from tests.glowcore.tiny import SIZE, picture_file, write_model


def test_reconstruct(tmp_path, tiny, capsys):
    found = run(
        capsys,
        "reconstruct",
        "--model",
        tiny / "model",
        "--image",
        picture_file(tiny, 0),
        picture_file(tiny, 1),
        "--image",
        picture_file(tiny, 2),
        "--scale",
        1,
        "--json",
        "--out",
        tmp_path / "sheet.png",
    )
    result = json.loads(found.out)
    assert [row["pixels_changed"] for row in result["pictures"]] == [0, 0, 0]
    assert [row["image"] for row in result["pictures"]] == [str(picture_file(tiny, i)) for i in range(3)]
    assert max(row["reconstruction_max_abs_error"] for row in result["pictures"]) < 1e-4
    assert all(0 < row["bits_per_dim"] < 20 for row in result["pictures"])
    sheet = read(tmp_path / "sheet.png")
    assert sheet.shape == (3 * (SIZE + 2) - 2, 3 * (SIZE + 2) - 2, 3)
    for row in range(3):
        top = row * (SIZE + 2)
        for column in range(2):
            left = column * (SIZE + 2)
            assert np.array_equal(sheet[top : top + SIZE, left : left + SIZE], read(picture_file(tiny, row)))
    difference = sheet[:SIZE, 2 * (SIZE + 2) :].astype(int)
    assert abs(difference - 128).max() > 0  # amplified until it shows


def test_reconstruct_from_the_coarsest_levels(tmp_path, tiny, capsys, tiny_model):
    argv = ["reconstruct", "--model", tiny / "model", "--image", picture_file(tiny, 0), "--scale", 1]
    original = torch.from_numpy(read(picture_file(tiny, 0)).copy()).permute(2, 0, 1)[None]
    with torch.no_grad():
        latents = tiny_model.encode(original)
        zeroed = images.to_uint8(tiny_model.decode(latents.mixed(latents * 0, [0])))[0]
        drawn = images.to_uint8(tiny_model.decode(latents.mixed(tiny_model.sample_latents([5], 0.7), [0])))[0]
    run(capsys, *argv, "--levels", 1, "--out", tmp_path / "zeroed.png")
    run(capsys, *argv, "--levels", 1, "--temperature", 0.7, "--seed", 5, "--out", tmp_path / "drawn.png")
    run(capsys, *argv, "--levels", 2, "--out", tmp_path / "all.png")
    middle = slice(SIZE + 2, 2 * SIZE + 2)
    assert np.array_equal(read(tmp_path / "zeroed.png")[:, middle], zeroed)
    assert np.array_equal(read(tmp_path / "drawn.png")[:, middle], drawn)
    assert np.array_equal(read(tmp_path / "all.png")[:, middle], read(picture_file(tiny, 0)))


def test_sample(tmp_path, tiny, capsys, tiny_model):
    argv = ["sample", "--model", tiny / "model", "--scale", 1]
    run(capsys, *argv, "--seeds", "0:4", "--out", tmp_path / "four.png")
    run(capsys, *argv, "--seeds", "2", "--out", tmp_path / "one.png")
    run(capsys, *argv, "--seeds", "2,0", "--temperature", "0.5,0.9", "--columns", 1, "--out", tmp_path / "two.png")
    expected = images.to_uint8(tiny_model.sample(range(4), 0.7))
    four = read(tmp_path / "four.png")
    assert four.shape == (2 * SIZE + 2, 2 * SIZE + 2, 3)
    assert np.array_equal(four[:SIZE, -SIZE:], expected[1])
    assert np.array_equal(read(tmp_path / "one.png"), expected[2])
    two = images.to_uint8(tiny_model.sample([2, 0], [0.5, 0.9]))
    assert np.array_equal(read(tmp_path / "two.png")[-SIZE:], two[1])


def test_sample_takes_temperature_from_the_model_and_a_class(tmp_path, capsys):
    flow = glowcore.load(write_model(tmp_path / "model", attributes=False, num_classes=3), device="cpu")
    flow.metadata = {"temperature": [0.2, 0.4]}
    glowcore.save(flow, tmp_path / "model")
    run(
        capsys,
        "sample",
        "--model",
        tmp_path / "model",
        "--seeds",
        1,
        "--class",
        2,
        "--scale",
        1,
        "--out",
        tmp_path / "one.png",
    )
    expected = images.to_uint8(flow.sample([1], [0.2, 0.4], y=2))[0]
    assert np.array_equal(read(tmp_path / "one.png"), expected)


def test_a_temperature_of_the_model_that_is_none_is_told(tmp_path, capsys):
    flow = glowcore.load(write_model(tmp_path / "model", attributes=False), device="cpu")
    flow.metadata = {"temperature": "hot"}
    glowcore.save(flow, tmp_path / "model")
    assert main(["sample", "--model", str(tmp_path / "model"), "--out", str(tmp_path / "one.png")]) == 2
    assert "the metadata's temperature is 'hot', expected a number from 0" in capsys.readouterr().err
    assert not (tmp_path / "one.png").exists()


def test_the_same_seeds_at_several_temperatures(tiny, tmp_path, capsys):
    out = tmp_path / "temperatures.png"
    run(
        capsys,
        "sample",
        "--model",
        tiny / "model",
        "--seeds",
        "3:6",
        "--compare",
        "0.5,1",
        "--scale",
        1,
        "--out",
        out,
    )
    sheet = read(out)
    assert sheet.shape[0] == 2 * SIZE + 2
    left = sheet.shape[1] - (3 * SIZE + 4)
    assert left > 10
    tiny_model = glowcore.load(tiny / "model", device="cpu")
    for row, temperature in enumerate((0.5, 1.0)):
        with torch.no_grad():
            drawn = tiny_model.decode(tiny_model.sample_latents([3, 4, 5], temperature))
        expected = images.to_uint8(bin_centres(drawn, tiny_model.config.n_bits))
        for column in range(3):
            x, y = left + column * (SIZE + 2), row * (SIZE + 2)
            assert np.array_equal(sheet[y : y + SIZE, x : x + SIZE], expected[column])


@pytest.mark.parametrize("more", [["--temperature", "0.7"], ["--columns", "2"], ["--compare", "0.5,x"]])
def test_compare_refuses_what_it_cannot_do(tiny, tmp_path, capsys, more):
    argv = ["sample", "--model", str(tiny / "model"), "--compare", "0.5,1", "--out", str(tmp_path / "o.png"), *more]
    assert main(argv) == 2
    assert "--compare" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--rate", "--side"])
def test_films_have_a_rate_and_a_side(tmp_path, capsys, option):
    given = ["--model", "x", "--from", "a.png", "--to", "b.png", "--out", str(tmp_path / "walk.mp4")]
    assert main(["interpolate", *given, option, "0"]) == 2
    assert f"{option} is 0" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "option", "value", "line"),
    [
        ("walk.gif", "--rate", "60", "--rate of a .gif is 60.0, expected 1 to 50"),
        ("walk.mp4", "--side", "99", "--side is 99, expected an even number for an .mp4, or a .gif"),
    ],
)
def test_a_film_is_not_other_than_it_was_asked_for(tmp_path, capsys, name, option, value, line):
    given = ["--model", "gone", "--from", "a.png", "--to", "b.png", "--out", str(tmp_path / name)]
    assert main(["interpolate", *given, option, value]) == 2
    assert capsys.readouterr().err == f"error: {line}\n"


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("ending", [".mp4", ".gif", ".png", ".jpg"])
def test_interpolate(tmp_path, tiny, capsys, channels, ending):
    model = tiny / "model" if channels == 3 else write_model(tmp_path / "grey", channels=1)
    out = tmp_path / f"walk{ending}"
    found = run(
        capsys,
        "interpolate",
        "--model",
        model,
        "--from",
        picture_file(tiny, 0),
        "--to",
        picture_file(tiny, 1),
        "--frames",
        5,
        "--spherical",
        *{".mp4": ["--side", 34], ".gif": ["--side", 33, "--rate", 30]}.get(ending, []),
        "--out",
        out,
    )
    rate = {".mp4": 24, ".gif": 33.3}.get(ending)  # a GIF counts in hundredths of a second
    assert rate is None or found.err.endswith(f"wrote {out} (5 frames, {rate} per second)\n")
    if ending == ".mp4":
        assert out.read_bytes()[4:8] == b"ftyp"
    else:
        with Image.open(out) as shown:
            assert getattr(shown, "n_frames", 1) == (5 if ending == ".gif" else 1)
            assert shown.size == ((33, 33) if ending == ".gif" else (5 * (SIZE + 2) - 2, SIZE))
    if ending == ".png" and channels == 3:
        assert np.array_equal(read(out)[:, :SIZE], read(picture_file(tiny, 0)))
        assert np.array_equal(read(out)[:, -SIZE:], read(picture_file(tiny, 1)))
