"""The Mix page: the default pictures of its places, and its results."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from explorer.edits import recipe_png
from explorer.edits.recipe import NO_FILE, EditRecipe, Source
from explorer.pixels.pictures import tile_uri
from explorer.portraits.photos import photo_key
from explorer.session.album import Crops
from explorer.views import mixing
from tests.explorer import tiny_model
from tests.explorer.picture_files import jpeg_of, png_of
from tests.explorer.visiting import app, visit
from tests.explorer.widgets import of_model, told

pytestmark = pytest.mark.usefixtures("fresh_caches")


@pytest.fixture
def arithmetic(home, monkeypatch):
    """Return a function that opens the mode "arithmetic" with an edit, and gives the places and the pictures used."""
    reckoned = []
    analogy = mixing.analogy
    monkeypatch.setattr(mixing, "analogy", lambda *a: reckoned.append(a[1:4]) or analogy(*a))

    def opened(recipe: EditRecipe) -> tuple[AppTest, list[str], list]:
        at = visit("mix.py", recipe.token())  # in its default mode
        at.segmented_control(key="mix_mode").set_value("arithmetic").run()
        assert not at.exception
        return at, [told(at, f"tiles_{name}")["selected"] for name in "ABC"], reckoned[-1]

    return opened


def test_arithmetic_begins_with_what_the_edit_has_and_its_original_has_not(arithmetic, engine, gallery):
    recipe = EditRecipe(Source("gallery", "face_00.png"), (("Eyeglasses", 2.0),), model=engine.model_hash)
    at, held, (a, b, c) = arithmetic(recipe)
    assert held == ["edit", "face_00.png", "face_01.png"]
    original = gallery.load("face_00.png")
    np.testing.assert_array_equal(a.picture, engine.render(recipe, original).picture)
    np.testing.assert_array_equal(b.picture, original)
    np.testing.assert_array_equal(c.picture, gallery.load("face_01.png"))
    at.segmented_control(key="mix_mode").set_value("film").run()
    assert [told(at, f"tiles_{name}")["selected"] for name in "AB"] == ["edit", "face_01.png"]


def test_an_original_that_is_neither_photo_nor_gallery_has_a_tile(arithmetic, engine):
    recipe = EditRecipe(Source("seed", "5"), (("Eyeglasses", 2.0),), model=engine.model_hash)
    _, held, (_, b, c) = arithmetic(recipe)
    assert held[:2] == ["edit", "unedited"]
    np.testing.assert_array_equal(b.picture, engine.source(recipe).picture)
    assert c.key not in (b.key, engine.encode(engine.render(recipe).picture).key)


def test_what_was_chosen_stays_and_equal_pictures_are_said(arithmetic, engine):
    at, held, _ = arithmetic(EditRecipe(Source("gallery", "face_03.png"), model=engine.model_hash))
    assert len(set(held)) == 3
    caution = "A and B are the same picture"
    assert not any(caution in m.value for m in at.markdown)
    at.session_state["slot_A"] = at.session_state["slot_B"] = "face_02.png"
    at.run()
    assert [told(at, f"tiles_{name}")["selected"] for name in "AB"] == ["face_02.png"] * 2
    assert any(caution in m.value for m in at.markdown)
    at.session_state["slot_A"], at.session_state["slot_C"] = "face_03.png", "face_02.png"
    at.run()
    assert not any(caution in m.value for m in at.markdown)
    assert any("B and C are the same picture" in m.value for m in at.markdown)


@pytest.mark.parametrize("mode", ["film", "corners", "levels"])
def test_places_that_all_hold_the_same_picture_are_said(home, mode):
    at = visit("mix.py")
    at.segmented_control(key="mix_mode").set_value(mode).run()
    said = lambda: any("All places hold the same picture" in m.value for m in at.markdown)  # noqa: E731
    assert not said()
    for name in "ABCD":
        at.session_state[f"slot_{name}"] = "face_02.png"
    at.run()
    assert not at.exception
    assert said()


@pytest.mark.parametrize("moves", [(), (("Eyeglasses", 2.0),)])
def test_places_that_added_photos_leave_hold_other_pictures(home, engine, many_blobs, moves):
    at = visit("mix.py", EditRecipe(Source("gallery", "face_00.png"), moves, model=engine.model_hash).token())
    at.segmented_control(key="stops").set_value(5).run()
    files = [(f"{i}.jpg", jpeg_of(p), "image/jpeg") for i, p in enumerate(many_blobs[:2])]
    for mode, names in {"film": "ABCDE", "corners": "ABCD", "levels": "AB", "arithmetic": "ABC"}.items():
        at.segmented_control(key="mix_mode").set_value(mode)
        at.session_state["slot_A"] = at.session_state["slot_B"] = None
        at.file_uploader(key="mix_upload").set_value(files).run()
        assert not at.exception
        held = [told(at, f"tiles_{name}")["selected"] for name in names]
        assert held[:2] == [f"photo:{key}" for key in at.session_state["desk"].photos]
        assert len(set(held)) == len(held)
        assert "edit" in held or mode == "levels"


def test_an_edit_that_moves_nothing_does_not_stand_beside_its_own_photo(home, many_blobs):
    at = visit("mix.py")
    files = [(f"{i}.jpg", jpeg_of(p), "image/jpeg") for i, p in enumerate(many_blobs[:2])]
    at.segmented_control(key="mix_mode").set_value("arithmetic").run()
    at.file_uploader(key="mix_upload").set_value(files).run()
    desk = at.session_state["desk"]
    first, second = desk.photos
    desk.history = desk.history.push(EditRecipe(desk.photos.source_of(first), model=desk.recipe.model))
    at.session_state["slot_A"], at.session_state["slot_B"] = "face_00.png", f"photo:{first}"
    at.run()
    assert not at.exception
    assert told(at, "tiles_C")["selected"] == f"photo:{second}"  # and not the edit, which is the first again


def test_an_address_that_asks_for_photos_that_are_not_here_says_so_and_stays(home, many_blobs):
    data = jpeg_of(many_blobs[0])
    photo = f"photo:{photo_key(data)}"
    at = app()
    at.query_params["mix"], at.query_params["places"] = "arithmetic", f"{photo}/photo:0123/face_02.png"
    at.run()
    at.switch_page("explorer/ui/pages/mix.py").run()
    (said,) = [info.value for info in at.info]
    assert said.startswith("A and B of this address are not here")
    assert told(at, "mix_address")["places"] == f"{photo}/photo:0123/face_02.png"
    at.file_uploader(key="mix_upload").set_value([("me.jpg", data, "image/jpeg")]).run()
    assert told(at, "tiles_A")["selected"] == photo
    at.session_state["slot_B"] = "face_00.png"
    at.run()
    assert not at.info
    assert told(at, "mix_address")["places"] == f"{photo}/face_00.png/face_02.png"


def test_an_address_asks_for_no_mixed_picture_again(home):
    at = app()
    at.query_params["mix"], at.query_params["places"] = "levels", f"photo:{NO_FILE}{'0' * 31}/face_02.png"
    at.run()
    at.switch_page("explorer/ui/pages/mix.py").run()
    assert not at.info
    assert told(at, "mix_address")["places"] == "edit/face_02.png"


def test_the_tiles_of_the_gallery_are_compressed_as_thumbnails(home, gallery):
    at = visit("mix.py")
    for key in ("tiles_A", "tiles_B"):
        shown = {t["id"]: t["uri"] for t in told(at, key)["tiles"]}
        assert [shown[name] for name in gallery.names] == [tile_uri(gallery.load(name)) for name in gallery.names]


def mixed_of(at: AppTest) -> np.ndarray:
    """Return the source of the edit after "Open in Edit" of a mixed picture."""
    at.button(key="open_mix").click().run()
    assert not at.exception
    desk = at.session_state["desk"]
    assert (desk.recipe.moves, desk.recipe.source.kind) == ((), "photo")
    assert told(at, "editor")["subject"] == "Mixed picture 1"
    tile = next(t for t in told(at, "gallery")["tiles"] if t["id"] == told(at, "gallery")["selected"])
    assert tile["alt"] == "Mixed picture 1"
    return desk.crops[desk.recipe.source.value]


@pytest.mark.parametrize("mode", ["film", "corners", "levels", "arithmetic"])
def test_what_was_mixed_is_opened_in_edit(home, engine, gallery, mode):
    at = visit("mix.py", EditRecipe(Source("gallery", "face_00.png"), model=engine.model_hash).token())
    at.segmented_control(key="mix_mode").set_value(mode).run()
    a, b, c, d = (engine.encode(gallery.load(f"face_0{i}.png")) for i in range(4))
    expected = {
        "film": lambda: a.picture,
        "corners": lambda: mixing.within(engine, a, b, c, d, (0.5, 0.5)),
        "levels": lambda: mixing.mixed(engine, a, b, [engine.num_levels - 1]),
        "arithmetic": lambda: mixing.analogy(engine, a, b, c, 1.0),
    }
    np.testing.assert_array_equal(mixed_of(at), expected[mode]())


@pytest.mark.parametrize("stops", [2, 5])
def test_the_places_keep_their_pictures_when_the_result_is_opened_in_edit(home, many_blobs, stops):
    at = visit("mix.py")
    at.segmented_control(key="stops").set_value(stops).run()
    files = [(f"{i}.jpg", jpeg_of(p), "image/jpeg") for i, p in enumerate(many_blobs[:2])]
    at.switch_page("explorer/ui/pages/edit.py").run()
    at.file_uploader(key="upload").set_value(files).run()
    at.switch_page("explorer/ui/pages/mix.py").run()
    held = lambda: [told(at, f"tiles_{name}")["selected"] for name in "ABCDE"[:stops]]  # noqa: E731
    before, (newest, other) = held(), at.session_state["desk"].photos.newest_first
    assert before[:2] == ["edit", f"photo:{other}"]
    mixed_of(at)
    at.switch_page("explorer/ui/pages/mix.py").run()
    assert held() == [f"photo:{newest}", *before[1:]]


@pytest.mark.parametrize(("stops", "seconds", "frames"), [(2, 2, 49), (5, 2, 49), (4, 8, 193)])
def test_a_film_is_as_long_as_chosen_whatever_the_number_of_stops(home, stops, seconds, frames):
    at = visit("mix.py")
    at.segmented_control(key="stops").set_value(stops)
    at.segmented_control(key="seconds").set_value(seconds).run()
    assert not at.exception
    assert told(at, "film")["count"] == frames


def test_a_film_of_no_level_is_said_to_stand_still(home):
    at = visit("mix.py")
    words = "Nothing changes: choose at least one level under “More”."
    assert not any(words in m.value for m in at.markdown)
    at.button_group(key=of_model(at, "walking")).set_value([]).run()
    assert not at.exception
    assert any(words in m.value for m in at.markdown)


def test_levels_are_listed_coarsest_first_on_all_pages(home):
    at = visit("mix.py")
    film = [o.content for o in at.button_group(key=of_model(at, "walking")).proto.options]
    at.segmented_control(key="mix_mode").set_value("levels").run()
    mixed = [c.label for c in at.segmented_control if c.label.startswith("Level")]
    at.switch_page("explorer/ui/pages/sample.py").run()
    at.toggle(key=of_model(at, "by_level")).set_value(True).run()
    sampled = [s.label for s in at.slider if s.label.startswith("Level")]
    assert film == mixed == sampled
    assert [label.split()[1] for label in film] == ["3", "2", "1"]


def test_the_frame_on_which_a_film_stands_is_opened_in_edit(home, engine, gallery, monkeypatch):
    monkeypatch.setattr("explorer.ui.components.film._FILM", lambda **_: {"place": 1.0})
    at = visit("mix.py", EditRecipe(Source("gallery", "face_00.png"), model=engine.model_hash).token())
    np.testing.assert_array_equal(mixed_of(at), gallery.load("face_01.png"))


def test_the_first_frame_of_a_film_from_a_picture_of_a_png_is_not_the_model_s_own(home, engine, many_blobs):
    wanted = EditRecipe(Crops().mix(many_blobs[0], ()), model=engine.model_hash)
    at = visit("edit.py")
    file = recipe_png.to_png(many_blobs[0], wanted, many_blobs[0])
    at.file_uploader(key="upload").upload("edited.png", file, "image/png").run()
    boxes = [box.label for box in at.checkbox]
    assert boxes == ["Keep the unedited picture in the file"]
    at.switch_page("explorer/ui/pages/mix.py").run()
    np.testing.assert_array_equal(mixed_of(at), many_blobs[0])
    assert at.session_state["desk"].recipe.source == wanted.source
    assert [box.label for box in at.checkbox] == boxes


def test_a_film_goes_with_a_photo(home, many_blobs):
    at = visit("mix.py")
    at.file_uploader(key="mix_upload").set_value([("a.jpg", jpeg_of(many_blobs[0]), "image/jpeg")]).run()
    (key,) = at.session_state["desk"].photos
    at.session_state["slot_B"] = f"photo:{key}"
    at.run()
    assert "made film" in at.session_state
    at.switch_page("explorer/ui/pages/edit.py").run()
    at.session_state["desk"].start_from(Source("photo", key, -1))
    at.run()
    at.button(key="remove_photo").click().run()
    assert not at.exception
    assert "made film" not in at.session_state


def test_with_a_photo_goes_what_was_mixed_of_it(home, engine, many_blobs):
    at = visit("mix.py", EditRecipe(Source("gallery", "face_00.png"), model=engine.model_hash).token())
    at.segmented_control(key="mix_mode").set_value("levels").run()
    files = [(f"{i}.jpg", jpeg_of(p), "image/jpeg") for i, p in enumerate(many_blobs[:2])]
    at.file_uploader(key="mix_upload").set_value(files).run()
    desk = at.session_state["desk"]
    first, second = desk.photos
    once = mixed_of(at)
    desk.crops.mix(255 - once, {desk.recipe.source.value})  # a mixture of the mixture
    desk.crops.mix(once // 2, {second})
    desk.remove_photo(first, engine)
    assert [c.tolist() for c in desk.crops.values()] == [(once // 2).tolist()]
    assert desk.recipe.source.kind == "gallery"
    desk.remove_photo(second, engine)
    assert not desk.crops


def test_photos_of_faces_come_last_where_digits_are_mixed(tmp_path, many_blobs, monkeypatch):
    folder = tiny_model.write_kind(tmp_path / "runs" / "digits", "digits")
    (folder / "gallery").mkdir()
    for i in range(3):
        (folder / "gallery" / f"digit_{i}.png").write_bytes(png_of(many_blobs[i, :8, :8]))
    monkeypatch.setenv("EXPLORER_HOME", str(tmp_path))
    at = visit("edit.py")
    at.file_uploader(key="upload").set_value([("a.jpg", jpeg_of(many_blobs[5]), "image/jpeg")]).run()
    photo = f"photo:{next(iter(at.session_state['desk'].photos))}"
    at.session_state["desk"].start_from(Source("seed", "7"))
    at.switch_page("explorer/ui/pages/mix.py").run()
    assert [told(at, f"tiles_{name}")["selected"] for name in "AB"] == ["edit", "digit_0.png"]
    last = told(at, "tiles_A")["tiles"][-1]
    assert last["id"] == photo
    shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(last["uri"].split(",")[1]))), int)
    assert np.ptp(shown, axis=2).max() <= 2  # grey up to compression
    at.switch_page("explorer/ui/pages/reconstruct.py").run()
    assert not at.exception
    assert at.multiselect(key=of_model(at, "pictures")).value == [f"digit_{i}.png" for i in range(3)]
