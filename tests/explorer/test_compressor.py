"""The Reconstruct page shows a VAE beside the flows; no other page does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import glowcore
from explorer.cli import main
from explorer.edits.recipe import EditRecipe, Source
from explorer.engines import models
from explorer.engines.compressor import Compressor
from explorer.ui import state
from explorer.views import checks
from glowcore.errors import CheckpointError
from glowcore.evaluation.held_out import noisy_bits_per_dim
from tests.explorer import tiny_model
from tests.explorer.visiting import app, visit, words
from tests.explorer.widgets import of_model

pytestmark = pytest.mark.usefixtures("fresh_caches")

FLOWS = ("pretrained/tiny", "runs/nice", "runs/real_nvp")
VAE = "runs/vae"


@pytest.fixture(scope="module")
def four(tmp_path_factory) -> Path:
    """A home with a Glow, a NICE, a Real NVP and a VAE."""
    home = tmp_path_factory.mktemp("four")
    tiny_model.write(home / "pretrained" / "tiny")
    for kind in ("nice", "real_nvp", "vae"):
        tiny_model.write_kind(home / "runs" / kind, kind)
    return home


@pytest.fixture
def home_of_four(four, monkeypatch) -> Path:
    monkeypatch.setenv("EXPLORER_HOME", str(four))
    return four


def test_reconstruct_shows_exact_beside_compressed(home_of_four):
    at = visit("reconstruct.py")
    assert at.multiselect(key=of_model(at, "reconstruct_models")).value == ["pretrained/tiny", VAE]
    at.multiselect(key=of_model(at, "reconstruct_models")).set_value([*FLOWS, VAE]).run()
    assert not at.exception
    assert not at.error
    table = at.dataframe[0].value
    assert set(table["model"]) == {name.removeprefix("pretrained/") for name in [*FLOWS, VAE]}
    flows, vae = table[table["model"] != VAE], table[table["model"] == VAE]
    assert (flows["pixels changed"] == 0).all()
    assert (flows["PSNR dB"] == "∞").all()
    assert (flows["max error"] < 1e-3).all()
    assert set(flows["bound"]) == {"dequantised bound"}
    assert len(vae) == 3
    assert (vae["pixels changed"] > 200).all()  # of 16 x 16
    assert (vae["PSNR dB"].astype(float) < 40).all()
    assert (vae["max error"] > 0.1).all()
    assert set(vae["bound"]) == {"ELBO bound"}
    told = words(at)
    assert "Compressed: 6 numbers for 768 values" in told
    assert "Comes back exactly: all 256 pixels" in told
    assert any("bits/dim, at most (ELBO bound)" in m.help for m in at.markdown)


@pytest.mark.parametrize("page", ["edit.py", "mix.py", "sample.py", "map.py", "attributes.py"])
def test_other_pages_never_work_with_it(home_of_four, page):
    at = app()
    at.session_state["model_name"] = VAE
    at.run()
    if page != "edit.py":
        at.switch_page(f"explorer/ui/pages/{page}").run()
    assert not at.exception
    assert not at.error
    assert at.session_state["desk"].recipe.model == models.open_model(models.find("pretrained/tiny")).model_hash


def test_models_page_does_not_offer_it_and_knows_what_it_is(home_of_four):
    at = visit("models.py")
    assert at.button(key=f"use_{VAE}").disabled
    assert not at.button(key="use_runs/nice").disabled
    at.button(key=f"check_{VAE}").click().run()
    assert not at.exception
    assert "it keeps 6 numbers per picture" in words(at)
    assert "no flow" in words(at)


def test_it_alone_is_no_model_to_work_with(tmp_path, monkeypatch):
    tiny_model.write_kind(tmp_path / "runs" / "vae", "vae")
    monkeypatch.setenv("EXPLORER_HOME", str(tmp_path))
    assert state.chosen_model() is None
    for page in ("reconstruct.py", "models.py"):
        at = visit(page)
        assert not at.exception
        assert "found none to use" in words(at)
        assert sum("<h1" in element.proto.body for element in at.get("html")) == 1


def test_it_gives_what_the_library_gives(home_of_four, blobs):
    compressor = Compressor.open(home_of_four / "runs" / "vae", VAE)
    encoded = compressor.encode(blobs[0])
    model = glowcore.load(home_of_four / "runs" / "vae", device="cpu")
    batch = torch.from_numpy(encoded.picture.transpose(2, 0, 1).copy())[None]
    with torch.inference_mode():
        back, bits = model.decode(model.encode(batch)), noisy_bits_per_dim(model, batch, 0, 0)
    assert encoded.max_error == pytest.approx(float((back - batch / 255).abs().max()), abs=1e-6)
    assert encoded.bits_per_dim == pytest.approx(float(bits[0]), rel=1e-5)
    assert encoded.pixels_changed > 0
    assert encoded.reconstruction.shape == encoded.picture.shape == (16, 16, 3)
    assert compressor.encode(blobs[0]) is encoded
    assert len(compressor.sample([1, 2], 0.7)) == 2
    found = {c.subject: c for c in checks.check(models.find(VAE), compressor, [blobs[0]])}
    assert all(c.good for c in found.values())
    assert np.isfinite(compressor.timed(blobs[0])).all()


def test_what_needs_a_flow_refuses_it_in_a_sentence(home_of_four, capsys):
    with pytest.raises(CheckpointError, match=r"runs/vae is a vae, which has no exact latents"):
        state.engine_of(VAE)
    out = home_of_four / "x.png"
    token = EditRecipe(Source("seed", "1")).token()
    assert main(["render", "--recipe", token, "--model", VAE, "--out", str(out)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert main(["render", "--recipe", token, "--out", str(out)]) == 0


def test_a_session_starts_with_the_largest_flow_that_has_attributes(tmp_path, monkeypatch):
    tiny_model.write_kind(tmp_path / "pretrained" / "aa", "nice")
    tiny_model.write(tmp_path / "pretrained" / "bb")
    tiny_model.write_kind(tmp_path / "pretrained" / "a-vae", "vae")
    tiny_model.write(tmp_path / "runs" / "large", size=64)
    monkeypatch.setenv("EXPLORER_HOME", str(tmp_path))
    assert models.default_name(models.list_models()) == "pretrained/bb"
    tiny_model.write(tmp_path / "pretrained" / "cc", size=64)
    assert models.default_name(models.list_models()) == "pretrained/cc"
