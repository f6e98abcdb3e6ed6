"""A desk keeps one user's edit and photos, whatever arrives."""

import io
import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from explorer import album, export, maps, own_attribute
from explorer.desk import Desk
from explorer.editor_view import editor_view
from explorer.gallery import Gallery
from explorer.photos import Photo, photo_key
from explorer.recipe import EditRecipe, Source
from explorer.words import link_words
from glowcore.errors import ImageError


def jpeg_of(picture: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


@pytest.fixture
def desk(engine, gallery):
    table = Desk()
    table.arrive(engine, gallery, None)
    return table


def test_an_unknown_model_in_a_link_is_said(desk, engine, gallery):
    recipe = EditRecipe(Source("seed", "1"), (("Smiling", 1.0), ("Sideburns", 2.0)), ("Nobody",), model="f" * 12)
    desk.open(recipe, engine, gallery)
    assert "another model" in desk.note
    assert desk.recipe.moves == (("Smiling", 1.0),)
    assert desk.recipe.locks == ()
    assert desk.recipe.model == engine.model_hash


def test_a_gallery_face_that_is_not_here(desk, engine, gallery):
    desk.open(EditRecipe(Source("gallery", "gone.jpg"), (("Male", 1.0),)), engine, gallery)
    assert desk.recipe.source.value in gallery.names
    assert desk.recipe.moves == (("Male", 1.0),)
    assert "not here" in desk.note


def test_a_photo_without_a_face_is_its_middle(desk, engine, gallery, blobs):
    wide = np.concatenate([blobs[0], blobs[1], blobs[2]], axis=1)
    desk.receive(jpeg_of(wide), engine, gallery)
    assert desk.recipe.source.face == -1
    assert "No face" in desk.note
    middle = desk.picture(desk.recipe, engine, gallery)
    assert middle.shape == (32, 32, 3)
    assert np.abs(middle.astype(int) - blobs[1].astype(int)).mean() < 12


def test_a_file_that_is_no_picture(desk, engine, gallery):
    before = desk.history
    with pytest.raises(ImageError):
        desk.receive(b"hello", engine, gallery)
    assert desk.history == before


def test_photos_are_bounded_and_known_by_their_content(desk, monkeypatch, blobs):
    monkeypatch.setattr(album, "MAX_PHOTOS", 3)
    for index in range(6):
        desk.photos.keep(Photo(f"{index:032x}", jpeg_of(blobs[index])), in_use=f"{1:032x}")
    assert list(desk.photos) == [f"{i:032x}" for i in (1, 4, 5)]
    assert "the 3 used longest ago have given way" in desk.photos.told()
    assert desk.photos.told() == ""
    data = jpeg_of(blobs[0])
    assert desk.add_photo(data) is desk.add_photo(data)
    assert photo_key(data) in desk.photos


def test_a_png_with_its_crop_needs_no_photo(desk, engine, gallery, blobs):
    recipe = EditRecipe(Source("photo", "a" * 32), (("Young", 1.0),), model=engine.model_hash)
    picture = engine.render(recipe, blobs[4]).picture
    desk.receive(export.to_png(picture, recipe, blobs[4]), engine, gallery)
    assert desk.recipe == recipe
    again = engine.render(desk.recipe, desk.picture(desk.recipe, engine, gallery)).picture
    np.testing.assert_array_equal(again, picture)


def test_messages_are_dealt_with_once_and_in_order(desk, engine):
    desk.handle({"op": "set", "name": "Male", "value": 2, "nonce": "a", "seq": 1}, engine)
    desk.handle({"op": "undo", "nonce": "a", "seq": 1}, engine)
    assert desk.recipe.strength("Male") == 2
    desk.handle({"op": "undo", "nonce": "a", "seq": 2}, engine)
    assert desk.recipe.strength("Male") == 0
    for nonsense in (None, 3, [], {}, {"seq": "x"}, {"seq": 3, "nonce": "a", "op": "set", "name": "Male", "value": {}}):
        desk.handle(nonsense, engine)
        assert desk.recipe.strength("Male") == 0


def test_the_view_is_plain_json_with_text_for_every_picture(desk, engine, gallery):
    desk.handle({"op": "strip", "name": "Male", "nonce": "a", "seq": 1}, engine)
    view = editor_view(desk, engine, desk.picture(desk.recipe, engine, gallery))
    again = json.loads(json.dumps(view, allow_nan=False))
    assert again["ack"] == {"nonce": "a", "seq": 1}
    assert again["strip"]["name"] == "Male"
    assert len(again["strip"]["strengths"]) == 9
    for picture in again["pictures"].values():
        assert picture["alt"]
        assert picture["uri"].startswith("data:image/webp;base64,")
    assert "0 pixels changed" in again["pictures"]["reconstruction"]["fact"]
    desk.handle({"op": "lock", "name": "Male", "on": True, "nonce": "a", "seq": 2}, engine)
    assert editor_view(desk, engine, desk.picture(desk.recipe, engine, gallery))["strip"] is None


def test_where_the_model_gives_no_numbers_the_step_is_taken_back(desk, engine, gallery, monkeypatch):
    before = desk.recipe
    desk.handle({"op": "set", "name": "Male", "value": 3, "nonce": "a", "seq": 1}, engine)
    render = engine.render
    broken = lambda r, *a: replace(render(r, *a), finite=not r.strength("Male"))  # noqa: E731
    monkeypatch.setattr(engine, "render", broken)
    view = editor_view(desk, engine, desk.picture(desk.recipe, engine, gallery))
    assert desk.recipe == before
    assert "farther" in view["note"]
    assert not view["canRedo"]


def test_a_face_of_the_map_travels_in_a_link(desk, engine, gallery):
    found = maps.map_of(engine, gallery)
    for source, picture in (
        (Source("map", "3"), found.pictures[3]),
        (Source("map", "0.5,-1.25"), found.decode(engine, [(0.5, -1.25)])[0]),
    ):
        desk.start_from(source)
        token = desk.recipe.token()
        receiver = Desk()
        receiver.arrive(engine, gallery, token)
        assert receiver.recipe == desk.recipe
        assert receiver.note == ""
        np.testing.assert_array_equal(receiver.picture(receiver.recipe, engine, gallery), picture)


def test_a_face_of_another_map_is_said(desk, engine, gallery):
    for recipe in (
        EditRecipe(Source("map", "999"), (("Male", 1.0),), model=engine.model_hash),
        EditRecipe(Source("map", "3"), (("Male", 1.0),), model="f" * 12),
    ):
        desk.open(recipe, engine, gallery)
        assert desk.recipe.source.kind == "gallery"
        assert desk.recipe.moves == (("Male", 1.0),)
        assert "map of this edit is not here" in desk.note


def test_an_own_attribute_does_not_travel_and_is_made_good_when_its_file_comes(desk, engine, gallery, many_blobs):
    encoded = [engine.encode(p) for p in many_blobs]
    vectors = own_attribute.fit("Freckles", encoded[:8], encoded[8:], engine.attributes, weights=engine.model_hash)
    sent = EditRecipe(Source("seed", "4"), (("Freckles", 2.0), ("Young", 1.0)), model=engine.model_hash)
    desk.open(sent, engine, gallery)
    assert "Freckles" in desk.note
    assert "does not travel" in desk.note.replace("\n", " ")
    assert desk.recipe.moves == (("Young", 1.0),)
    desk.take_own(vectors)
    assert desk.recipe == sent
    assert "Freckles" in desk.own.equip(engine).attribute_names


def test_an_edit_of_another_model_waits_until_that_model_is_chosen(desk, engine, gallery):
    foreign = EditRecipe(Source("seed", "1"), (("Smiling", 1.0), ("Sideburns", 2.0)), model="f" * 12)
    desk.open(foreign, engine, gallery)
    assert desk.foreign == foreign
    other = engine.with_attributes(replace(engine.attributes, names=("Sideburns", *engine.attributes.names[1:])))
    other.model_hash = "f" * 12
    desk.adopt(other, gallery)
    assert desk.recipe.moves == (("Sideburns", 2.0),)
    assert desk.recipe.model == "f" * 12


@pytest.fixture
def bare(engine, gallery, tmp_path):
    """Another model: the same pictures, no attributes and no gallery of its own."""
    other = engine.with_attributes(None)
    other.model_hash = "b" * 12
    return other, Gallery(tmp_path / "gallery")


def test_an_edit_comes_back_with_its_model_as_it_was_left(desk, engine, gallery, bare):
    desk.open(EditRecipe(Source("gallery", "face_03.png"), model=engine.model_hash), engine, gallery)
    desk.handle({"op": "set", "name": "Male", "value": 2, "nonce": "a", "seq": 1}, engine)
    desk.handle({"op": "lock", "name": "Young", "on": True, "nonce": "a", "seq": 2}, engine)
    face = desk.picture(desk.recipe, engine, gallery)
    history = desk.history
    desk.adopt(*bare)
    assert desk.recipe.moves == desk.recipe.locks == ()
    np.testing.assert_array_equal(desk.picture(desk.recipe, *bare), face)
    assert desk.history.undo() is desk.history  # nothing leads back into an edit of another model
    desk.adopt(engine, gallery)
    assert desk.history == history
    assert desk.recipe.source == Source("gallery", "face_03.png")
    assert desk.recipe.moves == (("Male", 2.0),)
    assert desk.recipe.locks == ("Young",)
    assert desk.history.undo().undo().present.moves == ()


def test_a_picture_chosen_with_another_model_comes_along_under_the_sliders_left_here(desk, engine, gallery, bare):
    desk.handle({"op": "set", "name": "Male", "value": 2, "nonce": "a", "seq": 1}, engine)
    left = desk.recipe
    desk.adopt(*bare)
    desk.start_from(Source("seed", "11"))
    desk.adopt(engine, gallery)
    assert desk.recipe == replace(left, source=Source("seed", "11"))
    assert desk.history.undo().present == left
    desk.adopt(*bare)
    assert desk.recipe.source == Source("seed", "11")


def test_pictures_on_loan_are_bounded_with_their_sources(desk, engine, gallery, bare, monkeypatch):
    monkeypatch.setattr(album, "MAX_CROPS", 2)
    for name in gallery.names[:4]:
        desk.start_from(Source("gallery", name))
        desk.picture(desk.recipe, engine, gallery)
        desk.adopt(*bare)
        desk.adopt(engine, gallery)
    assert [s.value for s in desk.crops.lent.values()] == list(gallery.names[2:4])
    assert list(desk.crops.lent) == list(desk.crops)


def test_a_face_of_the_map_is_one_again_when_its_model_is(desk, engine, gallery, bare):
    desk.start_from(Source("map", "3"))
    desk.picture(desk.recipe, engine, gallery)
    left = desk.recipe
    desk.adopt(*bare)
    assert desk.recipe.source.kind == "photo"
    desk.adopt(engine, gallery)
    assert desk.recipe == left


def test_an_attribute_dropped_meanwhile_does_not_come_back(desk, engine, gallery, bare, many_blobs):
    encoded = [engine.encode(p) for p in many_blobs]
    desk.take_own(own_attribute.fit("Freckles", encoded[:8], encoded[8:], engine.attributes, weights=engine.model_hash))
    desk.handle({"op": "set", "name": "Freckles", "value": 1, "nonce": "a", "seq": 1}, desk.own.equip(engine))
    desk.adopt(*bare)
    desk.drop_own("Freckles")
    desk.adopt(desk.own.equip(engine), gallery)
    assert desk.recipe.moves == (("Smiling", 1.0),)


def test_no_undo_leads_back_to_an_attribute_that_was_dropped(desk, engine, gallery, many_blobs):
    encoded = [engine.encode(p) for p in many_blobs]
    desk.take_own(own_attribute.fit("Freckles", encoded[:8], encoded[8:], engine.attributes, weights=engine.model_hash))
    desk.handle({"op": "set", "name": "Freckles", "value": 1, "nonce": "a", "seq": 1}, desk.own.equip(engine))
    desk.handle({"op": "lock", "name": "Freckles", "on": True, "nonce": "a", "seq": 2}, desk.own.equip(engine))
    desk.drop_own("Freckles")
    for number in range(3, 6):
        assert desk.recipe.moves == (("Smiling", 1.0),)
        assert desk.recipe.locks == ()
        editor_view(desk, desk.own.equip(engine), desk.picture(desk.recipe, engine, gallery))
        desk.handle({"op": "undo", "nonce": "a", "seq": number}, desk.own.equip(engine))


def test_what_a_link_carries_is_said(desk):
    recipe = EditRecipe(Source("seed", "1"), (("Smiling", 1.0), ("Freckles", 1.0)))
    assert "not Freckles" in link_words(recipe, {"Freckles": None}, {})
    assert "holds the edit: copy" in link_words(recipe, {}, {})
    photo = EditRecipe(Source("photo", "0" * 32))
    assert "asked for the same file" in link_words(photo, {}, {})
    assert "save the PNG with it inside" in link_words(photo, {}, {"0" * 32: None})


def test_a_strip_that_the_editor_asks_for_by_itself_leaves_what_there_is_to_say(desk, engine, gallery):
    noise = np.random.default_rng(0).integers(60, 200, (96, 128, 3), dtype=np.uint8)
    desk.receive(jpeg_of(noise), engine, gallery)
    said = desk.note
    assert "No face was found" in said
    desk.handle({"op": "strip", "name": engine.attribute_names[0], "nonce": "a", "seq": 1}, engine)
    assert desk.note == said
    desk.handle({"op": "set", "name": engine.attribute_names[0], "value": 1.0, "nonce": "a", "seq": 2}, engine)
    assert desk.note == ""


def test_a_photo_that_is_removed_is_in_no_edit_any_more(desk, engine, gallery, bare, blobs):
    photo = desk.receive(jpeg_of(blobs[0]), engine, gallery)
    desk.picture(desk.recipe, engine, gallery)
    desk.handle({"op": "set", "name": "Male", "value": 2, "nonce": "a", "seq": 1}, engine)
    moves = desk.recipe.moves
    desk.adopt(*bare)  # which has the photo's picture on loan
    desk.photos.keep(Photo("b" * 32, jpeg_of(blobs[1])))
    desk.remove_photo(photo.key, *bare)
    desk.adopt(engine, gallery)
    assert list(desk.photos) == ["b" * 32]
    assert not desk.crops
    assert not desk.crops.lent
    assert desk.recipe.moves == moves
    edits = [desk.history.present, *desk.history.past, *desk.history.future]
    assert {recipe.source.kind for recipe in edits} <= {"gallery", "seed"}


def test_a_photo_is_used_again_with_the_eyes_that_were_placed(desk, engine, gallery, blobs):
    photo = desk.receive(jpeg_of(blobs[0]), engine, gallery)
    desk.place_eyes((0.3, 0.4, 0.7, 0.4), 32)
    placed = desk.recipe.source
    desk.start_from(Source("gallery", gallery.names[0]))
    assert desk.photos.source_of(photo.key) == placed
    assert placed.eyes == (0.3, 0.4, 0.7, 0.4)


def test_every_page_has_the_face_that_the_edit_has(desk, engine, gallery, blobs):
    photo = desk.receive(jpeg_of(blobs[0]), engine, gallery)
    plain, linked = photo.source, Source("photo", photo.key, -1, eyes=(0.25, 0.4, 0.75, 0.4))
    desk.open(EditRecipe(linked, model=engine.model_hash), engine, gallery)
    assert desk.photos.source_of(photo.key) == linked
    desk.handle({"op": "undo", "nonce": "a", "seq": 1}, engine)
    assert desk.photos.source_of(photo.key) == desk.recipe.source == plain
    desk.handle({"op": "redo", "nonce": "a", "seq": 2}, engine)
    assert desk.photos.source_of(photo.key) == linked
    desk.receive(jpeg_of(blobs[0]), engine, gallery)  # the same file again
    assert desk.recipe.source == linked
