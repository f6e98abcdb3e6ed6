"""Photos of a desk: identified by content, bounded, used with the face chosen last, and gone when removed."""

from dataclasses import replace

import numpy as np
import pytest

from explorer.edits import recipe_png
from explorer.edits.recipe import EditRecipe, Source
from explorer.portraits.face_detector import Face
from explorer.portraits.faces import TEMPLATE
from explorer.portraits.photos import Photo, photo_key
from explorer.session import album
from explorer.session.desk import Desk
from explorer.session.editor_view import editor_view
from glowcore.errors import ImageError
from tests.explorer.picture_files import jpeg_of
from tests.explorer.visiting import REPOSITORY


def test_a_photo_without_a_face_is_its_middle(desk, engine, blobs):
    wide = np.concatenate([blobs[0], blobs[1], blobs[2]], axis=1)
    desk.receive(jpeg_of(wide), engine)
    assert desk.recipe.source.face == -1
    assert "No face" in desk.note
    middle = desk.picture(desk.recipe, engine)
    assert middle.shape == (32, 32, 3)
    assert np.abs(middle.astype(int) - blobs[1].astype(int)).mean() < 12


@pytest.mark.parametrize("is_awaited", [True, False])
def test_a_link_to_a_face_that_the_photo_does_not_have_shows_its_last_one(desk, engine, is_awaited):
    data = (REPOSITORY / "tests" / "data" / "astronaut.jpg").read_bytes()
    link = EditRecipe(Source("photo", photo_key(data), 7), (("Smiling", 1.0),), model=engine.model_hash)
    if is_awaited:
        desk.open(link, engine)
        desk.add_photo(data)
    else:
        desk.add_photo(data)
        desk.open(link, engine)
    assert desk.recipe == replace(link, source=replace(link.source, face=0))
    assert editor_view(desk, engine, desk.prepare_view(engine))["subject"] == "Photo 1, face 1 of 1"


def test_a_file_that_is_no_picture(desk, engine):
    before = desk.history
    with pytest.raises(ImageError):
        desk.receive(b"hello", engine)
    assert desk.history == before


def test_photos_are_bounded_and_known_by_their_content(desk, monkeypatch, blobs):
    monkeypatch.setattr(album, "MAX_PHOTOS", 3)
    for index in range(6):
        desk.photos.keep(Photo(f"{index:032x}", jpeg_of(blobs[index])), in_use=f"{1:032x}")
    assert list(desk.photos) == [f"{i:032x}" for i in (1, 4, 5)]
    assert list(desk.photos.take_given_way().values()) == ["Photo 1", "Photo 3", "Photo 4"]
    assert desk.photos.take_given_way() == {}
    data = jpeg_of(blobs[0])
    assert desk.add_photo(data) is desk.add_photo(data)
    assert photo_key(data) in desk.photos


def test_a_photo_counts_with_what_was_cut_out_of_it(blobs, monkeypatch):
    photos = [Photo(f"{i:032x}", jpeg_of(blobs[i])) for i in range(3)]
    monkeypatch.setattr(album, "PHOTO_BYTES", sum(len(p.data) for p in photos) + 5000)
    kept = album.Album()
    for photo in photos:
        kept.keep(photo)
    assert len(kept) == 3
    photos[0].aligned(64, Source("photo", photos[0].key, -1))  # 12,288 bytes
    assert photos[0].nbytes == len(photos[0].data) + 64 * 64 * 3
    kept.keep(photos[2])
    assert list(kept) == [photos[1].key, photos[2].key]


def test_a_run_that_is_drawing_when_its_session_ends_keeps_its_album(engine, blobs):
    desk = Desk.arrive(engine)
    photo = desk.add_photo(jpeg_of(blobs[0]))
    drawn = desk.photos
    desk.clear()
    assert not desk.photos
    assert drawn.newest_first == [photo.key]
    assert drawn.source_of(photo.key) == photo.source


def test_room_is_for_many_photos_and_the_warning_says_first_how_many_went(blobs):
    kept = album.Album()
    for index in range(50):
        kept.keep(Photo(f"{index:032x}", jpeg_of(blobs[0])))
        kept.came_as(f"{index:032x}", f"{index} holiday-in-the-mountains-{index}.jpg")
    assert len(kept) == 48
    words = album.gave_way(list(kept.take_given_way().values()))
    assert words.startswith("2 photos gave way to others: there is room for 48, or 192 MB of them. Gone: ")
    assert words.endswith("Gone: 0 holiday-in-the-mount …, 1 holiday-in-the-mount ….")
    assert album.gave_way(list("abcde")).endswith("Gone: a, b, c, 2 more.")
    assert album.gave_way([]) == ""


