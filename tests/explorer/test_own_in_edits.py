"""Moves of own attributes: they wait for the file of the attribute, and are removed with it."""

from __future__ import annotations

import gc
import weakref
from dataclasses import replace

import pytest

from explorer.edits.recipe import EditRecipe, Source
from explorer.own import attribute_file
from explorer.session.editor_view import editor_view
from explorer.wording.sentences import link_words
from tests.explorer.visiting import visit


def test_an_own_attribute_does_not_travel_and_is_made_good_when_its_file_comes(desk, engine, freckles):
    sent = EditRecipe(Source("seed", "4"), (("Freckles", 2.0), ("Young", 1.0)), model=engine.model_hash)
    desk.open(sent, engine)
    assert "Freckles" in desk.note
    assert "does not travel" in desk.note.replace("\n", " ")
    assert desk.recipe.moves == (("Young", 1.0),)
    desk.take_own(freckles)
    assert desk.recipe == sent
    assert "Freckles" in desk.own.equip(engine).attribute_names


@pytest.mark.parametrize("moves", [(("Smiling", 2.0),), (("Freckles", 1.0), ("Smiling", 2.0))])
def test_its_lock_waits_for_the_file_too(desk, engine, freckles, moves):
    sent = EditRecipe(Source("seed", "4"), moves, ("Freckles", "Male"), model=engine.model_hash)
    desk.open(sent, engine)
    assert desk.note.startswith("This edit uses Freckles, which is not known here.")
    assert (desk.recipe.moves, desk.recipe.locks) == ((("Smiling", 2.0),), ("Male",))
    assert (desk.arrival.complete, desk.link) == (False, sent.token())
    desk.start_from(Source("seed", "5"))
    desk.take_own(freckles)
    assert desk.arrival.complete
    assert desk.recipe == replace(sent, source=Source("seed", "5"))
    equipped = desk.own.equip(engine)
    unlocked = replace(desk.recipe, locks=("Male",))
    pictures = [equipped.render(recipe).picture for recipe in (desk.recipe, unlocked)]
    assert (pictures[0] != pictures[1]).any()


def test_a_lock_alone_is_kept_with_the_model_that_knows_it(desk, engine, bare, freckles):
    desk.take_own(freckles)
    desk.handle({"op": "lock", "name": "Freckles", "on": True, "nonce": "a", "seq": 1}, desk.own.equip(engine))
    assert "but not Freckles: send its file along" in link_words(desk.recipe, ["Freckles"], ())
    desk.adopt(bare)
    assert desk.note.startswith("This model does not know Freckles, made with another one;")
    assert desk.recipe.locks == ()
    desk.adopt(desk.own.equip(engine))
    assert desk.recipe.locks == ("Freckles",)


def test_of_many_unknown_attributes_three_are_named(desk, engine):
    names = [f"X{i:02}" for i in range(64)]
    desk.open(EditRecipe(Source("seed", "4"), tuple((name, 1.0) for name in names), model=engine.model_hash), engine)
    assert desk.note.startswith("This edit uses X00, X01, X02 and 61 others, which are not known here. An attribute")
    desk.open(EditRecipe(Source("seed", "4"), (), tuple(names[:3]), model=engine.model_hash), engine)
    assert desk.note.startswith("This edit uses X00, X01 and X02, which are not known here.")


def test_its_moves_still_wait_once_another_picture_is_chosen(desk, engine, freckles):
    sent = EditRecipe(Source("seed", "4"), (("Freckles", 2.0), ("Young", 1.0)), model=engine.model_hash)
    desk.open(sent, engine)
    assert desk.link == sent.token()
    desk.start_from(Source("seed", "5"))
    assert desk.link == desk.recipe.token()
    desk.take_own(freckles)
    assert (desk.recipe.moves, desk.arrival.absent) == (sent.moves, ())


