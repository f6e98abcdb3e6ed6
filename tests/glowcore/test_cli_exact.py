"""Commands for single pictures use float64 where it is needed, as the application does, and write no lost picture."""

import json

import numpy as np
import pytest
import torch

import glowcore
from glowcore import images
from glowcore.cli import main
from tests.glowcore import rough
from tests.glowcore.command_line import read
from tests.glowcore.tiny import SIZE, pictures, write_model


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Models that invert noise in float64 only, never, and always; pictures of noise and of a ramp."""
    path = tmp_path_factory.mktemp("exact")
    glowcore.save(rough.model(), path / "model")
    glowcore.save(rough.model(0.12), path / "worse")
    glowcore.save(rough.model().double(), path / "double")
    write_model(path / "usual")
    for name, picture in (("noise", rough.noise()), ("ramp", pictures(1, rough.SIZE))):
        (path / f"{name}.png").write_bytes(images.to_png_bytes(images.to_uint8(picture)[0]))
    return path


@pytest.fixture
def run(folder, capsys):
    """Run a command; return exit code, stdout and stderr."""

    def call(command, *argv, model="model"):
        code = main([command, "--model", str(folder / model), *map(str, argv)])
        return (code, *capsys.readouterr())

    return call


def test_reconstruct_brings_noise_back_and_says_how(run, folder, tmp_path):
    out = tmp_path / "sheet.png"
    argv = ["--image", folder / "ramp.png", folder / "noise.png", "--scale", 1, "--out", out]
    code, printed, _ = run("reconstruct", *argv, "--json")
    assert code == 0
    rows = json.loads(printed)["pictures"]
    assert [row["float64"] for row in rows] == [False, True]
    assert [row["pixels_changed"] for row in rows] == [0, 0]
    assert rows[1]["reconstruction_max_abs_error"] < 1e-6
    sheet = read(out)
    second = sheet[rough.SIZE + 2 :]
    assert np.array_equal(second[:, rough.SIZE + 2 : 2 * rough.SIZE + 2], read(folder / "noise.png"))
    code, words, told = run("reconstruct", *argv, "--amplify", 250)
    assert code == 0
    assert "the difference is amplified 250 times; " in told
    assert [("float64" in line) for line in words.splitlines() if "pixels changed" in line] == [False, True]


def test_reconstruct_names_what_float64_does_not_bring_back(run, folder, tmp_path):
    argv = ["--image", folder / "ramp.png", folder / "noise.png", "--out", tmp_path / "sheet.png"]
    code, printed, words = run("reconstruct", *argv, "--json", model="worse")
    assert code == 1
    assert words.splitlines()[-1].startswith("error: 1 of 2 reconstructions hold values that are not finite")
    assert words.splitlines()[-1].endswith(f"{folder / 'noise.png'}")
    assert json.loads(printed)["pictures"][1]["reconstruction_max_abs_error"] is None


def test_the_same_picture_reads_the_same_wherever_it_stands(run, folder, tmp_path):
    ramp, noise = folder / "ramp.png", folder / "noise.png"
    code, printed, _ = run("reconstruct", "--image", ramp, noise, ramp, "--out", tmp_path / "s.png", "--json")
    assert code == 0
    bits = [row["bits_per_dim"] for row in json.loads(printed)["pictures"]]
    assert bits[0] == bits[2] != bits[1]
    model = glowcore.load(folder / "model", device="cpu")
    with torch.no_grad():
        picture = pictures(1, rough.SIZE)
        expected = model.bits_per_dim(picture, generator=torch.Generator().manual_seed(glowcore.likelihood.NOISE_SEED))
    assert bits[0] == pytest.approx(float(expected), abs=1e-4)


def test_edit_of_noise_is_float64s(run, folder, tmp_path):
    out = tmp_path / "edit.png"
    code, _, words = run("edit", "--image", folder / "noise.png", "--set", "Smiling=0.5", "--out", out)
    assert code == 0
    assert "noise.png: too much for float32, done in float64" in words
    model = glowcore.load(folder / "model", device="cpu").double()
    with torch.no_grad():
        latents = model.encode((rough.noise() / 255).double())
        expected = model.decode(model.attributes.apply(latents, {"Smiling": 0.5}))
    assert np.array_equal(read(out), images.to_uint8(expected)[0])
    code, _, words = run("edit", "--image", folder / "ramp.png", "--set", "Smiling=0.5", "--out", out)
    assert code == 0
    assert "done in float64" not in words


def test_a_model_in_float64_is_not_said_to_be_a_retry(run, folder, tmp_path):
    argv = ["--image", folder / "ramp.png", folder / "noise.png", "--out", tmp_path / "sheet.png"]
    code, printed, _ = run("reconstruct", *argv, "--json", model="double")
    assert code == 0
    assert [row["float64"] for row in json.loads(printed)["pictures"]] == [False, False]
    code, _, words = run(
        "edit", "--image", folder / "noise.png", "--set", "Smiling=0.5", "--out", tmp_path / "o.png", model="double"
    )
    assert code == 0
    assert "done in float64" not in words


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -12.0, 12.0])
def test_an_edit_out_of_range_is_an_error_and_not_written(run, folder, tmp_path, monkeypatch, value):
    def runs_away(self, latents):
        values = torch.full((len(latents), 3, rough.SIZE, rough.SIZE), 0.5)
        values[-1, 0, 0, 0] = value
        return values

    monkeypatch.setattr("glowcore.exact.ExactFlow.decode", runs_away)
    out = tmp_path / "out.png"
    code, _, words = run("edit", "--image", folder / "ramp.png", "--set", "Smiling=0.5", "--out", out)
    assert code == 1
    assert words.splitlines()[-1].startswith(f"error: Smiling=0.5 takes {folder / 'ramp.png'} out of the model's range")
    ends = ["--from", folder / "ramp.png", "--to", folder / "ramp.png", "--frames", 3]
    code, _, words = run("interpolate", *ends, "--out", out)
    assert code == 1
    assert words.splitlines()[-1].startswith("error: 1 of 3 frames have left the model's range")
    assert list(tmp_path.iterdir()) == []


def test_a_source_that_does_not_come_back_is_told(run, folder, tmp_path):
    code, _, words = run(
        "edit", "--image", folder / "noise.png", "--set", "Smiling=1", "--out", tmp_path / "o.png", model="worse"
    )
    assert code == 1
    assert "noise.png does not come back from its latents, the largest error is inf" in words
    assert not (tmp_path / "o.png").exists()


def test_interpolate_ends_at_the_noise_that_it_was_given(run, folder, tmp_path):
    out = tmp_path / "strip.png"
    code, _, words = run(
        "interpolate", "--from", folder / "noise.png", "--to", folder / "noise.png", "--frames", 2, "--out", out
    )
    assert code == 0, words
    strip = read(out)
    assert np.array_equal(strip[:, : rough.SIZE], read(folder / "noise.png"))
    assert np.array_equal(strip[:, -rough.SIZE :], read(folder / "noise.png"))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("argv", [[], ["--compare", "0.5,0.7"]])
def test_samples_that_are_lost_are_black_and_named(run, tmp_path, monkeypatch, argv, value):
    decode = glowcore.exact.ExactFlow.decode

    def lose_the_second(self, latents):
        values = decode(self, latents)
        values[1, 0, 0, 0] = value
        return values

    monkeypatch.setattr("glowcore.exact.ExactFlow.decode", lose_the_second)
    out = tmp_path / "sheet.png"
    code, _, words = run("sample", "--seeds", "7:9", "--scale", 1, *argv, "--out", out, model="usual")
    assert code == 1
    assert f"error: 1 of {4 if argv else 2} pictures (of seed 8) hold values that are not finite" in words
    row = read(out)[:SIZE]
    assert row[:, -2 * SIZE - 2 : -SIZE - 2].any()
    assert not row[:, -SIZE:].any()