def test_a_photo_in_use_again_is_not_the_next_to_give_way_and_stays_in_its_place(blobs, monkeypatch):
    monkeypatch.setattr(album, "MAX_PHOTOS", 3)
    kept = album.Album()
    for index in range(3):
        kept.keep(Photo(f"{index:032x}", jpeg_of(blobs[index])))
    kept.use(Source("photo", f"{0:032x}", -1))
    assert kept.newest_first == [f"{i:032x}" for i in (2, 1, 0)]
    kept.keep(Photo(f"{3:032x}", jpeg_of(blobs[3])))
    assert kept.newest_first == [f"{i:032x}" for i in (3, 2, 0)]


def test_no_undo_leads_to_a_photo_that_has_given_way(desk, engine, blobs, monkeypatch):
    monkeypatch.setattr(album, "MAX_PHOTOS", 3)
    start = desk.recipe
    keys = [desk.receive(jpeg_of(picture), engine) for picture in blobs[:6]]
    desk.photos.came_as(keys[3], "Anna.jpg")
    desk.photos.take_given_way()
    desk.add_photo(jpeg_of(blobs[6]))  # as on another page: the oldest photo is dropped, and the edit stays
    assert desk.photos.take_given_way() == {keys[3]: "Anna.jpg"}
    passed = []
    while desk.history.past:
        desk.handle({"op": "undo", "nonce": "a", "seq": len(passed)}, engine)
        assert desk.picture(desk.recipe, engine) is not None
        passed.append(desk.recipe.source.value)
    assert passed == [keys[4], start.source.value]
    assert desk.recipe == start


def test_photos_that_come_at_once_are_one_step(desk, engine, blobs, monkeypatch):
    monkeypatch.setattr(album, "MAX_PHOTOS", 4)
    start = desk.recipe
    with desk.batch():
        keys = [desk.receive(jpeg_of(picture), engine) for picture in blobs[:6]]
    assert (desk.recipe.source.value, desk.history.past) == (keys[5], (start,))
    with desk.batch():
        desk.receive(jpeg_of(blobs[6]), engine)
    kept = desk.history
    with desk.batch():
        for picture in blobs[7:10]:  # the earlier photos are dropped, and undo does not lead to them
            desk.receive(jpeg_of(picture), engine)
    assert kept.past[-1].source.value == keys[5]
    assert [r.source.value for r in desk.history.past] == [start.source.value, kept.present.source.value]


@pytest.mark.parametrize(
    ("before", "moves"),
    [
        ("nothing", ()),
        ("another face", ()),
        ("a reload", ()),
        ("a reload of another face", ()),
        ("a photo on another page", ()),
        ("a move", (("Male", 2.0), ("Smiling", 1.0))),
        ("a move and back", (("Smiling", 1.0),)),
        ("a link", (("Smiling", 1.5),)),
        ("a link to a photo", (("Smiling", 1.0),)),
    ],
)
def test_a_photo_takes_over_the_edit_that_the_user_has_made_and_not_the_greeting(desk, engine, blobs, before, moves):
    start = desk.recipe
    assert start.moves == (("Smiling", 1.0),)
    if before == "another face":
        desk.start_from(Source("gallery", engine.gallery.names[1]))
    elif before == "a photo on another page":
        desk.start_from(desk.add_photo(jpeg_of(blobs[5])).source)
        assert desk.recipe.moves == ()
        desk.handle({"op": "undo", "nonce": "a", "seq": 0}, engine)
    elif before == "a reload":
        desk = Desk.arrive(engine, start.token())
    elif before == "a reload of another face":
        desk = Desk.arrive(engine, replace(start, source=Source("seed", "3")).token())
    elif before == "a link":
        desk = Desk.arrive(engine, start.moved({"Smiling": 1.5}).token())
    elif before == "a link to a photo":
        desk = Desk.arrive(engine, replace(start, source=Source("photo", "a" * 32)).token())
    elif before != "nothing":
        for number, value in enumerate([2.0] if before == "a move" else [2.0, 0.0]):
            desk.handle({"op": "set", "name": "Male", "value": value, "nonce": "a", "seq": number}, engine)
    last = desk.recipe
    with desk.batch():
        keys = [desk.receive(jpeg_of(picture), engine) for picture in blobs[:2]]
    assert (desk.recipe.source.value, desk.recipe.moves) == (keys[1], moves)
    assert desk.history.past[-1] == last


def test_a_photo_that_is_removed_leaves_no_step_that_changes_nothing(desk, engine, blobs):
    first = desk.recipe
    desk.move({"Male": 2.0})
    start = desk.recipe
    key = desk.receive(jpeg_of(blobs[0]), engine)
    desk.remove_photo(key, engine)
    assert (desk.recipe, desk.history.past) == (start, (first,))


def test_a_png_with_its_crop_needs_no_photo(desk, engine, blobs):
    recipe = EditRecipe(Source("photo", "a" * 32), (("Young", 1.0),), model=engine.model_hash)
    picture = engine.render(recipe, blobs[4]).picture
    desk.receive(recipe_png.to_png(picture, recipe, blobs[4]), engine)
    assert desk.recipe == recipe
    again = engine.render(desk.recipe, desk.picture(desk.recipe, engine)).picture
    np.testing.assert_array_equal(again, picture)


