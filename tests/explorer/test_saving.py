"""The files that the pages offer for saving."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from explorer.atlas import maps
from explorer.atlas.blending import film_along
from explorer.edits import recipe_png
from explorer.edits.history import History
from explorer.edits.recipe import EditRecipe, Source
from explorer.edits.recipe_png import read_png
from explorer.engines.turns import Busy
from explorer.portraits.face_detector import Face
from explorer.session.album import Crops
from explorer.session.desk import Desk
from explorer.ui import downloads, save_bar, state
from explorer.ui.components.plane import Walk
from explorer.ui.file_names import file_name
from explorer.ui.frame import plain
from tests.explorer import tiny_model
from tests.explorer.picture_files import jpeg_of, png_of
from tests.explorer.visiting import visit

pytestmark = pytest.mark.usefixtures("fresh_caches", "home")

EMBEDDED = Source("photo", "a" * 32, -1)  # of a picture that came inside a PNG


def brought(crops: Crops, picture: np.ndarray) -> Source:
    """Add a picture as from a PNG that was saved after it had been mixed elsewhere."""
    source = Crops().mix(picture, ())
    crops.keep(source, picture)
    return source


def buttons(at: AppTest) -> list[str]:
    """Return the labels of the download buttons."""
    assert not at.exception
    return [found.proto.label for found in at.get("download_button")]


def saved(at: AppTest, key: str):
    """Return the message that the browser gets for the button ``key``."""
    return next(found.proto for found in at.get("download_button") if found.proto.id.endswith(f"-{key}"))


def test_the_edited_face_can_be_saved_while_the_page_runs_anew(engine, blobs):
    at = visit("edit.py")
    first = saved(at, "save_face")
    assert not first.deferred_file_id  # each run would replace a deferred file
    assert first.url.endswith(".png")
    assert saved(at.run(), "save_face").url == first.url
    at.session_state["desk"].handle({"op": "set", "name": "Male", "value": 2, "nonce": "a", "seq": 1}, engine)
    assert saved(at.run(), "save_face").url != first.url
    at.file_uploader(key="upload").upload("me.png", png_of(blobs[5]), "image/png").run()
    assert not saved(at, "save_face").deferred_file_id
    assert saved(at, "save_photo").deferred_file_id  # large and rarely requested


def test_of_a_photo_the_whole_is_offered_first_and_the_face_by_its_name(blobs):
    at = visit("edit.py")
    assert buttons(at) == ["Save picture", "Exact 32 px PNG", "Save before and after"]
    at.file_uploader(key="upload").upload("me.png", png_of(blobs[5]), "image/png").run()
    assert buttons(at) == ["Save whole photo", "Save face", "Exact 32 px PNG", "Save before and after"]
    assert saved(at, "save_face_large").help.startswith("The face alone")
    assert "upload the file and your photo here to go on" in saved(at, "save_face_large").help
    at.checkbox(key="embed").check().run()
    assert "upload the file here to go on" in saved(at, "save_face_large").help


def test_a_photo_that_was_reduced_says_its_sizes():
    at = visit("edit.py")
    large = Image.new("RGB", (4100, 4000), (90, 120, 150))
    orientation = Image.Exif()
    orientation[0x0112] = 6  # the camera was held upright
    file = io.BytesIO()
    large.save(file, "JPEG", exif=orientation)
    sizes = "4000 × 4100 pixels, used at 2000 × 2050"
    at.file_uploader(key="upload").upload("me.jpg", file.getvalue(), "image/jpeg").run()
    assert not at.exception
    assert saved(at, "save_photo").help == f"Your photo ({sizes}), changed only where the edit changed the face."
    assert plain(f"me.jpg: {sizes}.") in [c.value for c in at.caption]  # not in the colour of a warning
    at.file_uploader(key="upload").upload("small.png", png_of(np.asarray(large)[:200, :200]), "image/png").run()
    assert "at its own size" in saved(at, "save_photo").help


def test_the_temperature_of_a_seed_is_above_the_buttons():
    at = visit("edit.py")
    at.session_state["desk"].start_from(Source("seed", "17"))
    at.run()
    kinds = [element.type for element in at.main if element.type in ("slider", "download_button")]
    assert at.slider[0].label == "Temperature of seed 17"
    assert kinds == ["slider", "download_button", "download_button", "download_button"]
    desk = at.session_state["desk"]
    at.slider[0].set_value(0.85).run()
    assert desk.recipe.temperature == (0.85,)
    for change, temperature in (
        (lambda: desk.start_from(Source("seed", "18")), 0.85),
        (lambda: desk.start_from(Source("seed", "19"), (0.4,)), 0.4),
        (lambda: desk.start_from(Source("seed", "17"), (0.33,)), 0.33),  # between two steps of the slider
        (lambda: [at.switch_page(f"explorer/ui/pages/{page}.py").run() for page in ("mix", "edit")], 0.33),
    ):
        change()
        at.run()
        assert (at.slider[0].value, desk.recipe.temperature) == (temperature, (temperature,))


def test_without_a_picture_there_is_nothing_to_save(monkeypatch):
    at = visit("edit.py")
    work = recipe_png.to_png

    def busy(*given):
        raise Busy("many people are here")

    monkeypatch.setattr(recipe_png, "to_png", busy)
    assert buttons(at.run()) == []
    monkeypatch.setattr(recipe_png, "to_png", work)
    assert buttons(at.run()) == ["Save picture", "Exact 32 px PNG", "Save before and after"]


def test_small_pictures_are_offered_large_beside_the_exact_ones():
    at = visit("sample.py")
    assert buttons(at) == ["Save pictures", "Every picture at 32 px"]
    assert saved(at, "save_samples").help == "All pictures in one PNG, with the model's own pixels."
    at = visit("mix.py")
    at.segmented_control(key="mix_mode").set_value("levels").run()
    assert buttons(at) == ["Save picture", "Exact 32 px PNG"]
    assert saved(at, "save_mix").help == "The model's own pixels."
    assert "Enlarged to 512" in saved(at, "save_mix_large").help


def test_a_film_is_saved_as_film_picture_or_frames():
    frame = ["Save picture", "Exact 32 px PNG"]
    assert buttons(visit("mix.py")) == ["Save MP4", "Save GIF", "Save PNGs", *frame]


def test_the_film_of_a_path_on_the_map_is_saved_like_any_and_so_is_its_frame(engine):
    at = visit("map.py")
    assert buttons(at) == ["Save picture", "Exact 32 px PNG"]
    axes = ("Smiling", "Male")
    at.session_state[" ".join(["map_walk", *maps.key_of(engine), *axes])] = Walk(path=((0.0, 0.0), (1.0, 1.0)))
    assert buttons(at.run()) == ["Save MP4", "Save GIF", "Save PNGs", "Save picture", "Exact 32 px PNG"]
    at.button(key="open_place").click().run()
    desk = at.session_state["desk"]
    assert desk.recipe.source.kind == "photo"
    np.testing.assert_array_equal(
        desk.picture(desk.recipe, engine), film_along(engine, maps.map_of(engine), [(0.0, 0.0), (1.0, 1.0)], axes)[0]
    )


def test_all_edited_faces_of_a_photo_are_put_back_together(engine, monkeypatch):
    group = tiny_model.pictures(1, size=128, seed=3)[0]
    eyes = ((20, 40), (40, 40), (30, 52), (22, 62), (38, 62))
    found = [Face((0, 0, 60, 90), np.add(eyes, (dx, 0)).astype(float), 0.9) for dx in (0, 66)]
    monkeypatch.setattr("explorer.portraits.photos.find", lambda picture: found)
    offered = {}
    names = {}
    work = save_bar.download
    monkeypatch.setattr(
        save_bar,
        "download",
        lambda *a, key, **k: offered.update({key: a[2]}) or names.update({key: a[1]}) or work(*a, key=key, **k),
    )
    at = visit("edit.py")
    at.file_uploader(key="upload").upload("us.png", png_of(group), "image/png").run()
    desk = at.session_state["desk"]
    assert not at.checkbox(key="embed").value
    unasked = (offered["save_face"], offered["save_face_large"](), offered["save_both"]())
    assert [read_png(data)[1] for data in unasked] == [None] * 3
    first = desk.recipe.source
    desk.start_from(replace(first, face=1))
    at.run()
    assert "others" not in [box.key for box in at.checkbox]  # the default smile is no edit of the face
    desk.start_from(first)
    desk.handle({"op": "set", "name": "Male", "value": 3, "nonce": "a", "seq": 1}, engine)
    left = desk.recipe
    desk.start_from(replace(left.source, face=1))
    at.run()
    box = at.checkbox(key="others")
    assert box.label == "With 1 other face edited before"
    assert box.value
    desk.handle({"op": "set", "name": "Male", "value": 3, "nonce": "a", "seq": 2}, engine)
    at.run()
    assert not at.exception
    page_engine = state.engine_of(engine.name)  # another engine may compute with its other backend, and round otherwise
    whole = desk.photo().with_edits(
        {r.source: page_engine.render(r, desk.picture(r, engine)).picture for r in (left, desk.recipe)}
    )
    changed = (whole != group).any(axis=(0, 2))  # by column
    assert changed[:60].mean() > 0.3
    assert changed[68:].mean() > 0.3
    assert names == {
        "save_photo": "us-masculine+3-whole-photo.png",
        "save_face": "us-masculine+3-32px.png",
        "save_face_large": "us-masculine+3.png",
        "save_both": "us-masculine+3-before-and-after.png",
    }
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(offered["save_photo"]()))), whole)
    at.checkbox(key="others").uncheck().run()
    alone = np.asarray(Image.open(io.BytesIO(offered["save_photo"]())))
    assert not (alone != group).any(axis=(0, 2))[:60].any()


MADE = {  # by what is done with the pictures: a function that does it, and whether leave is asked for
    "mixed": (lambda crops, photo, p: crops.mix(p, ()), False),
    "mixed twice": (lambda crops, photo, p: crops.mix(p, {crops.mix(255 - p, ()).value}), False),
    "mixed of itself": (lambda crops, photo, p: crops.mix(p, {crops.mix(p, ()).value}), False),
    "lent": (lambda crops, photo, p: crops.lend(Source("gallery", "face_00.png"), p), False),
    "mixed and lent": (lambda crops, photo, p: crops.lend(crops.mix(255 - p, ()), p), False),
    "of a photo": (lambda crops, photo, p: crops.mix(p, {photo}), True),
    "of a photo, twice": (lambda crops, photo, p: crops.mix(p, {crops.mix(255 - p, {photo}).value}), True),
    "of a photo, again of none": (lambda crops, photo, p: crops.mix(p, {photo}) and crops.mix(p, ()), True),
    "of none, again of a photo": (lambda crops, photo, p: crops.mix(p, ()) and crops.mix(p, {photo}), True),
    "gone, again of none": (lambda crops, photo, p: crops.drop(crops.mix(p, {photo}).value) or crops.mix(p, ()), False),
    "photo lent": (lambda crops, photo, p: crops.lend(Source("photo", photo), p), True),
    "photo lent, mixed": (lambda crops, photo, p: crops.lend(Source("photo", photo), p) and crops.mix(p, ()), True),
    "of a photo, lent": (lambda crops, photo, p: crops.lend(crops.mix(255 - p, {photo}), p), True),
    "of a PNG": (lambda crops, photo, p: crops.keep(EMBEDDED, p) or EMBEDDED, True),
    "mixed, of a PNG": (lambda crops, photo, p: crops.mix(p, ()) and brought(crops, p), True),
    "of a PNG, mixed": (lambda crops, photo, p: brought(crops, p) and crops.mix(p, ()), True),
    "of a PNG, of itself": (lambda crops, photo, p: crops.mix(p, {brought(crops, p).value}), True),
    "of a PNG, twice": (lambda crops, photo, p: crops.mix(p, {crops.mix(p, {brought(crops, p).value}).value}), True),
    "of a PNG, another": (lambda crops, photo, p: crops.mix(p, {brought(crops, 255 - p).value}), True),
}


@pytest.mark.parametrize(("made", "asks"), MADE.values(), ids=MADE)
def test_a_file_brings_back_a_picture_without_a_photo_and_any_other_once_it_may(engine, blobs, monkeypatch, made, asks):
    offered, tips = {}, {}
    work = save_bar.download
    monkeypatch.setattr(
        save_bar,
        "download",
        lambda *a, key, what, **k: offered.update({key: a[2]}) or tips.update({key: what}) or work(*a, key=key, **k),
    )
    at = visit("edit.py")
    desk = at.session_state["desk"]
    desk.receive(png_of(blobs[5]), engine)
    desk.start_from(made(desk.crops, desk.photo().key, blobs[0]))
    at.run()
    assert not at.exception
    promise = "upload the file here to go on"
    assert [box.label for box in at.checkbox] == ["Keep the unedited picture in the file"] * asks
    if asks:
        files = (offered["save_face"], offered["save_face_large"](), offered["save_both"]())
        assert [read_png(data)[1] for data in files] == [None] * 3
        assert not any(promise in tip for tip in tips.values())
        at.checkbox[0].check().run()
    assert promise in tips["save_face_large"]
    for data in (offered["save_face"], offered["save_face_large"](), offered["save_both"]()):
        elsewhere = Desk.arrive(engine)
        elsewhere.receive(data, engine)
        assert (elsewhere.recipe, elsewhere.arrival.complete) == (desk.recipe, True)
        np.testing.assert_array_equal(elsewhere.picture(elsewhere.recipe, engine), blobs[0])


def test_leave_to_keep_one_picture_in_the_file_is_none_for_a_face_of_a_photo(engine, blobs):
    at = visit("edit.py")
    recipe = EditRecipe(EMBEDDED, (("Male", 1.0),), model=engine.model_hash)
    upload = at.file_uploader(key="upload")
    upload.upload("edited.png", recipe_png.to_png(blobs[1], recipe, blobs[1]), "image/png").run()
    at.checkbox[0].check().run()
    assert (at.checkbox[0].label, at.checkbox[0].value) == ("Keep the unedited picture in the file", True)
    assert "upload the file here to go on" in saved(at, "save_face_large").help
    at.file_uploader(key="upload").upload("me.png", png_of(blobs[5]), "image/png").run()
    assert (at.checkbox[0].label, at.checkbox[0].value) == ("Keep my unedited face in the file", False)
    assert "upload the file and your photo here to go on" in saved(at, "save_face_large").help


def test_a_file_says_what_it_shows(monkeypatch, blobs):
    names = {}
    work = downloads.download
    monkeypatch.setattr(downloads, "download", lambda *a, key, **k: names.update({key: a[1]}) or work(*a, key=key, **k))
    monkeypatch.setattr("explorer.ui.components.film._FILM", lambda **_: {"place": 0.4})
    at = visit("mix.py")
    assert names["save_mix_large"] == "mix-edit-face-01-40.png"
    assert names["save_mix"] == "mix-edit-face-01-40-32px.png"
    photo = ("Zoë & Älva <1>.jpg", jpeg_of(blobs[0]), "image/jpeg")
    at.file_uploader(key="mix_upload").set_value([photo]).run()
    at.session_state["slot_A"] = f"photo:{next(iter(at.session_state['desk'].photos))}"
    at.segmented_control(key="mix_mode").set_value("levels").run()
    assert not at.exception
    assert names["save_mix_large"] == "mix-zoe-alva-1-edit-levels-BAA.png"
    assert downloads.stem("Us.JPEG, face 2 of 3", "\N{HIRAGANA LETTER A}", "0.7") == "us-face-2-of-3-0.7"
    visit("sample.py")
    assert names["save_samples_large"] == "sample-seed-0-0.7.png"


@pytest.mark.parametrize(
    ("source", "moves", "what", "name"),
    [
        (Source("seed", "18"), {"Smiling": -0.5}, "", "seed-18-smile-0.5"),
        (Source("gallery", "face_00.png"), {}, "32px", "face-00-unchanged-32px"),
        (Source("map", "1,1", axes=("Smiling", "")), {}, "", "map-1.00-1.00-smile-component-unchanged"),
        (Source("map", "0.00,1.50"), {"Beard": 1.25, "Smiling": 1}, "", "map-0.00-1.50-smile+1-beard+1.25"),
        (
            Source("seed", "1"),
            {"Beard": 1, "Male": 1, "Smiling": 2, "Young": 3},
            "",
            "seed-1-smile+2-young+3-masculine+1-and-1-more",
        ),
    ],
)
def test_the_name_of_a_file_tells_the_picture_and_what_was_done(source, moves, what, name):
    assert file_name(Desk(history=History(EditRecipe(source, tuple(moves.items())))), what) == name