def test_a_model_that_does_not_know_it_says_so(desk, engine, bare, freckles):
    desk.take_own(freckles)
    desk.handle({"op": "set", "name": "Freckles", "value": 2, "nonce": "a", "seq": 1}, desk.own.equip(engine))
    desk.adopt(bare)
    assert desk.note.startswith("This model does not know Freckles, made with another one;")
    desk.adopt(desk.own.equip(engine))
    assert (desk.recipe.strength("Freckles"), desk.note) == (2.0, "")


def test_an_attribute_dropped_meanwhile_does_not_come_back(desk, engine, bare, freckles):
    desk.take_own(freckles)
    desk.handle({"op": "set", "name": "Freckles", "value": 1, "nonce": "a", "seq": 1}, desk.own.equip(engine))
    desk.adopt(bare)
    desk.own = desk.own.dropped("Freckles", engine)
    desk.adopt(desk.own.equip(engine))
    assert desk.recipe.moves == (("Smiling", 1.0),)


def test_no_undo_leads_back_to_an_attribute_that_was_dropped(desk, engine, freckles):
    desk.take_own(freckles)
    desk.handle({"op": "set", "name": "Freckles", "value": 1, "nonce": "a", "seq": 1}, desk.own.equip(engine))
    desk.handle({"op": "lock", "name": "Freckles", "on": True, "nonce": "a", "seq": 2}, desk.own.equip(engine))
    desk.drop_own("Freckles", engine)
    for number in range(3, 6):
        assert desk.recipe.moves == (("Smiling", 1.0),)
        assert desk.recipe.locks == ()
        editor_view(desk, desk.own.equip(engine), desk.prepare_view(engine))
        desk.handle({"op": "undo", "nonce": "a", "seq": number}, desk.own.equip(engine))


def test_a_dropped_attribute_leaves_no_step_that_changes_nothing(desk, engine, freckles):
    desk.take_own(freckles)
    desk.handle({"op": "set", "name": "Freckles", "value": 1, "nonce": "a", "seq": 1}, desk.own.equip(engine))
    assert len(desk.history.past) == 1
    desk.drop_own("Freckles", engine)
    assert desk.history.past == ()


def test_its_pictures_are_decoded_once_for_as_long_as_attribute_and_model_stay(desk, engine, freckles):
    desk.take_own(freckles)
    model = engine.with_attributes(engine.attributes)  # as if the server had just loaded it
    recipe = EditRecipe(Source("seed", "4"), (("Freckles", 2.0),), model=engine.model_hash)
    rendered = desk.own.equip(model).render(recipe)
    assert desk.own.equip(model).render(recipe) is rendered
    desk.take_own(replace(freckles, directions=2 * freckles.directions))
    assert (desk.own.equip(model).render(recipe).picture != rendered.picture).any()
    equipped = weakref.ref(desk.own.equip(model))
    del model  # unloaded
    gc.collect()
    assert equipped() is None


def test_a_locked_slider_that_is_tried_is_opened(desk, engine, freckles):
    desk.take_own(freckles)
    desk.handle({"op": "lock", "name": "Freckles", "on": True, "nonce": "a", "seq": 1}, desk.own.equip(engine))
    desk.move({"Freckles": 1.5})
    assert (desk.recipe.strength("Freckles"), desk.recipe.locks) == (1.5, ())


@pytest.mark.usefixtures("fresh_caches")
def test_an_attribute_file_makes_the_slider_that_a_link_asked_for(home, engine, freckles):
    sent = EditRecipe(Source("seed", "4"), (("Freckles", 1.5),), model=engine.model_hash)
    at = visit("attributes.py", sent.token())
    assert "Freckles" in at.session_state["desk"].note
    at.file_uploader(key="own_file").upload("a.safetensors", attribute_file.to_file(freckles), "application/x").run()
    assert not at.exception
    assert at.session_state["desk"].recipe == sent
    at.file_uploader(key="own_file").upload("a.safetensors", b"no such thing", "application/x").run()
    assert not at.exception
    assert any("safetensors" in str(i.value) or "attribute" in str(i.value) for i in at.info)