def test_what_was_said_of_a_photo_goes_with_it(desk, engine, blobs):
    first, second = (desk.receive(jpeg_of(blobs[i]), engine) for i in (0, 1))
    assert "No face" in desk.note
    desk.remove_photo(first, engine)
    assert "No face" in desk.note  # the note is about the second photo
    desk.remove_photo(second, engine)
    assert desk.note == ""


def test_a_crop_is_bounded_and_gone_when_removed(desk, engine, blobs, monkeypatch):
    monkeypatch.setattr(album, "MAX_CROPS", 2)
    recipes = [EditRecipe(Source("photo", c * 32), (("Young", 1.0),), model=engine.model_hash) for c in "abc"]
    files = [recipe_png.to_png(blobs[0], r, blobs[i]) for i, r in enumerate(recipes)]
    keys = [desk.receive(file, engine) for file in files]
    assert keys == [r.source.value for r in recipes]
    assert list(desk.crops) == keys[1:]
    assert desk.personal() == keys[2]
    desk.remove_photo(keys[2], engine)
    assert list(desk.crops) == keys[1:2]
    assert desk.personal() == ""
    assert desk.receive(recipe_png.to_png(blobs[0], recipes[0]), engine) == ""  # a PNG without the crop


def test_a_picture_on_loan_is_the_users_where_it_was_cut_from_a_photo(desk, engine, gallery, blobs):
    for source, key in ((Source("gallery", gallery.names[0]), ""), (Source("photo", "e" * 32), "e" * 32)):
        desk.start_from(desk.crops.lend(source, blobs[0]))
        assert desk.personal() == key


def test_a_png_of_a_photo_that_is_here_brings_nothing_that_could_be_removed(desk, engine, blobs):
    key = desk.receive(jpeg_of(blobs[0]), engine)
    assert desk.receive(recipe_png.to_png(blobs[1], desk.recipe, blobs[1]), engine) == ""
    assert (list(desk.photos), list(desk.crops)) == ([key], [])


def test_a_photo_that_is_removed_is_in_no_edit_any_more(desk, engine, bare, blobs):
    key = desk.receive(jpeg_of(blobs[0]), engine)
    desk.prepare_view(engine)
    desk.handle({"op": "set", "name": "Male", "value": 2, "nonce": "a", "seq": 1}, engine)
    moves = desk.recipe.moves
    desk.adopt(bare)  # the photo's picture is lent to this model
    desk.photos.keep(Photo("b" * 32, jpeg_of(blobs[1])))
    desk.remove_photo(key, bare)
    desk.adopt(engine)
    assert list(desk.photos) == ["b" * 32]
    assert not desk.crops
    assert not desk.crops.lent
    assert desk.recipe.moves == moves
    edits = [desk.history.present, *desk.history.past, *desk.history.future]
    assert {recipe.source.kind for recipe in edits} <= {"gallery", "seed"}


def test_the_face_of_a_link_is_edited_and_forgotten_with_its_photo(desk, engine, blobs, monkeypatch):
    faces = [Face((0.0, 0.0, 32.0, 32.0), TEMPLATE * 32, 0.9)] * 2
    monkeypatch.setattr("explorer.portraits.photos.find", lambda picture: faces)
    data = jpeg_of(blobs[0])
    key = photo_key(data)
    linked = EditRecipe(Source("photo", key, 1), (("Male", 1.0),), model=engine.model_hash)
    desk.open(linked, engine)
    desk.add_photo(data)  # the photo that the link awaits
    desk.start_from(Source("photo", key, 0))
    assert desk.history.faces.of_photo(key) == [linked]
    desk.remove_photo(key, engine)
    assert desk.history.faces.of_photo(key) == []


def test_a_photo_is_used_again_with_the_eyes_that_were_placed(desk, engine, gallery, blobs):
    key = desk.receive(jpeg_of(blobs[0]), engine)
    desk.place_eyes((0.3, 0.4, 0.7, 0.4), 32)
    placed = desk.recipe.source
    desk.start_from(Source("gallery", gallery.names[0]))
    assert desk.photos.source_of(key) == placed
    assert placed.eyes == (0.3, 0.4, 0.7, 0.4)


def test_every_page_has_the_face_that_the_edit_has(desk, engine, blobs):
    key = desk.receive(jpeg_of(blobs[0]), engine)
    plain, linked = desk.photo().source, Source("photo", key, -1, eyes=(0.25, 0.4, 0.75, 0.4))
    desk.open(EditRecipe(linked, model=engine.model_hash), engine)
    assert desk.photos.source_of(key) == linked
    desk.handle({"op": "undo", "nonce": "a", "seq": 1}, engine)
    assert desk.photos.source_of(key) == desk.recipe.source == plain
    desk.handle({"op": "redo", "nonce": "a", "seq": 2}, engine)
    assert desk.photos.source_of(key) == linked
    desk.receive(jpeg_of(blobs[0]), engine)  # the same file again
    assert desk.recipe.source == linked
