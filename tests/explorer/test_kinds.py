"""Models of every kind on every page: Real NVP and NICE, grey pictures, classes; without attributes, gallery or map."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from explorer.atlas import maps
from explorer.catalogue import class_labels
from explorer.edits.history import History
from explorer.edits.recipe import EditRecipe, Source
from explorer.engines.engine import Engine
from explorer.session.desk import Desk
from explorer.session.editor_view import subject_of
from explorer.ui import choosers
from explorer.views import mixing
from explorer.wording.labels import level_label
from explorer.wording.sentences import OTHER_THINGS
from tests.explorer import tiny_model
from tests.explorer.picture_files import png_of
from tests.explorer.visiting import PAGES, visit, words
from tests.explorer.widgets import of_model, told

pytestmark = pytest.mark.usefixtures("fresh_caches")

KINDS = ("nice", "real_nvp", "grey", "digits")


@pytest.fixture(scope="module")
def zoo(tmp_path_factory) -> Path:
    """A home with one model of each kind beside a Glow with attributes and a gallery."""
    home = tmp_path_factory.mktemp("zoo")
    tiny_model.write(home / "pretrained" / "tiny")
    for kind in KINDS:
        tiny_model.write_kind(home / "runs" / kind, kind)
    return home


@pytest.fixture
def open_kind(zoo):
    def opened(kind: str) -> Engine:
        return Engine.open(zoo / "runs" / kind, f"runs/{kind}")

    return opened


def test_the_models_keep_their_order_whichever_is_in_use(zoo, monkeypatch):
    monkeypatch.setenv("EXPLORER_HOME", str(zoo))
    at = visit("models.py")
    order = [button.key for button in at.button if button.key.startswith("use_")]
    assert order[0] == "use_pretrained/tiny"
    assert len(order) == 1 + len(KINDS)
    for kind in KINDS:
        at.button(key=f"use_runs/{kind}").click().run()
        assert at.session_state["model_name"] == f"runs/{kind}"
        assert [button.key for button in at.button if button.key.startswith("use_")] == order
        assert [b.key for b in at.button if b.label == "In use"] == [f"use_runs/{kind}"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_page_with_a_photo_and_a_switch(zoo, kind, monkeypatch):
    monkeypatch.setenv("EXPLORER_HOME", str(zoo))
    at = visit("edit.py")
    picture = np.random.default_rng(1).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    at.file_uploader(key="upload").upload("a.png", png_of(picture), "image/png").run()
    assert at.session_state["desk"].recipe.source.kind == "photo"
    at.session_state["desk"].move({"Smiling": 1.0})
    at.switch_page("explorer/ui/pages/models.py").run()
    at.button(key=f"use_runs/{kind}").click().run()
    for page in PAGES:
        at.switch_page(f"explorer/ui/pages/{page}").run()
        assert not at.exception, (page, at.exception)
        assert not at.error, (page, at.error)
    desk = at.session_state["desk"]
    assert desk.recipe.source.kind == ("seed" if kind == "digits" else "photo")  # a face does not become a digit
    assert desk.recipe.moves == ()
    at.switch_page("explorer/ui/pages/models.py").run()
    at.button(key="use_pretrained/tiny").click().run()
    at.switch_page("explorer/ui/pages/edit.py").run()
    assert not at.exception
    assert desk.recipe.moves == (("Smiling", 1.0),)  # the sliders as they were when the model was changed
    assert desk.recipe.source.kind == "photo"


def test_neither_a_face_becomes_a_digit_nor_a_digit_a_face(zoo, open_kind, engine):
    digits, desk = open_kind("digits"), Desk.arrive(engine)
    desk.start_from(Source("gallery", "face_02.png"))
    desk.prepare_view(engine)
    left, face = desk.recipe, desk.other_models.carried[1]
    desk.adopt(digits)
    assert desk.recipe.source == Source("seed", "7")
    assert desk.note == OTHER_THINGS
    assert not desk.crops
    desk.start_from(Source("seed", "11", label=2))
    desk.adopt(engine)
    assert (desk.recipe, desk.note) == (left, "")
    desk.adopt(digits)
    assert desk.recipe.source == Source("seed", "11", label=2)
    desk.prepare_view(digits)
    nice = open_kind("nice")
    desk.adopt(nice)  # new, and of faces: it starts with the last face, not the digit
    np.testing.assert_array_equal(desk.picture(desk.recipe, nice), face)
    assert (desk.recipe.moves, desk.note) == ((), "")


def test_a_photo_and_its_edit_come_back_after_a_detour_over_models_of_other_things(open_kind, engine, blobs):
    digits, nice, desk = open_kind("digits"), open_kind("nice"), Desk.arrive(engine)
    desk.receive(png_of(blobs[0]), engine)
    desk.handle({"op": "set", "name": "Eyeglasses", "value": 2, "nonce": "a", "seq": 1}, engine)
    desk.prepare_view(engine)
    left, photo = desk.recipe, desk.recipe.source
    desk.adopt(digits)
    desk.adopt(nice)
    assert (desk.recipe.source, desk.note) == (photo, "")
    desk.adopt(digits)
    desk.adopt(engine)
    assert (desk.recipe, desk.note) == (left, "")


def test_a_photo_that_is_gone_does_not_come_back_after_a_detour(open_kind, engine, blobs):
    digits, desk = open_kind("digits"), Desk.arrive(engine)
    key = desk.receive(png_of(blobs[0]), engine)
    picture = desk.prepare_view(engine)
    desk.adopt(digits)
    desk.photos.drop(key)  # dropped for lack of room: the picture last shown is lent
    desk.adopt(engine)
    np.testing.assert_array_equal(desk.picture(desk.recipe, engine), picture)
    desk.adopt(digits)
    desk.remove_photo(key, digits)  # removed by the user: nothing remains
    assert not desk.crops
    desk.adopt(engine)
    assert desk.recipe.source == Source("seed", "7")


def test_a_gallery_face_goes_along_to_a_model_without_a_gallery(zoo, monkeypatch):
    monkeypatch.setenv("EXPLORER_HOME", str(zoo))
    at = visit("edit.py")
    desk = at.session_state["desk"]
    assert desk.recipe.source.kind == "gallery"
    face = desk.other_models.carried[1]
    at.switch_page("explorer/ui/pages/models.py").run()
    at.button(key="use_runs/nice").click().run()
    at.switch_page("explorer/ui/pages/edit.py").run()
    assert not at.exception
    np.testing.assert_array_equal(desk.crops[desk.recipe.source.value], face)


@pytest.mark.parametrize("kind", KINDS)
def test_pictures_come_back_and_films_end_where_they_should(open_kind, kind, blobs):
    engine = open_kind(kind)
    a, b = engine.encode(blobs[0]), engine.encode(blobs[1])
    for encoded in (a, b):
        assert encoded.exact
        assert encoded.picture.shape == (*engine.image_size, 3)
        assert np.isfinite(encoded.bits_per_dim)
        assert len(encoded.level_norms) == engine.num_levels
    frames = mixing.interpolated(engine, a, b, [0.0, 1.0], True)
    np.testing.assert_array_equal(frames[0], a.picture)
    np.testing.assert_array_equal(frames[1], b.picture)


def test_arithmetic_stays_where_faces_are(open_kind, blobs, monkeypatch):
    engine = open_kind("real_nvp")
    a, b, c = (engine.encode(p) for p in blobs[:3])
    np.testing.assert_array_equal(mixing.analogy(engine, a, a, c, 1.0), c.picture)
    decoded = []
    monkeypatch.setattr(engine, "decode", lambda latents: decoded.append(latents) or [c.picture])
    mixing.analogy(engine, a, b, c, 2.0)
    torch.testing.assert_close(decoded[0].level_norms(), c.latents.level_norms())
    assert not torch.equal(decoded[0].flatten(), c.latents.flatten())


def test_a_grey_model_sees_grey(open_kind, blobs):
    encoded = open_kind("grey").encode(blobs[0])
    assert (encoded.picture == encoded.picture[..., :1]).all()
    assert encoded.picture.std() > 5


def test_classes_are_chosen_and_travel_in_the_recipe(open_kind, monkeypatch):
    engine = open_kind("digits")
    assert engine.class_names == ("nought", "one", "two")
    recipe = EditRecipe(Source("seed", "7", label=2), temperature=(0.5,))
    assert EditRecipe.from_token(recipe.token()) == recipe
    assert Source("photo", "0" * 32, label=2).label == 0
    asked = []
    sample = engine._worker.exact.sample
    monkeypatch.setattr(engine._worker.exact, "sample", lambda **given: asked.append(given["y"]) or sample(**given))
    engine.source(recipe)
    engine.sample([1, 2], 0.7, label=1)
    engine.sample([1, 2], 0.7, label=99)
    assert asked == [2, 1, 2]
    one, two = (engine.sample([5], 0.5, label=k)[0] for k in (1, 2))
    assert (one != two).any()
    for label, picture in ((1, one), (2, two)):  # and of one seed both are kept
        source = Source("seed", "5", label=label)
        np.testing.assert_array_equal(engine.source(replace(recipe, source=source)).picture, picture)


def test_a_picture_is_judged_by_the_class_that_explains_it(open_kind, blobs):
    engine = open_kind("digits")
    values = engine._worker._values(engine.encode(blobs[3]).picture)
    bits = [
        float(
            engine._worker.exact.bits_per_dim(values, torch.tensor([k]), generator=torch.Generator().manual_seed(0))[0]
        )
        for k in range(3)
    ]
    in_nats = math.log(2) * values.numel()
    marginal = -(math.log(1 / 3) - in_nats * torch.tensor(bits)).logsumexp(0) / in_nats
    assert engine.encode(blobs[3]).bits_per_dim == pytest.approx(float(marginal), abs=1e-5)
    assert engine.encode(blobs[3]).bits_per_dim > min(bits) + 1e-3
    latents = engine.encode(blobs[3]).latents
    with torch.inference_mode():
        again = engine._worker.exact.decode(class_labels.explained(engine._worker.flow, latents))
    torch.testing.assert_close(again, engine._worker.exact.decode(latents), atol=1e-5, rtol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_every_place_of_a_small_map_decodes(open_kind, zoo, kind):
    engine = open_kind(kind)
    found = maps.map_of(engine)
    assert maps.map_of(engine) is found
    assert maps.face_at(Source("map", "1.5,-0.5"), engine).shape == (*engine.image_size, 3)
    np.testing.assert_array_equal(maps.face_at(Source("map", "3"), engine), found.pictures[3])


def test_levels_are_described_as_of_faces_for_faces_only(zoo, open_kind, engine, monkeypatch):
    assert [level_label(engine, i) for i in range(3)] == [
        "Level 1 (finest: grain)",
        "Level 2 (middle)",
        "Level 3 (coarsest: pose, light, hair)",
    ]
    plain = ["Level 1 (finest)", "Level 2 (coarsest)"]
    assert level_label(open_kind("nice"), 0) == "Level 1 (all)"
    assert [level_label(open_kind("digits"), i) for i in range(2)] == plain
    monkeypatch.setenv("EXPLORER_HOME", str(zoo))
    at = visit("models.py")
    at.button(key="use_runs/digits").click().run()
    at.switch_page("explorer/ui/pages/mix.py").run()
    at.segmented_control(key="mix_mode").set_value("levels").run()
    assert [at.segmented_control(key=of_model(at, f"level_{i}")).label for i in range(2)] == plain
    at.switch_page("explorer/ui/pages/sample.py").run()
    at.toggle(key=of_model(at, "by_level")).set_value(True).run()
    assert [at.slider(key=of_model(at, f"temperature_{i}")).label for i in range(2)] == plain


def test_no_face_is_looked_for_where_none_is_drawn(zoo, monkeypatch, many_blobs):
    monkeypatch.setenv("EXPLORER_HOME", str(zoo))
    at = visit("edit.py")
    at.file_uploader(key="upload").upload("a.png", png_of(many_blobs[0]), "image/png").run()
    assert "No face was found" in told(at, "editor")["note"]
    at.button(key="place_eyes").click().run()
    assert "late_press" not in at.session_state  # which would open the dialog a second time
    at.switch_page("explorer/ui/pages/models.py").run()
    at.button(key="use_runs/digits").click().run()
    at.switch_page("explorer/ui/pages/edit.py").run()
    assert told(at, "editor")["pictures"]["edited"]["alt"] == "Edited: Sampled picture, seed 7, unchanged"
    at.file_uploader(key="upload").upload("b.png", png_of(many_blobs[1]), "image/png").run()
    assert not at.exception
    assert at.session_state["desk"].photo() is not None
    assert told(at, "editor")["note"] == ""
    assert not [b for b in at.button if b.key == "place_eyes"]
    at.switch_page("explorer/ui/pages/mix.py").run()
    at.file_uploader(key="mix_upload").upload("c.png", png_of(many_blobs[2]), "image/png").run()
    assert not at.exception
    assert "no face was found" not in words(at)


def test_pictures_are_called_what_the_model_draws(zoo, open_kind, blobs):
    for kind, value, axes, subject in (
        ("picture", "1,2", ("", ""), "Picture at 1.00,2.00 of the map"),
        ("face", "1,2", ("Smiling", "Male"), "Face at 1.00,2.00 of the map by Smile and Masculine"),
        ("face", "1,2", ("", "Young"), "Face at 1.00,2.00 of the map by component and Young"),
        ("face", "3", ("", ""), "Face 3 of the map"),
    ):
        assert subject_of(Desk(History(EditRecipe(Source("map", value, axes=axes)))), kind) == subject
    for kind, noun_of in (("digits", "picture"), ("nice", "face")):
        engine = open_kind(kind)
        desk = Desk.arrive(engine, EditRecipe(Source("gallery", "gone.png")).token())
        assert desk.note == f"The gallery {noun_of} of this edit is not here; its moves are shown on another {noun_of}."
        engine.folder = zoo / "pretrained" / "tiny"
        assert choosers.gallery_tiles(engine)[0].alt == f"Gallery {noun_of}: Face 00"


def test_sample_draws_the_class_that_is_asked_for(zoo, monkeypatch, open_kind):
    monkeypatch.setenv("EXPLORER_HOME", str(zoo))
    at = visit("models.py")
    at.button(key="use_runs/digits").click().run()
    at.switch_page("explorer/ui/pages/sample.py").run()
    assert not at.exception
    pills = at.get("button_group")
    assert [o.content for o in next(p for p in pills if "label" in p.proto.id).proto.options] == [
        "each in turn",
        "nought",
        "one",
        "two",
    ]
