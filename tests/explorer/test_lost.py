"""Pictures that are not finite are striped and announced, in strips, films and all rows of pictures."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from explorer.edits.history import History
from explorer.edits.messages import Wanted
from explorer.edits.recipe import EditRecipe, Source
from explorer.engines.engine import Engine
from explorer.pixels.lost_pictures import LOST, from_values, lost, lost_words, no_picture
from explorer.session.desk import Desk
from explorer.session.editor_view import editor_view
from explorer.views import mixing
from glowcore.exact import ExactFlow
from glowcore.fused import FusedFlow
from tests.explorer.visiting import visit


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("channels", [1, 3])
def test_one_value_that_is_no_number_makes_stripes_of_its_picture_only(value, channels):
    values = torch.full((3, channels, 8, 12), 0.5)
    values[1, 0, 2, 3] = value
    shown = from_values(values)
    assert lost(shown) == [1]
    np.testing.assert_array_equal(shown[1], no_picture(8, 12))
    assert len(np.unique(shown[1])) == 2
    assert {int(v) for picture in (shown[0], shown[2]) for v in np.unique(picture)} == {128}


def test_grey_and_black_are_pictures(blobs):
    assert lost([np.full((32, 32, 3), 128, np.uint8), np.zeros((32, 32, 3), np.uint8), *blobs]) == []


def test_words_count_the_pictures(blobs):
    stripes = no_picture(32, 32)
    assert lost_words(blobs) == ""
    assert lost_words([stripes]).startswith(f"This picture {LOST}")
    assert lost_words([stripes, *blobs[:3]]).startswith(f"1 of 4 pictures {LOST}")


@pytest.fixture
def losing(tiny_home, monkeypatch):
    """An engine whose float32 and float64 both lose what lies far out, and how many pictures float64 was given."""
    engine = Engine.open(tiny_home / "pretrained" / "tiny", "pretrained/tiny")
    given = []

    def far(latents, values):
        values = values.clone()
        values[latents.flatten().norm(dim=1) > 200] = torch.nan
        return values

    decode, double = FusedFlow.decode, ExactFlow.double.fget(engine._worker.exact)
    again = double.decode
    monkeypatch.setattr(FusedFlow, "decode", lambda self, latents: far(latents, decode(self, latents)))
    monkeypatch.setattr(double, "decode", lambda latents: given.append(len(latents)) or far(latents, again(latents)))
    return engine, given


def stretched(engine, sigma):
    """The engine with sliders of which one unit is that many standard deviations."""
    return engine.with_attributes(replace(engine.attributes, covariance=sigma**2 * engine.attributes.covariance))


def test_of_a_batch_only_what_float32_loses_is_done_again(losing, blobs):
    engine, given = losing
    strengths = [-3.0, -1.0, 0.0, 1.0, 3.0]
    frames = stretched(engine, 30.0).strip(EditRecipe(Source("photo", "0" * 32)), "Male", strengths, blobs[0])
    assert lost(frames) == [0, 4]
    assert given == [2]
    np.testing.assert_array_equal(frames[2], engine.encode(blobs[0]).reconstruction)


def test_what_float64_brings_back_is_shown(tiny_home, blobs, monkeypatch):
    engine = Engine.open(tiny_home / "pretrained" / "tiny", "pretrained/tiny")
    latents = engine.encode(blobs[0]).latents
    batch = type(latents).cat([latents, latents])
    whole = engine.decode(latents)[0]
    decode = FusedFlow.decode

    def second_lost(self, latents):
        values = decode(self, latents).clone()
        values[1] = torch.nan
        return values

    monkeypatch.setattr(FusedFlow, "decode", second_lost)
    frames = engine.decode(batch)
    assert lost(frames) == []
    np.testing.assert_array_equal(frames[0], whole)
    assert np.abs(frames[1].astype(int) - whole).max() <= 1


def test_a_strip_tells_its_slider_which_strengths_are_lost(losing, gallery, blobs):
    engine = stretched(losing[0], 30.0)
    recipe = EditRecipe(Source("gallery", gallery.names[0]), model=engine.model_hash)
    desk = Desk(history=History(recipe), wanted=Wanted(strip="Male"))
    strip = editor_view(desk, engine, gallery.load(gallery.names[0]))["strip"]
    assert strip["lost"]
    assert 4 not in strip["lost"]  # strength 0
    assert strip["lostWords"] == LOST
    json.dumps(strip, allow_nan=False)
    desk = Desk(history=History(recipe), wanted=Wanted(strip="Male"))
    assert editor_view(desk, losing[0], gallery.load(gallery.names[0]))["strip"]["lost"] == []


def test_frames_of_a_film_and_mixtures_are_marked(losing, blobs):
    engine, _ = losing
    a, b = engine.encode(blobs[0]), engine.encode(blobs[1])
    b = replace(b, latents=b.latents * 100.0)
    frames = mixing.interpolated(engine, a, b, [0.0, 0.5, 1.0], True)
    assert lost(frames) == [1, 2]
    assert lost([mixing.mixed(engine, a, b, [0, 1, 2])]) == [0]


@pytest.mark.usefixtures("fresh_caches")
@pytest.mark.parametrize("page", ["sample.py", "mix.py", "map.py", "attributes.py", "reconstruct.py"])
def test_every_page_says_so(home, page, monkeypatch):
    at = visit("edit.py")
    stripes = no_picture(32, 32)
    monkeypatch.setattr(Engine, "decode", lambda self, latents: [stripes] * len(latents))
    monkeypatch.setattr(Engine, "sample", lambda self, seeds, *a, **k: [stripes] * len(seeds))
    if page == "map.py":
        at.session_state["arrived"] = {"at": "0.50,0.50"}  # a blend: the map's own faces need no decoding
    at.switch_page(f"explorer/ui/pages/{page}").run()
    if page == "mix.py":
        components = [c.proto for c in at.get("bidi_component")]
        film = next(c for c in components if "explorer_film" in c.component_name)
        assert LOST in str(film)
        at.segmented_control(key="mix_mode").set_value("levels").run()
    assert not at.exception
    assert any(m.value.startswith(":small[:orange[") and LOST in m.value for m in at.markdown)
