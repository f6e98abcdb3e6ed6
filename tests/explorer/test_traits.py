"""The distance of a face from the average face decides whether it is typical: neither too far nor too near."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from explorer.edits.history import History
from explorer.edits.recipe import EditRecipe, Source
from explorer.engines.engine import Engine
from explorer.engines.models import home
from explorer.engines.traits import Traits, traits_of
from explorer.session.desk import Desk
from explorer.session.editor_view import editor_view, strengths
from tests.explorer.picture_files import jpeg_of

SHIPPED = home() / "pretrained" / "faces64"


def of_random_pictures(engine, directions, count=4000):
    """Return the traits of samples of the prior, for vectors fitted to such samples."""
    template = engine.sample_latents(0, 1.0)
    vectors = replace(engine.attributes, directions=directions, covariance=(directions @ directions.T).double())
    flat = torch.randn(count, directions.shape[1], generator=torch.Generator().manual_seed(3))
    return [traits_of(template.with_flat(one[None]), vectors) for one in flat]


def test_998_of_1000_random_pictures_are_usual_however_alike_the_directions_are(engine):
    directions = engine.attributes.directions.clone()
    directions[1] = directions[0] + 0.3 * directions[1]  # nearly parallel
    directions[3] = directions[2]  # equal: both count once
    found = of_random_pictures(engine, directions)
    assert {t.count for t in found} == {len(directions) - 1}
    assert np.mean([t.distance**2 for t in found]) == pytest.approx(1, abs=0.02)
    assert np.mean([not t.usual for t in found]) == pytest.approx(0.002, abs=0.0015)


@pytest.mark.parametrize(("count", "low", "high"), [(9, 1.152, 27.88), (4, 0.0908, 18.47), (30, 11.59, 59.70)])
def test_the_bounds_are_quantiles_of_chi_squared(count, low, high):
    bounds = Traits(1.0, count).bounds
    assert bounds[1] ** 2 * count == pytest.approx(high, rel=0.02)
    assert bounds[0] ** 2 * count == pytest.approx(low, abs=0.1)


@pytest.mark.skipif(not (SHIPPED / "manifest.json").is_file(), reason="pretrained/faces64 is not there")
def test_a_wrecked_face_of_the_shipped_model_is_not_called_typical():
    engine = Engine.open(SHIPPED, device="cpu")

    def readout(**moves: float) -> dict:
        recipe = EditRecipe(Source("seed", "4"), tuple(moves.items()), temperature=(0.8,))
        return editor_view(Desk(history=History(recipe)), engine, None)["readout"]

    wrecked = readout(Male=-3.0, Beard=3.0, Heavy_Makeup=3.0)
    assert (wrecked["typical"], wrecked["verdict"], wrecked["ease"]) == (False, "moved far", True)
    assert wrecked["bars"][-1]["off"]
    assert not any(bar["off"] for bar in wrecked["bars"][:-1])  # the level norms do not show it
    as_it_is = readout()
    assert (as_it_is["typical"], as_it_is["verdict"], as_it_is["ease"]) == (True, "typical", False)
    average = EditRecipe(Source("seed", "0"), temperature=(0.0,))
    assert editor_view(Desk(history=History(average)), engine, None)["readout"]["verdict"] == "plainer than real faces"


@pytest.fixture
def verdict(desk, engine, monkeypatch):
    """Return the gauge's verdict on an edit of the tiny model's first face, which is typical itself."""
    monkeypatch.setattr(Traits, "usual", True)
    monkeypatch.setattr(Traits, "bounds", (0.0, 9.0))
    monkeypatch.setattr("explorer.session.editor_view.in_typical_set", lambda norms, prior: [True] * len(norms))

    def told(**moves: float) -> str:
        desk.history = History(replace(desk.recipe, moves=tuple(moves.items())))
        readout = editor_view(desk, engine, desk.prepare_view(engine))["readout"]
        assert readout["typical"] == (readout["verdict"] == "typical")
        assert readout["ease"] == (readout["verdict"] == "moved far")
        assert len(readout["gaugeHelp"].split()) < 30
        return readout["verdict"]

    return told


def test_sliders_that_have_moved_a_face_far_together_are_told(verdict, desk, engine):
    assert verdict() == verdict(Smiling=2.45) == verdict(Smiling=-1.7, Eyeglasses=1.8) == "typical"
    assert verdict(Smiling=2.5) == verdict(Smiling=0.7, Eyeglasses=2.4) == "moved far"
    assert verdict(Smiling=1.0, Eyeglasses=2.0, Beard=2.0) == "moved far"
    desk.handle({"op": "ease", "nonce": "a", "seq": 1}, engine)
    readout = editor_view(desk, engine, desk.prepare_view(engine))["readout"]
    assert readout["verdict"] == "typical"
    assert ["Moves", "1.80 standard deviations together; 2.5 or more is far"] in readout["numbers"]


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_one_step_back_ends_just_inside_the_limit(verdict, desk, engine, count):
    moves = dict.fromkeys(engine.attribute_names[:count], 3.0)
    assert verdict(**moves) == "moved far"
    help_text = editor_view(desk, engine, desk.prepare_view(engine))["readout"]["easeHelp"]
    desk.handle({"op": "ease", "nonce": "a", "seq": 1}, engine)
    readout = editor_view(desk, engine, desk.prepare_view(engine))["readout"]
    assert (readout["verdict"], readout["ease"]) == ("typical", False)
    assert 1.8 <= desk.recipe.distance < 2.5
    assert all(step == pytest.approx(round(step)) for step in (s / 0.05 for _, s in desk.recipe.moves))
    assert help_text == f"Moves all sliders nearer to 0: {', '.join(strengths(desk.recipe))}"


def test_a_photo_without_a_face_is_not_called_typical(verdict, desk, engine, blobs):
    desk.receive(jpeg_of(blobs[0]), engine)
    assert verdict() == verdict(Smiling=1.0) == "no face found"
    desk.place_eyes((0.3, 0.4, 0.7, 0.4), 32)
    assert verdict() == "typical"
