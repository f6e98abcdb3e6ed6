"""Pictures that float32 does not reconstruct are encoded, decoded and edited in float64, and the page shows that."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import glowcore
from explorer.edits.history import History
from explorer.edits.recipe import EditRecipe, Source
from explorer.engines.engine import Engine
from explorer.session.desk import Desk
from explorer.session.editor_view import editor_view, exactness
from explorer.views import checks, mixing
from glowcore.cli import main
from glowcore.exact import RETRY_ABOVE, is_double
from tests.explorer import tiny_model

SHIPPED = Path(__file__).resolve().parents[2] / "pretrained" / "faces64"
NOWHERE = Path("rough")  # no such folder: a model without gallery and map
PHOTO = EditRecipe(Source("photo", "0" * 32))


def rough(factor: float) -> glowcore.Flow:
    """Return a model whose coupling networks end in weights of that size; from 0.1 on, noise needs float64."""
    torch.manual_seed(0)
    config = glowcore.GlowConfig(image_size=32, num_levels=2, steps_per_level=4, hidden_channels=8)
    model = glowcore.build(config)
    values = torch.from_numpy(tiny_model.pictures(16)).permute(0, 3, 1, 2).float() / 255
    model.initialize(values)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 4 and not parameter.any():
                parameter.normal_(0, factor)
    model.attributes = tiny_model.vectors(model)
    return model.eval()


@pytest.fixture(scope="module")
def noise():
    return checks.noise((32, 32))


@pytest.fixture(scope="module")
def shaky():
    """An engine that reconstructs noise in float64 only; its attributes move little, so that edits stay finite."""
    model = rough(0.1)
    model.attributes = replace(model.attributes, covariance=1e-22 * model.attributes.covariance)
    return Engine(model, NOWHERE, "rough", "0" * 12)


def test_the_model_of_these_tests_needs_float64(shaky, noise):
    plain = glowcore.fused.FusedFlow(shaky._worker.flow, backend="torch")
    values = shaky._worker._values(noise)
    assert float((plain.decode(plain.encode(values)) - values).abs().max()) > RETRY_ABOVE


def test_noise_comes_back_by_float64_and_the_page_says_so(shaky, noise):
    encoded = shaky.encode(noise)
    assert encoded.double
    assert is_double(encoded.latents)
    assert encoded.max_error <= RETRY_ABOVE
    assert encoded.exact
    np.testing.assert_array_equal(encoded.reconstruction, noise)
    assert np.isfinite(encoded.bits_per_dim)
    assert all(np.isfinite(encoded.level_norms))
    words, mood = exactness(encoded)
    assert "float64" in words
    assert mood == "good"


def test_the_command_line_reads_the_same_of_the_same_pictures(shaky, noise, tmp_path, capsys):
    glowcore.save(shaky._worker.flow, tmp_path / "model")
    shown = [noise, *tiny_model.pictures(2, seed=3)]
    names = [tmp_path / f"{index}.png" for index in range(3)]
    for name, picture in zip(names, shown, strict=True):
        name.write_bytes(glowcore.images.to_png_bytes(picture))
    argv = ["reconstruct", "--model", tmp_path / "model", "--json", "--out", tmp_path / "out.png", "--image", *names]
    assert main([str(part) for part in argv]) == 0
    for row, picture in zip(json.loads(capsys.readouterr().out)["pictures"], shown, strict=True):
        encoded = shaky.encode(picture)
        assert (row["float64"], row["pixels_changed"]) == (encoded.double, encoded.pixels_changed)
        assert row["bits_per_dim"] == pytest.approx(encoded.bits_per_dim, rel=1e-5)
        assert row["reconstruction_max_abs_error"] == pytest.approx(encoded.max_error, abs=1e-4)


def test_an_edit_of_it_stays_in_float64(shaky, noise):
    np.testing.assert_array_equal(shaky.render(PHOTO, noise).picture, noise)
    moved = PHOTO.moved({"Smiling": 0.5})
    flow = shaky._worker.exact.double
    with torch.no_grad():
        latents = flow.encode(shaky._worker._values(noise).double())
        expected = flow.decode(shaky.attributes.apply(latents, {"Smiling": 0.5}))
    expected = glowcore.images.to_uint8(expected)[0]
    shown = shaky.render(moved, noise)
    assert shown.finite
    np.testing.assert_array_equal(shown.picture, expected)
    frame = shaky.strip(PHOTO, "Smiling", [0.0, 0.5], noise)
    assert np.abs(frame[1].astype(int) - expected).max() <= 1
    np.testing.assert_array_equal(frame[0], noise)


def test_what_is_mixed_with_it_is_in_float64_too(shaky, noise):
    smooth = tiny_model.pictures(1, seed=3)[0]
    a, b = shaky.encode(smooth), shaky.encode(noise)
    frames = mixing.interpolated(shaky, a, b, [0.0, 1.0], True)
    np.testing.assert_array_equal(frames[1], noise)
    assert np.abs(frames[0].astype(int) - a.reconstruction).max() <= 1
    np.testing.assert_array_equal(mixing.mixed(shaky, a, b, [0, 1]), noise)


def test_a_usual_picture_stays_in_float32(engine, blobs):
    encoded = engine.encode(blobs[0])
    assert not encoded.double
    assert "float64" not in exactness(encoded)[0]
    assert engine._worker.exact._double is None


def test_what_float64_cannot_give_back_either_is_flagged_in_words(noise):
    engine = Engine(rough(0.22), NOWHERE)
    encoded = engine.encode(noise)
    assert encoded.max_error == np.inf
    assert not encoded.exact
    words, mood = exactness(encoded)
    assert words.startswith("The model cannot reproduce this picture")
    assert mood == "bad"
    assert engine.render(PHOTO, noise).finite is False


@pytest.mark.parametrize("value", [2e5, -2e5, np.inf, np.nan])
def test_an_edit_whose_values_run_away_is_flagged(tiny_home, blobs, monkeypatch, value):
    engine, recipe = Engine.open(tiny_home / "pretrained" / "tiny"), PHOTO.moved({"Smiling": 0.5})
    usual = engine.render(recipe, blobs[0])
    assert usual.in_range
    values = engine._worker._values(blobs[0])
    values[0, 1, 5, 5] = value
    monkeypatch.setattr(engine._worker.exact, "decode", lambda latents: values)
    shown = engine.render(recipe.moved({"Smiling": 0.6}), blobs[0])
    assert (shown.finite, shown.in_range) == (bool(np.isfinite(value)), False)
    view = editor_view(Desk(history=History(recipe.moved({"Smiling": 0.6}))), engine, blobs[0])
    assert view["readout"]["verdict"] == "left the model's range"
    assert not view["readout"]["typical"]


def test_a_decode_that_loses_numbers_in_float32_is_done_again_in_float64(shaky, monkeypatch):
    latents = shaky.sample_latents(1, 0.7)
    with torch.inference_mode():
        expected = shaky._worker.exact.double.decode(latents)
    lost = torch.full((1, 3, 32, 32), torch.nan)
    monkeypatch.setattr(glowcore.fused.FusedFlow, "decode", lambda self, latents: lost)
    torch.testing.assert_close(shaky._worker.exact.decode(latents), expected, rtol=0, atol=1e-9)


@pytest.mark.skipif(not (SHIPPED / "manifest.json").is_file(), reason="pretrained/faces64 is not there")
def test_the_shipped_model_gives_noise_and_a_hot_pixel_back():
    engine = Engine.open(SHIPPED, device="cpu")
    hot = np.zeros((*engine.image_size, 3), dtype=np.uint8)
    hot[20, 30] = 255
    for picture in (checks.noise(engine.image_size), hot, np.full_like(hot, 255)):
        encoded = engine.encode(picture)
        assert encoded.max_error <= RETRY_ABOVE
        np.testing.assert_array_equal(encoded.reconstruction, picture)
