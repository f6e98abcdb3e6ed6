"""A desk keeps a valid edit for every link and message."""

import json
from dataclasses import replace

import numpy as np
import pytest

from explorer.atlas import maps
from explorer.catalogue.gallery import title
from explorer.edits.messages import Wanted
from explorer.edits.recipe import EditRecipe, Source
from explorer.session.desk import Desk
from explorer.session.editor_view import editor_view
from explorer.wording.sentences import link_words
from tests.explorer.picture_files import jpeg_of


def test_an_unknown_model_in_a_link_is_said(desk, engine):
    recipe = EditRecipe(Source("seed", "1"), (("Smiling", 1.0), ("Sideburns", 2.0)), ("Nobody",), model="f" * 12)
    desk.open(recipe, engine)
    assert "another model" in desk.note
    assert desk.recipe.moves == (("Smiling", 1.0),)
    assert desk.recipe.locks == ()
    assert desk.recipe.model == engine.model_hash


def test_a_gallery_face_that_is_not_here(desk, engine, gallery):
    desk.open(EditRecipe(Source("gallery", "gone.jpg"), (("Male", 1.0),)), engine)
    assert desk.recipe.source.value in gallery.names
    assert desk.recipe.moves == (("Male", 1.0),)
    assert "not here" in desk.note


def test_a_face_of_the_map_travels_in_a_link(desk, engine):
    found = maps.map_of(engine)
    for source, picture in (
        (Source("map", "3"), found.pictures[3]),
        (Source("map", "0.5,-1.25"), maps.face_at(Source("map", "0.5,-1.25"), engine)),
    ):
        desk.start_from(source)
        token = desk.recipe.token()
        receiver = Desk.arrive(engine, token)
        assert receiver.recipe == desk.recipe
        assert receiver.note == ""
        np.testing.assert_array_equal(receiver.picture(receiver.recipe, engine), picture)


def test_a_face_of_another_map_is_said(desk, engine):
    for recipe in (
        EditRecipe(Source("map", "999"), (("Male", 1.0),), model=engine.model_hash),
        EditRecipe(Source("map", "3"), (("Male", 1.0),), model="f" * 12),
    ):
        desk.open(recipe, engine)
        assert desk.recipe.source.kind == "gallery"
        assert desk.recipe.moves == (("Male", 1.0),)
        assert "map of this edit is not here" in desk.note


def test_what_a_link_carries_is_said(desk):
    recipe = EditRecipe(Source("seed", "1"), (("Smiling", 1.0), ("Freckles", 1.0)))
    assert "not Freckles" in link_words(recipe, {"Freckles": None}, {})
    assert link_words(recipe, {}, {}) == ""
    photo = EditRecipe(Source("photo", "0" * 32))
    assert "asked for the same file" in link_words(photo, {}, {})
    assert "save the PNG with it inside" in link_words(photo, {}, {"0" * 32: None})


def test_messages_are_dealt_with_once_and_in_order(desk, engine):
    desk.handle({"op": "set", "name": "Male", "value": 2, "nonce": "a", "seq": 1}, engine)
    desk.handle({"op": "undo", "nonce": "a", "seq": 1}, engine)
    assert desk.recipe.strength("Male") == 2
    desk.handle({"op": "undo", "nonce": "a", "seq": 2}, engine)
    assert desk.recipe.strength("Male") == 0
    for nonsense in (None, 3, [], {}, {"seq": "x"}, {"seq": 3, "nonce": "a", "op": "set", "name": "Male", "value": {}}):
        desk.handle(nonsense, engine)
        assert desk.recipe.strength("Male") == 0


def test_a_value_too_large_for_a_float_is_clamped(desk, engine):
    desk.handle({"op": "set", "name": "Male", "value": 10**400, "nonce": "a", "seq": 1}, engine)
    assert (desk.recipe.strength("Male"), desk.note) == (5.0, "")


def test_the_view_is_plain_json_with_text_for_every_picture(desk, engine):
    desk.handle({"op": "strip", "name": "Male", "nonce": "a", "seq": 1}, engine)
    view = editor_view(desk, engine, desk.prepare_view(engine))
    again = json.loads(json.dumps(view, allow_nan=False))
    assert again["ack"] == {"nonce": "a", "seq": 1}
    assert again["strip"]["name"] == "Male"
    assert len(again["strip"]["strengths"]) == 9
    pictures = again["pictures"]
    assert all(picture["alt"] for picture in pictures.values())
    assert all(pictures[name]["uri"].startswith("data:image/webp;base64,") for name in ("original", "edited"))
    assert pictures["reconstruction"]["uri"] is None  # equal to the original
    assert pictures["reconstruction"]["fact"] == "Comes back exactly"
    assert pictures["reconstruction"]["detail"] == "The model gives all 1,024 pixels back unchanged."
    numbers = dict(again["readout"]["numbers"])
    assert numbers["Reconstruction"].startswith("0 pixels changed · largest error ")
    desk.handle({"op": "lock", "name": "Male", "on": True, "nonce": "a", "seq": 2}, engine)
    assert editor_view(desk, engine, desk.prepare_view(engine))["strip"] is None


