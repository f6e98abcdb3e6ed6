"""What "Check it here" finds on the Models page, of the shipped models and of models of other kinds."""

from __future__ import annotations

import os

import pytest

from explorer.engines import models
from explorer.engines.compressor import Compressor
from explorer.views import checks
from tests.explorer import tiny_model
from tests.explorer.visiting import REPOSITORY, visit, words

pytestmark = pytest.mark.usefixtures("fresh_caches")

ON_THE_PAGE = ("pretrained/faces64", "pretrained/faces32-vae")  # with a gallery, and lossy
SHIPPED = sorted(f"pretrained/{manifest.parent.name}" for manifest in REPOSITORY.glob("pretrained/*/manifest.json"))


@pytest.mark.parametrize("name", [name for name in SHIPPED if name not in ON_THE_PAGE])
def test_a_shipped_model_is_good_whatever_the_size_of_its_gallery(name, monkeypatch):
    monkeypatch.setenv("EXPLORER_HOME", str(REPOSITORY))
    entry = models.find(name)
    engine = models.open_model(entry)
    pictures = [engine.gallery.load(picture) for picture in engine.gallery.names[:2]] or engine.sample([0, 1], (0.7,))
    found = checks.check(entry, engine, pictures)
    assert len(found) == 4
    assert all(one.good for one in found)
    assert "there and back: 0 pixels changed" in found[1].words


@pytest.mark.parametrize("name", ON_THE_PAGE)
def test_the_page_tells_that_a_shipped_model_is_good(name, monkeypatch):
    monkeypatch.setenv("EXPLORER_HOME", str(REPOSITORY))
    at = visit("models.py")
    at.button(key=f"check_{name}").click().run()
    assert not at.exception
    told = words(at)
    assert told.count(":green-badge[good]") == 4
    assert "[look]" not in told
    assert "Loading" not in told
    assert ("there and back: 0 pixels changed" in told) == (not name.endswith("vae"))


@pytest.mark.parametrize("kind", ["nice", "real_nvp", "grey", "digits", "vae"])
def test_pictures_of_another_size_are_checked_and_named_after_what_the_model_knows(tmp_path, monkeypatch, blobs, kind):
    tiny_model.write_kind(tmp_path / "runs" / "it", kind)
    monkeypatch.setenv("EXPLORER_HOME", str(tmp_path))
    entry = models.find("runs/it")
    engine = models.open_model(entry)
    assert blobs.shape[1:3] != engine.image_size
    found = checks.check(entry, engine, list(blobs[:2]))
    kept = "Pictures" if kind == "digits" else "Faces"
    assert [one.subject for one in found] == ["Files", kept, "Noise", "Speed"]
    assert all(one.good for one in found)
    assert found[1].words.startswith("2 there and back: ")
    assert isinstance(engine, Compressor) == ("6 numbers per picture" in found[1].words)
    assert "ms per picture" in found[3].words


def test_what_was_found_in_files_that_were_replaced_is_no_longer_shown(broken_home):
    at = visit("models.py")
    at.button(key="check_pretrained/tiny").click().run()
    assert words(at).count("-badge[good]") + words(at).count("-badge[look]") == 4
    os.utime(broken_home / "pretrained" / "tiny" / "config.json")
    assert "-badge[good]" not in words(at.run())


def test_a_file_that_differs_from_its_hash_is_reported_without_its_place(tmp_path, monkeypatch, blobs):
    tiny_model.write_kind(tmp_path / "runs" / "it", "nice")
    monkeypatch.setenv("EXPLORER_HOME", str(tmp_path))
    entry = models.find("runs/it")
    engine = models.open_model(entry)
    weights = tmp_path / "runs" / "it" / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    files = checks.check(entry, engine, list(blobs[:1]))[0]
    assert not files.good
    assert files.words.startswith("runs/it/model.safetensors")
    assert str(tmp_path) not in files.words
