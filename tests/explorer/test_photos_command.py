"""The command `photos`: the trial of the shipped model on photos."""

from __future__ import annotations

from pathlib import Path

import pytest

import glowcore
from explorer.cli import main
from explorer.cli.photos import figures_of, in_words, try_photo
from explorer.engines import models
from explorer.engines.engine import Engine
from explorer.portraits import photos

DATA = Path(__file__).resolve().parents[1] / "data"


def test_a_photo_comes_back_and_its_edits_are_finite():
    engine = models.open_model(models.find("pretrained/faces64"))
    trial = try_photo(engine, (DATA / "astronaut.jpg").read_bytes(), 2.0)
    assert (trial["faces"], trial["pixels_changed"]) == (1, 0)
    assert trial["edits_finite"] == trial["edits"] == len(engine.attribute_names) > 0
    assert 0.5 < trial["bits_per_dim"] < 3


def test_a_model_of_tall_pictures_is_tried_as_the_pages_use_it(tmp_path, monkeypatch):
    config = glowcore.GlowConfig(image_size=(32, 16), num_levels=2, steps_per_level=1, hidden_channels=8)
    sizes, align = [], photos.align
    monkeypatch.setattr(photos, "align", lambda picture, size, face: sizes.append(size) or align(picture, size, face))
    try_photo(Engine(glowcore.build(config).eval(), tmp_path), (DATA / "astronaut.jpg").read_bytes(), 2.0)
    assert sizes == [photos.TILE, 16]


def test_the_summary_counts():
    names = ("faces", "pixels_changed", "edits", "edits_finite", "bits_per_dim")
    trials = [dict(zip(names, values, strict=True)) for values in ((1, 0, 10, 10, 1.5), (0, 3, 10, 9, 2.5))]
    found, changed, finite, bits = in_words(figures_of(trials)).splitlines()
    assert found.endswith("1 of 2")
    assert changed.endswith(" 3")
    assert finite.endswith("19 of 20")
    assert bits.endswith("2.000")


def test_a_model_without_attributes_is_told_so():
    trial = {"faces": 1, "pixels_changed": 0, "edits": 0, "edits_finite": 0, "bits_per_dim": 1.0}
    assert "edits finite             none made: the model has no attributes" in in_words(figures_of([trial]))


def test_a_folder_without_photos_is_one_sentence(tmp_path, capsys):
    assert main(["photos", "--model", "pretrained/faces64", "--data", str(tmp_path)]) == 2
    assert "holds no photos" in capsys.readouterr().err


@pytest.mark.proof
def test_every_photo_of_a_folder_comes_back(photos_folder):
    engine = models.open_model(models.find("pretrained/faces64"))
    for path in sorted(photos_folder.glob("*.jpg")):
        trial = try_photo(engine, path.read_bytes(), 2.0)
        assert (trial["faces"], trial["pixels_changed"]) == (1, 0), path.name
        assert trial["edits_finite"] == trial["edits"], path.name
