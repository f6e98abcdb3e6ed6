"""The Reconstruct page: quantised pictures, and noise added to the latents."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import numpy as np
import pytest

from explorer.edits.recipe import EditRecipe, Source
from explorer.engines.engine import Engine
from explorer.pixels.pictures import quantised
from explorer.views import mixing
from explorer.views.reconstructions import as_table, measurements
from glowcore.image_difference import pixels_changed
from tests.explorer.visiting import visit
from tests.explorer.widgets import of_model


def test_a_value_goes_to_the_middle_of_its_bin(blobs):
    every = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    assert np.array_equal(quantised(every, 8), every)
    assert np.unique(quantised(every, 1)).tolist() == [64, 192]
    assert np.unique(quantised(every, 2)).tolist() == [32, 96, 160, 224]
    for bits in range(1, 8):
        coarse = quantised(every, bits)
        assert len(np.unique(coarse)) == 2**bits
        assert np.abs(coarse.astype(int) - every.astype(int)).max() == 2 ** (7 - bits)
        assert np.array_equal(quantised(coarse, bits), coarse)
    assert quantised(blobs[0], 3).dtype == np.uint8


def test_no_noise_on_the_latents_gives_the_picture_and_more_gives_less_of_it(engine, blobs):
    encoded = engine.encode(blobs[0])
    assert np.array_equal(mixing.nudged(engine, encoded, 0.0), blobs[0])
    assert np.array_equal(mixing.nudged(engine, encoded, 0.1), mixing.nudged(engine, encoded, 0.1))
    errors = [
        np.abs(mixing.nudged(engine, encoded, size).astype(float) - blobs[0]).mean() for size in (1e-6, 0.01, 0.1, 1.0)
    ]
    assert errors[0] == 0
    assert errors[0] < errors[1] < errors[2] < errors[3]
    assert pixels_changed(mixing.nudged(engine, encoded, 0.1), blobs[0]) > 0


def test_the_first_pictures_are_of_the_gallery_whatever_the_edit_is_of(home, fresh_caches, engine):
    sampled = EditRecipe(Source("seed", "5"), (("Smiling", 1.0),), model=engine.model_hash)
    for token in (None, sampled.token()):
        at = visit("reconstruct.py", token)
        assert not at.exception
        chooser = at.multiselect(key=of_model(at, "pictures"))
        assert ("Your present edit, unedited" in chooser.options) == bool(token)
        assert chooser.value == ["face_00.png", "face_01.png", "face_02.png"]


@pytest.fixture
def at(home, fresh_caches):
    return visit("reconstruct.py")


def captions(at) -> list[str]:
    return [image.caption for found in at.get("image") for image in found.proto.imgs]


def test_a_coarser_picture_comes_back_exactly_and_is_called_so(at):
    at.select_slider(key="bits").set_value(2).run()
    assert not at.exception
    told = " ".join(m.value for m in at.markdown)
    assert told.count("2 bits per value**") == 3  # the pictures chosen by default
    assert told.count("[Comes back exactly: all 1,024 pixels]") == 3
    rows = at.dataframe[0].value
    assert all(name.endswith(", 2 bits per value") for name in rows["picture"])


def test_one_bit_is_not_called_bits(at):
    at.select_slider(key="bits").set_value(1).run()
    assert not at.exception
    assert sum(m.value.endswith(", 1 bit per value**") for m in at.markdown) == 3


def test_the_first_page_shows_that_levels_and_models_matter(at):
    assert at.slider(key=of_model(at, "keep")).value == 1
    assert captions(at)[2:4] == ["Difference ×4", "1 of 3 levels kept"]
    originals, coarse = ([i.proto.imgs[0].url for i in at.get("image")][start::4] for start in (0, 3))
    assert not set(originals) & set(coarse)


def test_figures_are_in_a_tooltip_and_have_units(at):
    (text, *_) = [m.help for m in at.markdown if "Comes back exactly" in m.value]
    number = r"\d\.\de[-+]\d\d"
    assert re.match(f"Largest error: {number} of the range from black to white  \n", text)
    assert "noise ratio: ∞ dB" in text
    assert re.search(r"\d\.\d\d bits/dim, at most \(dequantised bound\)$", text)


def test_what_noise_on_the_latents_does_is_shown_beside(at):
    assert not [c for c in captions(at) if "Noise" in c]
    at.select_slider(key="nudge").set_value(0.1).run()
    assert not at.exception
    shown = [c for c in captions(at) if "Noise" in c]
    assert len(shown) == 3
    assert all(int(re.fullmatch(r"Noise 0.1 added to latents: (\d+) pixels changed", c)[1]) > 0 for c in shown)
    told = " ".join(m.value for m in at.markdown)
    assert told.count("[Comes back exactly: all 1,024 pixels]") == 3  # the plain reconstructions are still exact


def test_the_pictures_of_coarse_levels_are_decoded_once(at, monkeypatch):
    decoded, decode = [], Engine.decode
    monkeypatch.setattr(Engine, "decode", lambda *given: decoded.append(1) or decode(*given))
    at.select_slider(key="gain").set_value(64).run()
    assert captions(at)[2:4] == ["Difference ×64", "1 of 3 levels kept"]
    assert not decoded
    for key, value, count in (("heat", 0.5, 3), ("nudge", 0.1, 3)):
        widget = at.slider if key == "heat" else at.select_slider
        widget(key=key).set_value(value).run()
        assert len(decoded) == count
        decoded.clear()
    at.multiselect(key=of_model(at, "pictures")).set_value(["face_00.png", "face_04.png"]).run()
    assert not at.exception
    assert len(decoded) == 2  # of the new picture, its coarse levels and what noise on its latents does


def test_the_table_has_short_names_and_signs_for_what_is_endless(engine, blobs):
    encoded = engine.encode(blobs[0])
    lost = replace(encoded, max_error=math.inf, reconstruction=255 - encoded.reconstruction)
    exact, other = as_table([measurements(name, engine, one) for name, one in (("a", encoded), ("b", lost))])
    assert (exact["model"], exact["picture"], exact["PSNR dB"]) == ("tiny", "a", "∞")
    assert (other["max error"], other["PSNR dB"]) == (math.inf, f"{lost.psnr:.1f}")


def test_what_is_not_chosen_is_asked_for_and_no_box_is_empty(at):
    at.multiselect(key=of_model(at, "reconstruct_models")).set_value([]).run()
    assert not at.exception
    assert [i.value for i in at.info] == ["Choose a model."]
    assert not [m.value for m in at.markdown if "Face 0" in m.value]
    at.multiselect(key=of_model(at, "pictures")).set_value([]).run()
    assert [i.value for i in at.info] == ["Choose a picture."]