def test_a_view_is_read_from_the_desk_and_changes_nothing(desk, engine, monkeypatch):
    desk.handle({"op": "set", "name": "Male", "value": 3, "nonce": "a", "seq": 1}, engine)
    render, before = engine.render, desk.history
    monkeypatch.setattr(engine, "render", lambda *given: replace(render(*given), finite=False))
    views = [editor_view(desk, engine, desk.picture(desk.recipe, engine)) for _ in range(2)]
    assert views[0] == views[1]
    assert (desk.history, desk.note, desk.other_models.carried) == (before, "", None)


def test_where_the_model_gives_no_numbers_the_step_is_taken_back(desk, engine, monkeypatch):
    before = desk.recipe
    desk.handle({"op": "set", "name": "Male", "value": 3, "nonce": "a", "seq": 1}, engine)
    render = engine.render
    broken = lambda r, *a: replace(render(r, *a), finite=not r.strength("Male"))  # noqa: E731
    monkeypatch.setattr(engine, "render", broken)
    view = editor_view(desk, engine, desk.prepare_view(engine))
    assert desk.recipe == before
    assert view["note"] == "That is further than the model can go, so the last step was undone."
    assert not view["redos"]


def test_of_a_held_key_only_the_move_without_numbers_is_taken_back(desk, engine, monkeypatch):
    steps = len(desk.history.past)
    render = engine.render
    broken = lambda r, *a: replace(render(r, *a), finite=r.strength("Male") < 2.5)  # noqa: E731
    monkeypatch.setattr(engine, "render", broken)
    for number, value in enumerate((0.5, 1, 1.5, 2, 2.5)):
        message = {"op": "set", "name": "Male", "value": value, "at": number / 10, "joins": True}
        desk.handle({**message, "nonce": "a", "seq": number}, engine)
        view = editor_view(desk, engine, desk.prepare_view(engine))
    assert desk.recipe.strength("Male") == 2
    assert view["note"].endswith("so the last step was undone.")
    assert (view["undos"], view["redos"]) == (steps + 1, 0)
    desk.handle({"op": "undo", "nonce": "a", "seq": 9}, engine)
    assert desk.recipe.strength("Male") == 0


def test_a_strip_that_the_editor_asks_for_by_itself_leaves_what_there_is_to_say(desk, engine):
    noise = np.random.default_rng(0).integers(60, 200, (96, 128, 3), dtype=np.uint8)
    desk.receive(jpeg_of(noise), engine)
    said = desk.note
    assert "No face was found" in said
    desk.handle({"op": "strip", "name": engine.attribute_names[0], "nonce": "a", "seq": 1}, engine)
    assert desk.note == said
    desk.handle({"op": "set", "name": engine.attribute_names[0], "value": 1.0, "nonce": "a", "seq": 2}, engine)
    assert desk.note == ""


@pytest.mark.parametrize("change", [{"op": "strip"}, {"op": "set", "value": 1.0}, {"op": "lock", "on": True}])
def test_what_the_editor_sends_before_or_while_the_model_changes_leaves_a_view_of_the_other(desk, engine, bare, change):
    message = {"name": "Smiling", "nonce": "a", **change}
    desk.handle({**message, "seq": 1}, engine)
    desk.adopt(bare)
    assert editor_view(desk, bare, desk.prepare_view(bare))["strip"] is None
    desk.handle({**message, "seq": 2}, engine)
    assert editor_view(desk, bare, desk.prepare_view(bare))["strip"] is None
    assert desk.recipe.moves == desk.recipe.locks == ()


def test_a_strip_of_an_attribute_that_was_dropped_is_not_made(desk, engine):
    desk.wanted = Wanted(strip="Freckles")
    assert editor_view(desk, engine, desk.prepare_view(engine))["strip"] is None


def test_the_view_says_what_the_edit_starts_from(desk, engine):
    def subject() -> str:
        return editor_view(desk, engine, desk.prepare_view(engine))["subject"]

    assert subject() == f"Gallery face: {title(desk.recipe.source.value)}"
    noise = np.random.default_rng(0).integers(60, 200, (96, 128, 3), dtype=np.uint8)
    key = desk.receive(jpeg_of(noise), engine)
    assert subject() == "Photo 1"
    desk.photos.came_as(key, "hills.jpg")
    assert subject() == "hills.jpg"
    desk.start_from(Source("seed", "12"))
    assert subject() == "Sampled face, seed 12"
