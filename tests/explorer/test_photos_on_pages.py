"""Photos on the pages: added on one, available on all, removed with their file, and every rejection explained."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from explorer.edits import recipe_png
from explorer.edits.recipe import EditRecipe, Source
from explorer.engines.engine import Engine
from explorer.pixels.cache import ByteLRU
from explorer.portraits import photos as stored
from explorer.portraits.face_detector import Face
from explorer.portraits.faces import TEMPLATE
from explorer.portraits.photos import Photo, photo_key
from explorer.session import album
from explorer.ui import shelf, visitors
from explorer.ui.frame import Bench
from tests.explorer.picture_files import keys, png_files
from tests.explorer.widgets import of_model, photos, told

pytestmark = pytest.mark.usefixtures("fresh_caches")

UPLOADERS = {"edit": "upload", "mix": "mix_upload", "reconstruct": "reconstruct_upload"}


@pytest.fixture
def files(many_blobs) -> list[tuple[str, bytes, str]]:
    """Ten photos, none with a face."""
    return png_files(many_blobs[:10])


def go(at: AppTest, page: str) -> AppTest:
    at.switch_page(f"explorer/ui/pages/{page}.py").run()
    assert not at.exception
    return at


def said(at: AppTest) -> str:
    return " ".join(m.value.replace("\\", "") for m in at.markdown)


@pytest.mark.parametrize("page", UPLOADERS)
def test_what_happens_to_a_photo_is_said_beside_every_uploader(at, page):
    assert visitors.privacy() in [c.value for c in go(at, page).caption]


def test_a_server_that_others_reach_does_not_call_itself_this_computer(monkeypatch):
    assert visitors.privacy() == "Photos stay in the memory of this computer; nothing is stored or sent anywhere."
    monkeypatch.setattr(visitors, "alone", lambda: False)
    assert visitors.privacy() == "Photos stay in the memory of this server; it stores nothing of them."


@pytest.mark.parametrize("page", ["mix", "reconstruct"])
def test_a_photo_given_elsewhere_can_be_chosen_on_edit(at, files, page):
    go(at, page).file_uploader(key=UPLOADERS[page]).set_value(files[:2]).run()
    go(at, "edit")
    assert photos(at) == keys(files[:2])
    shown = [tile["id"] for tile in told(at, "gallery")["tiles"]]
    assert shown[:3] == [*(f"photo:{key}" for key in reversed(keys(files[:2]))), "face_00.png"]


@pytest.mark.parametrize("page", UPLOADERS)
def test_a_photo_goes_with_its_file(at, files, page):
    go(at, page).file_uploader(key=UPLOADERS[page]).set_value(files[:3]).run()
    assert sorted(photos(at)) == sorted(keys(files[:3]))
    at.file_uploader(key=UPLOADERS[page]).set_value(files[:1]).run()
    assert photos(at) == keys(files[:1])
    assert not at.exception
    at.file_uploader(key=UPLOADERS[page]).set_value(None).run()
    assert photos(at) == []
    assert at.session_state["desk"].recipe.source == Source("gallery", "face_00.png")


@pytest.mark.parametrize("page", UPLOADERS)
def test_a_photo_outlives_a_visit_to_another_page(at, files, page):
    go(at, page).file_uploader(key=UPLOADERS[page]).set_value(files[:2]).run()
    go(go(at, "models"), page).file_uploader(key=UPLOADERS[page]).set_value(files[2:3]).run()
    assert photos(at) == keys(files[:3])


def test_a_photo_without_its_file_is_removed_by_a_button(at, files):
    go(at, "edit").file_uploader(key="upload").set_value(files[:1]).run()
    assert not [b for b in at.button if b.key == "remove_photo"]  # it goes with its file
    go(go(at, "models"), "edit").button(key="remove_photo").click().run()
    assert not at.exception
    assert photos(at) == []
    assert not [b for b in at.button if b.key == "remove_photo"]


def test_a_face_inside_a_png_goes_with_its_file_or_by_a_button(at, many_blobs):
    wanted = EditRecipe(Source("photo", "a" * 32), (("Male", 1.0),))
    file = ("edited-face.png", recipe_png.to_png(many_blobs[0], wanted, many_blobs[1]), "image/png")
    desk = at.session_state["desk"]
    at.file_uploader(key="upload").set_value([file]).run()
    assert list(desk.crops) == ["a" * 32]
    assert not [b for b in at.button if b.key == "remove_photo"]  # it goes with its file
    at.file_uploader(key="upload").set_value(None).run()
    assert not desk.crops
    assert desk.recipe.source == Source("gallery", "face_00.png")
    at.file_uploader(key="upload").set_value([file]).run()
    go(go(at, "models"), "edit").button(key="remove_photo").click().run()
    assert not at.exception
    assert not desk.crops
    assert desk.recipe.source == Source("gallery", "face_00.png")


def test_a_face_inside_a_png_can_be_chosen_again_on_every_page(at, many_blobs, engine):
    key = "a" * 32
    wanted = EditRecipe(Source("photo", key, 2), (("Male", 1.0),))
    file = ("edited-face.png", recipe_png.to_png(many_blobs[0], wanted, many_blobs[1]), "image/png")
    at.file_uploader(key="upload").set_value([file]).run()
    desk, tile = at.session_state["desk"], {"id": f"photo:{key}", "alt": "Picture 1 from a PNG"}
    shown = told(at, "gallery")
    assert {k: shown["tiles"][0][k] for k in tile} == tile
    assert shown["selected"] == tile["id"]
    desk.start_from(Source("gallery", "face_02.png"))
    at.run()
    assert told(at, "gallery")["tiles"][0]["id"] == tile["id"]
    go(at, "reconstruct").multiselect(key=of_model(at, "pictures")).set_value([tile["id"]]).run()
    assert not at.exception
    go(at, "mix")
    assert [told(at, f"tiles_{name}")["selected"] for name in "AB"] == ["edit", tile["id"]]
    desk.remove_photo(key, engine)
    assert tile["id"] not in [t["id"] for t in told(go(at, "edit"), "gallery")["tiles"]]


def test_a_picture_on_loan_is_no_face_inside_a_png(desk, blobs):
    desk.crops.lend(Source("seed", "5"), blobs[0])
    for number, key in enumerate(("b" * 32, "c" * 32), 1):
        desk.crops.keep(Source("photo", key), blobs[number])
    assert [desk.crops.name_of(key) for key in desk.crops.brought] == ["Picture 2 from a PNG", "Picture 1 from a PNG"]


def test_photos_added_at_once_on_mix_are_its_ends(at, files):
    go(at, "mix").file_uploader(key="mix_upload").set_value(files[:2]).run()
    ends = [f"photo:{key}" for key in keys(files[:2])]
    assert [told(at, f"tiles_{name}")["selected"] for name in "AB"] == ends
    go(go(at, "models"), "mix").file_uploader(key="mix_upload").set_value(files[2:3]).run()
    assert [told(at, f"tiles_{name}")["selected"] for name in "AB"] == ends  # one alone is only one more to choose
    go(go(at, "models"), "mix").segmented_control(key="stops").set_value(3).run()
    at.file_uploader(key="mix_upload").set_value(files[3:7]).run()
    assert [told(at, f"tiles_{name}")["selected"] for name in "ABC"] == [f"photo:{key}" for key in keys(files[3:6])]


def test_photos_are_the_first_that_an_edit_is_mixed_with_and_never_its_own_picture(at, files):
    def held(mode: str) -> list[str]:
        at.segmented_control(key="mix_mode").set_value(mode).run()
        assert not at.exception
        places = {"film": "AB", "levels": "AB", "arithmetic": "ABC", "corners": "ABCD"}[mode]
        return [told(at, f"tiles_{name}")["selected"] for name in places]

    go(at, "mix").file_uploader(key="mix_upload").set_value(files[:1]).run()
    photo = f"photo:{keys(files)[0]}"
    assert held("film") == held("levels") == ["edit", photo]
    assert held("arithmetic") == ["edit", "face_00.png", photo]  # an edit of face_00
    assert held("corners") == ["edit", photo, "face_01.png", "face_02.png"]
    at.session_state["desk"].start_from(Source("photo", keys(files)[0], -1))
    at.run()
    assert held("corners") == ["edit", "face_00.png", "face_01.png", "face_02.png"]


def test_a_new_photo_is_shown_beside_those_that_are_chosen(at, files):
    go(at, "reconstruct").multiselect(key=of_model(at, "pictures")).set_value(["face_02.png"]).run()
    at.file_uploader(key="reconstruct_upload").set_value(files[:1]).run()
    new = f"photo:{keys(files)[0]}"
    assert at.multiselect(key=of_model(at, "pictures")).value == [new, "face_02.png"]
    at.file_uploader(key="reconstruct_upload").set_value(None).run()
    assert at.multiselect(key=of_model(at, "pictures")).value == ["face_02.png"]


def test_photos_are_shown_first_unless_something_else_was_chosen(at, files):
    def shown() -> list[str]:
        return list(go(at, "reconstruct").multiselect(key=of_model(at, "pictures")).value)

    faces = [f"face_0{i}.png" for i in range(3)]
    assert shown() == faces
    go(at, "edit").file_uploader(key="upload").set_value(files[:1]).run()
    photo = f"photo:{keys(files)[0]}"
    assert shown() == [photo]
    go(at, "edit").button(key="remove_photo").click().run()
    assert shown() == faces
    at.multiselect(key=of_model(at, "pictures")).set_value(["face_02.png"]).run()
    go(at, "edit").file_uploader(key="upload").set_value(files[1:2]).run()
    assert shown() == ["face_02.png"]
    at.multiselect(key=of_model(at, "pictures")).set_value([]).run()
    assert shown() == []  # who wants none is left alone


def test_the_last_picture_chosen_gives_way_to_others_when_it_is_removed(at, files, engine):
    go(at, "edit").file_uploader(key="upload").set_value(files[:3]).run()
    chooser = go(at, "reconstruct").multiselect(key=of_model(at, "pictures"))
    chooser.set_value([f"photo:{keys(files)[1]}"]).run()
    at.session_state["desk"].remove_photo(keys(files)[1], engine)
    chooser = go(go(at, "edit"), "reconstruct").multiselect(key=of_model(at, "pictures"))
    assert chooser.value == [f"photo:{keys(files)[i]}" for i in (2, 0)]


def test_photos_are_told_by_their_files_and_apart_by_numbers_that_stay(at, files):
    alike = [("*a*_(1).PNG", data, kind) for _, data, kind in files[:2]]
    go(at, "reconstruct").file_uploader(key="reconstruct_upload").set_value(alike).run()
    chooser = at.multiselect(key=of_model(at, "pictures"))
    assert chooser.options[:3] == ["Your present edit", "*a*_(1).PNG (2)", "*a*_(1).PNG (1)"]
    plain = r"\*a\*\_\(1\)\.PNG"
    assert [m.value for m in at.markdown if m.value.startswith(r"**\*a")] == [rf"**{plain} \({n}\)**" for n in (2, 1)]
    assert set(at.dataframe[0].value["picture"]) >= {"*a*_(1).PNG (1)", "*a*_(1).PNG (2)"}
    chooser.set_value([f"photo:{keys(files)[0]}"]).run()
    third = [("a photo with a very long name.png", *files[2][1:])]
    go(go(at, "models"), "reconstruct").file_uploader(key="reconstruct_upload").set_value(third).run()
    chooser = at.multiselect(key=of_model(at, "pictures"))
    assert chooser.value == [f"photo:{keys(files)[i]}" for i in (2, 0)]
    assert chooser.options[1:4] == ["a photo with a very lo …", "*a*_(1).PNG (2)", "*a*_(1).PNG (1)"]
    assert told(go(at, "mix"), "tiles_A")["tiles"][1]["alt"] == "a photo with a very lo …"


@pytest.mark.parametrize("page", UPLOADERS)
def test_more_photos_than_there_is_room_for(at, files, page, monkeypatch, engine):
    monkeypatch.setattr(album, "MAX_PHOTOS", 8)
    go(at, page).file_uploader(key=UPLOADERS[page]).set_value(files).run()
    assert photos(at) == keys(files[2:])
    room = "gave way to others: there is room for 8, or 192 MB of them. Gone:"
    assert f"2 photos {room} 0.png, 1.png." in said(at)
    desk = at.session_state["desk"]
    desk.add_photo(files[0][1])  # added again; the next oldest is dropped
    at.run()
    assert f"[1 photo {room} 1.png." in said(at)
    desk.remove_photo(keys(files)[5], engine)
    at.run()
    assert f"[1 photo {room} 1.png." in said(at)  # as it was, whatever has been removed since


@pytest.mark.parametrize("page", UPLOADERS)
def test_a_rejection_is_told_until_a_later_file_is_taken(at, files, page):
    first, second, third = ((f"{name}.png", b"no picture", "image/png") for name in ("first", "second", "third"))

    def add(*more: tuple[str, bytes, str]) -> list[bool]:
        """Add files to those in the list; return which of the three rejections are told."""
        uploader = at.file_uploader(key=UPLOADERS[page])
        uploader._files = uploader._get_files_to_register()  # with their ids: set_value would replace them
        for file in more:
            uploader.upload(*file)
        uploader.run()
        assert not at.exception
        return [f"{name}: this is not a picture" in said(at) for name, *_ in (first, second, third)]

    go(at, page)
    assert add(first, files[0]) == [True, False, False]  # added at once, so none is later
    assert add(second) == [True, True, False]
    assert add(files[1], third) == [False, False, True]
    assert add(files[2]) == [False, False, False]
    assert photos(at) == keys(files[:3])


@pytest.mark.parametrize("page", ["mix", "reconstruct"])
def test_every_file_that_is_no_face_is_told(at, files, page):
    odd = ("![a](b).png", b"no picture", "image/png")
    go(at, page).file_uploader(key=UPLOADERS[page]).set_value([odd, files[0]]).run()
    assert "![a](b).png: this is not a picture; JPEG, PNG and WebP pictures are read." in said(at)
    assert "0.png: no face was found, so its centre is used." in said(at)
    assert not any("![a](b)" in c.value for c in at.markdown)  # no Markdown of theirs
    go(go(at, "models"), page)
    assert "0.png: " not in said(at)


@pytest.mark.parametrize("page", ["mix", "reconstruct"])
def test_eyes_placed_by_hand_reach_the_other_pages(at, files, page):
    go(at, "edit").file_uploader(key="upload").set_value(files[:1]).run()
    desk, eyes = at.session_state["desk"], (0.2, 0.3, 0.6, 0.3)
    photo = desk.photo()
    desk.place_eyes(eyes, 32)
    placed = photo.aligned(32, desk.recipe.source).image
    assert not np.array_equal(placed, photo.aligned(32, photo.source).image)
    asked = []
    work = Engine.encode
    desk.start_from(Source("gallery", "face_02.png"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Engine, "encode", lambda self, picture: asked.append(picture) or work(self, picture))
        go(at, page)
        if page == "reconstruct":
            at.multiselect(key=of_model(at, "pictures")).set_value([f"photo:{photo.key}"]).run()
        else:
            at.session_state["slot_B"] = f"photo:{photo.key}"
            at.run()
    assert any(np.array_equal(picture, placed) for picture in asked)


@pytest.mark.parametrize("count", [4, 18])
def test_all_faces_of_a_photo_are_offered(at, files, count):
    face = Face((8.0, 8.0, 16.0, 16.0), 32 * TEMPLATE, 0.9)
    photo = Photo(photo_key(files[0][1]), files[0][1], (face,) * count)
    desk = at.session_state["desk"]
    desk.photos.keep(photo)
    desk.start_from(photo.source)
    at.run()
    assert not at.exception
    shown = told(at, "faces")
    assert [tile["alt"] for tile in shown["tiles"]] == [f"Face {i + 1} of {count}" for i in range(count)]
    assert (shown["label"], shown["captioned"]) == ("Who in the photo?", True)


def test_the_tiles_are_the_same_for_a_model_of_another_size_and_small(engine, desk, files, monkeypatch):
    for _, data, _ in files[:6]:
        desk.add_photo(data)
    before = shelf.photo_tiles(Bench(engine, desk))
    monkeypatch.setattr(stored, "_decoded", ByteLRU(0))
    monkeypatch.setattr(stored.sandbox, "load", lambda _: pytest.fail("a photo was decoded"))
    other = SimpleNamespace(image_size=(48, 48), config=engine.config)
    assert shelf.photo_tiles(Bench(other, desk)) == before
    assert max(len(tile.uri) for tile in before) < 2500


def test_the_tile_of_a_picture_without_its_photo_gives_the_source_that_it_has(engine, desk, blobs):
    bench = Bench(engine, desk)
    mixed = desk.crops.mix(blobs[0], ())
    wanted = EditRecipe(Source("photo", "a" * 32, 2))
    desk.receive(recipe_png.to_png(blobs[1], wanted, blobs[1]), engine)
    desk.start_from(Source("seed", "7"))
    assert shelf.source_of(bench, f"photo:{mixed.value}") == mixed
    assert shelf.source_of(bench, f"photo:{wanted.source.value}") == wanted.source
