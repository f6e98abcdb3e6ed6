"""What a command writes neither joins its training pictures nor replaces its input."""

import os

import pytest

from glowcore.cli import main
from tests.glowcore import tiny
from tests.glowcore.command_line import refused

MODEL = ["--image-size", "8", "--num-levels", "1", "--steps-per-level", "1", "--hidden-channels", "4"]
SHORT = ["--batch-size", "4", "--quiet", "--threads", "1"]


@pytest.fixture
def shared(tmp_path):
    """A model and a labelled folder of pictures."""
    tiny.write_model(tmp_path / "model")
    tiny.write_pictures(tmp_path / "faces", 20, table=True)
    return tmp_path


@pytest.mark.parametrize("command", ["train", "ablate"])
@pytest.mark.parametrize("place", ["", "run", "deep/run"])
def test_a_run_within_the_pictures_is_refused_before_the_training(shared, capsys, command, place):
    data, out = shared / "faces", shared / "faces" / place
    before = tiny.tree(data)
    line = refused(capsys, command, "--data", data, "--out", out, "--steps", 1, *SHORT)
    assert line == f"error: --out {out} lies within --data {data}, expected a folder elsewhere\n"
    assert tiny.tree(data) == before


def test_a_run_that_lies_within_the_pictures_already_goes_on_with_a_warning(shared, capsys):
    data, run = str(shared / "faces"), shared / "faces" / "run"
    argv = ["train", "--data", data, *MODEL, *SHORT, "--steps"]
    assert main([*argv, "1", "--out", str(shared / "run")]) == 0
    (shared / "run").rename(run)
    capsys.readouterr()
    assert main([*argv, "2", "--out", str(run), "--resume"]) == 0
    assert f"warning: --out {run} lies within --data {data}, expected a folder elsewhere; move it" in (
        capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("command", "option"),
    [
        (["edit", "--image", "PICTURE", "--set", "Smiling=1"], "--image"),
        (["reconstruct", "--image", "OTHER", "PICTURE"], "--image"),
        (["interpolate", "--from", "PICTURE", "--to", "OTHER"], "--from"),
        (["interpolate", "--from", "OTHER", "--to", "PICTURE"], "--to"),
    ],
)
def test_the_picture_that_a_command_reads_is_not_replaced(shared, capsys, command, option):
    picture, other = (tiny.picture_file(shared, index) for index in (0, 1))
    before, link = picture.read_bytes(), shared / "link.png"
    link.symlink_to(os.path.relpath(picture, shared))
    words = [{"PICTURE": picture, "OTHER": other}.get(word, word) for word in command]
    for out in (picture, link):
        line = refused(capsys, *words, "--model", shared / "model", "--out", out)
        assert line == f"error: --out {out} is the picture of {option}, expected another name\n"
    assert picture.read_bytes() == before
