"""``edit --grid`` on a tiny model: the sheet is what the library gives, and mistakes are told in a line."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

import glowcore
from glowcore import images
from glowcore.cli import main
from glowcore.cli.edit import GRID_EXAMPLE, read_grid
from tests.glowcore.tiny import SIZE, write_model, write_pictures

SCALE = 128 // SIZE


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("grid")
    write_model(path / "model")
    write_pictures(path / "faces", 3)
    return path


@pytest.fixture
def edit(folder, tmp_path, capsys):
    def edited(*argv, out="grid.png"):
        given = ["--model", folder / "model", "--image", folder / "faces" / "0001.png", "--out", tmp_path / out]
        code = main([str(part) for part in ["edit", *given, *argv]])
        return code, capsys.readouterr().err.splitlines()[-1], tmp_path / out

    return edited


def test_every_picture_of_the_grid_is_that_edit(folder, edit):
    code, words, out = edit("--grid", "Smiling=-2:2:5,Young=1:-1:3", "--set", "Male=0.5", "--lock", "Male")
    assert code == 0, words
    found = np.asarray(Image.open(out))
    side = SIZE * SCALE + 2
    top, left = found.shape[0] - (3 * side - 2), found.shape[1] - (5 * side - 2)
    model = glowcore.load(folder / "model", device="cpu")
    original = torch.from_numpy(np.asarray(Image.open(folder / "faces" / "0001.png")).copy()).permute(2, 0, 1)[None]
    with torch.no_grad():
        before = model.encode(original)
        for row, young in enumerate((1.0, 0.0, -1.0)):
            for column, smile in enumerate((-2.0, -1.0, 0.0, 1.0, 2.0)):
                moved = {"Smiling": smile, "Young": young, "Male": 0.5}
                after = model.attributes.apply(before, moved, locked=["Male"])
                expected = images.to_uint8(model.decode(after))[0].astype(int)
                y, x = top + row * side, left + column * side
                part = found[y : y + side - 2 : SCALE, x : x + side - 2 : SCALE]
                assert np.abs(part - expected).max() <= 1
    assert (found[top, left] != found[-1, -1]).any()


def test_the_file_names_its_axes_and_their_strengths(edit):
    _, _, out = edit("--grid", "Smiling=-2:2:5,Young=1:0:3")
    with Image.open(out) as opened:
        assert list(opened.info) == ["glow-grid"]
        assert json.loads(opened.info["glow-grid"]) == {
            "across": {"name": "Smiling", "strengths": [-2, -1, 0, 1, 2]},
            "down": {"name": "Young", "strengths": [1, 0.5, 0]},
        }


def test_as_a_jpeg(edit):
    code, words, out = edit("--grid", "Smiling=0:1:2,Young=0:1:2", out="grid.jpg")
    assert code == 0, words
    with Image.open(out) as opened:
        assert opened.format == "JPEG"


def test_the_example_is_understood():
    across, down = read_grid(GRID_EXAMPLE.split("--grid ")[1].split()[0], {})
    assert (across.name, across.strengths) == ("Smiling", (-2, -1, 0, 1, 2))
    assert (down.name, down.strengths) == ("Eyeglasses", (-2, -1, 0, 1, 2))


@pytest.mark.parametrize(
    ("grid", "told"),
    [
        ("Smiling=-2:2:5", "'Smiling=-2:2:5' is not understood, expected NAME=A:B:N,NAME=A:B:N"),
        ("", "--grid '' is not understood"),
        ("Smiling=-2:2:5,Young", "is not understood"),
        ("Smiling=-2:2:5,Smiling=-1:1:3", "Smiling is given twice, expected two attributes in --grid"),
        ("Smiling=-2:2:5,Male=-1:1:3", "Male is given twice"),
        ("Smiling=-2:2:1,Young=-1:1:3", "number of strengths of Smiling is '1', expected a whole number from 2 to 25"),
        ("Smiling=-2:2:5,Young=-1:1:26", "number of strengths of Young is '26'"),
        ("Smiling=-2:2:5,Young=-1:1:2.5", "number of strengths of Young is '2.5'"),
        ("Smiling=-2:2:5,Young=-1:1:", "number of strengths of Young is ''"),
        ("Smiling=much:2:5,Young=-1:1:3", "strength of Smiling is 'much', expected a number from -100 to 100"),
        ("Smiling=-2:101:5,Young=-1:1:3", "strength of Smiling is '101'"),
        ("Smiling=-2:nan:5,Young=-1:1:3", "strength of Smiling is 'nan'"),
        ("Smilign=-2:2:5,Young=-1:1:3", "unknown attribute 'Smilign', expected one of Smiling, Male, Young"),
    ],
)
def test_mistakes_are_told_and_nothing_is_written(edit, grid, told):
    code, words, out = edit("--grid", grid, "--set", "Male=1")
    assert code == 2
    assert told in words
    assert not out.exists()


def test_something_has_to_be_asked_for(edit):
    code, words, _ = edit()
    assert code == 2
    assert words == "error: there is nothing to do, expected --set NAME=STRENGTH or --grid NAME=A:B:N,NAME=A:B:N"


@pytest.mark.parametrize("value", [float("nan"), 12.0])
def test_a_picture_out_of_range_is_an_error_and_nothing_is_written(edit, monkeypatch, value):
    def runs_away(self, latents):
        values = torch.full((len(latents), 3, SIZE, SIZE), 0.5)
        values[2:4, 0, 0, 0] = value
        return values

    monkeypatch.setattr("glowcore.exact.ExactFlow.decode", runs_away)
    code, words, out = edit("--grid", "Smiling=-2:2:3,Young=-1:1:2")
    assert code == 1
    assert words.startswith("error: Smiling=-2:2:3,Young=-1:1:2 takes ")
    assert "out of the model's range in 2 of 6 pictures, to values that are not finite" in words
    assert not out.exists()
