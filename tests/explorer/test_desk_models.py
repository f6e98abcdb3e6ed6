"""A desk when the model changes: edits return with their model, and the picture goes along to the other model."""

from dataclasses import replace

import numpy as np

from explorer.edits.recipe import EditRecipe, Source
from explorer.session import album


def test_an_edit_of_another_model_waits_until_that_model_is_chosen(desk, engine):
    foreign = EditRecipe(Source("seed", "1"), (("Smiling", 1.0), ("Sideburns", 2.0)), model="f" * 12)
    desk.open(foreign, engine)
    assert (desk.arrival.recipe, desk.arrival.foreign, desk.arrival.complete) == (foreign, True, False)
    other = engine.with_attributes(replace(engine.attributes, names=("Sideburns", *engine.attributes.names[1:])))
    other.model_hash = "f" * 12
    desk.adopt(other)
    assert desk.recipe.moves == (("Sideburns", 2.0),)
    assert desk.recipe.model == "f" * 12


def test_an_edit_comes_back_with_its_model_as_it_was_left(desk, engine, bare):
    desk.open(EditRecipe(Source("gallery", "face_03.png"), model=engine.model_hash), engine)
    desk.handle({"op": "set", "name": "Male", "value": 2, "nonce": "a", "seq": 1}, engine)
    desk.handle({"op": "lock", "name": "Young", "on": True, "nonce": "a", "seq": 2}, engine)
    face = desk.prepare_view(engine)
    history = desk.history
    desk.adopt(bare)
    assert desk.recipe.moves == desk.recipe.locks == ()
    np.testing.assert_array_equal(desk.picture(desk.recipe, bare), face)
    assert desk.history.undo() is desk.history  # undo does not lead to an edit of another model
    desk.adopt(engine)
    assert desk.history == history
    assert desk.recipe.source == Source("gallery", "face_03.png")
    assert desk.recipe.moves == (("Male", 2.0),)
    assert desk.recipe.locks == ("Young",)
    assert desk.history.undo().undo().present.moves == ()


def test_a_picture_chosen_with_another_model_comes_along_under_the_sliders_left_here(desk, engine, bare):
    desk.handle({"op": "set", "name": "Male", "value": 2, "nonce": "a", "seq": 1}, engine)
    left = desk.recipe
    desk.adopt(bare)
    desk.start_from(Source("seed", "11"))
    desk.adopt(engine)
    assert desk.recipe == replace(left, source=Source("seed", "11"))
    assert desk.history.undo().present == left
    desk.adopt(bare)
    assert desk.recipe.source == Source("seed", "11")


def test_pictures_on_loan_are_bounded_with_their_sources(desk, engine, gallery, bare, monkeypatch):
    monkeypatch.setattr(album, "MAX_CROPS", 2)
    for name in gallery.names[:4]:
        desk.start_from(Source("gallery", name))
        desk.prepare_view(engine)
        desk.adopt(bare)
        desk.adopt(engine)
    assert [s.value for s in desk.crops.lent.values()] == list(gallery.names[2:4])
    assert list(desk.crops.lent) == list(desk.crops)


def test_a_face_of_the_map_is_one_again_when_its_model_is(desk, engine, bare):
    desk.start_from(Source("map", "3"))
    desk.prepare_view(engine)
    left = desk.recipe
    desk.adopt(bare)
    assert desk.recipe.source.kind == "photo"
    desk.adopt(engine)
    assert desk.recipe == left
