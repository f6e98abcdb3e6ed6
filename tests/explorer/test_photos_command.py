"""The command `photos`: the trial of the shipped model on photos."""

from __future__ import annotations

from pathlib import Path

import pytest

from explorer.cli import main
from explorer.cli.photos import PhotoTrial, figures_of, in_words, try_photo
from explorer.engines import models

DATA = Path(__file__).resolve().parents[1] / "data"


def test_a_photo_comes_back_and_its_edits_are_finite():
    engine = models.open_model(models.find("pretrained/faces64"))
    trial = try_photo(engine, "astronaut.jpg", (DATA / "astronaut.jpg").read_bytes(), 2.0)
    assert trial.found
    assert trial.pixels_changed == 0
    assert trial.finite_edits == trial.edits == len(engine.attribute_names) > 0
    assert 0.5 < trial.bits_per_dim < 3


def test_the_summary_counts():
    trials = [PhotoTrial("a", True, 0, 1.5, 10, 10), PhotoTrial("b", False, 3, 2.5, 10, 9)]
    found, changed, finite, bits = in_words(figures_of(trials)).splitlines()
    assert found.endswith("1 of 2")
    assert changed.endswith(" 3")
    assert finite.endswith("19 of 20")
    assert bits.endswith("2.000")


def test_a_model_without_attributes_is_told_so():
    trial = PhotoTrial("a", True, 0, 1.0, 0, 0)
    assert "edits finite             none made: the model has no attributes" in in_words(figures_of([trial]))


def test_a_folder_without_photos_is_one_sentence(tmp_path, capsys):
    assert main(["photos", "--model", "pretrained/faces64", "--data", str(tmp_path)]) == 2
    assert "holds no photos" in capsys.readouterr().err


@pytest.mark.proof
def test_every_photo_of_a_folder_comes_back(photos_folder):
    engine = models.open_model(models.find("pretrained/faces64"))
    for path in sorted(photos_folder.glob("*.jpg")):
        trial = try_photo(engine, path.name, path.read_bytes(), 2.0)
        assert trial.found, path.name
        assert trial.pixels_changed == 0, path.name
        assert trial.finite_edits == trial.edits, path.name
