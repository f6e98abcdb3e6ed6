"""The grid of two attributes: every picture is that of its edit, and the dialog that shows it."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from explorer.edits import recipe_png
from explorer.edits.recipe import EditRecipe, Source
from explorer.engines.engine import Engine
from explorer.engines.turns import Busy
from explorer.pixels.lost_pictures import LOST, no_picture
from explorer.ui import grid_dialog
from explorer.views.two_attributes import TwoAttributes, first_choice, offered
from glowcore.attribute_grid import sheet
from tests.explorer import tiny_model
from tests.explorer.visiting import visit

GALLERY = Source("gallery", "face_01.png")


def grid_of(engine, source=GALLERY, moves=(("Male", 1.0), ("Smiling", 0.5)), locks=(), reach=2) -> TwoAttributes:
    edit = EditRecipe(source, moves, locks, model=engine.model_hash)
    return TwoAttributes.of(edit, "Smiling", "Eyeglasses", reach)


def test_every_picture_is_the_edit_it_stands_for(engine, gallery):
    picture = gallery.load(GALLERY.value)
    grid = grid_of(engine, locks=("Young",))
    recipes, pictures = grid.recipes, grid.pictures(engine, picture)
    assert len(recipes) == len(pictures) == len(grid.alts) == 25
    assert recipes[0].moves == (("Eyeglasses", -2.0), ("Male", 1.0), ("Smiling", -2.0))
    assert recipes[1].moves == (("Eyeglasses", -2.0), ("Male", 1.0), ("Smiling", -1.0))
    assert recipes[12].moves == (("Male", 1.0),)
    assert recipes[19].moves == (("Eyeglasses", 1.0), ("Male", 1.0), ("Smiling", 2.0))
    assert {r.locks for r in recipes} == {("Young",)}
    assert grid.alts[0] == "Smile −2, Glasses −2"
    assert grid.alts[12] == "Smile 0, Glasses 0"
    assert grid.alts[19] == "Smile +2, Glasses +1"
    for recipe, shown in zip(recipes, pictures, strict=True):
        assert np.abs(engine.render(recipe, picture).picture.astype(int) - shown).max() <= 1
    assert len({p.tobytes() for p in pictures}) == 25


def test_a_sampled_face_needs_no_picture(engine):
    grid = grid_of(engine, Source("seed", "3"), moves=(), reach=3)
    assert grid.across.strengths == (-3, -1.5, 0, 1.5, 3)
    pictures = grid.pictures(engine, None)
    np.testing.assert_array_equal(pictures[12], engine.render(grid.recipes[12]).picture)


def test_the_sheet_shows_the_pictures_and_holds_the_edit_in_their_middle_with_the_axes(engine):
    grid = grid_of(engine)
    pictures = grid.pictures(engine, engine.gallery.load(GALLERY.value))
    data = grid.to_png(pictures)
    assert recipe_png.read_png(data) == (grid.recipes[12], None)
    shown = Image.open(io.BytesIO(data))
    axes = json.loads(shown.info["glow-grid"])
    assert axes["across"] == {"name": "Smiling", "strengths": [-2, -1, 0, 1, 2]}
    assert axes["down"] == {"name": "Eyeglasses", "strengths": [-2, -1, 0, 1, 2]}
    assert set(shown.info) == {"glow-grid", "glow-recipe"}
    np.testing.assert_array_equal(shown, sheet(pictures, grid.across, grid.down, ("Smile", "Glasses")))


def test_what_is_locked_is_no_axis_and_what_is_moved_comes_first(engine):
    edit = EditRecipe(GALLERY, (("Beard", 1.0), ("Male", -1.0)))
    names = offered(edit, engine)
    assert names[:2] == ["Smiling", "Eyeglasses"]
    assert set(names) == set(engine.attribute_names)
    assert first_choice(edit, names) == ("Male", "Beard")
    assert first_choice(edit.reset(), names) == ("Smiling", "Eyeglasses")
    left = offered(edit.locked("Male", True), engine)
    assert set(names) - set(left) == {"Male"}
    assert first_choice(edit.locked("Male", True), left) == ("Beard", "Smiling")


def opened(token: str | None = None) -> AppTest:
    """The Edit page with the grid open."""
    return visit("edit.py", token).button(key="grid").click().run()


def shown(at: AppTest) -> dict:
    """Return the data of the grid's component."""
    protos = [c.proto for c in at.get("bidi_component")]
    (grid,) = [p for p in protos if "explorer_crossing" in p.component_name]
    return json.loads(grid.json)


@pytest.mark.usefixtures("fresh_caches")
@pytest.mark.parametrize("source", [GALLERY, Source("seed", "4"), Source("map", "0.50,-0.25")])
def test_the_dialog_shows_the_present_edit_over_two_attributes(home, engine, source):
    edit = EditRecipe(source, (("Bangs", 1.0), ("Young", -1.0)), ("Smiling",), (0.5,), engine.model_hash)
    at = opened(edit.token())
    assert not at.exception
    boxes = at.selectbox(key="grid_across"), at.selectbox(key="grid_down")
    assert [b.value for b in boxes] == ["Young", "Bangs"]
    assert all("Smile" not in b.options for b in boxes)
    data = shown(at)
    assert [data[side] for side in ("across", "down")] == [
        [name, ["−2", "−1", "0", "+1", "+2"]] for name in ("Young", "Fringe")
    ]
    assert data["pictures"][data["selected"]]["alt"] == "Young −1, Fringe +1"
    assert len({p["uri"] for p in data["pictures"]}) == 25
    assert at.session_state["desk"].recipe == edit  # looking at a grid changes nothing


@pytest.mark.usefixtures("fresh_caches")
def test_of_an_uploaded_photo(home, blobs):
    at = visit("edit.py")
    buffer = io.BytesIO()
    Image.fromarray(blobs[2]).save(buffer, "PNG")
    at.file_uploader(key="upload").upload("me.png", buffer.getvalue(), "image/png").run()
    at.button(key="grid").click().run()
    assert not at.exception
    assert len(shown(at)["pictures"]) == 25


@pytest.mark.usefixtures("fresh_caches")
def test_an_edit_between_the_strengths_marks_no_picture(home, engine):
    at = opened(EditRecipe(GALLERY, (("Smiling", 0.35),), model=engine.model_hash).token())
    assert shown(at)["selected"] is None


@pytest.mark.usefixtures("fresh_caches")
def test_a_chosen_picture_leaves_what_an_opened_edit_waits_for(home, engine, monkeypatch):
    """It moves two sliders: the photo of the link and its moves of attributes from elsewhere are still awaited."""
    chosen = []
    monkeypatch.setattr(grid_dialog, "crossing", lambda *args, on_choose, **rest: chosen.append(on_choose))
    photo = Source("photo", "a" * 32)
    at = opened(EditRecipe(photo, (("Freckles", 1.0), ("Young", 1.0)), model=engine.model_hash).token())
    assert not at.exception
    desk = at.session_state["desk"]
    assert (desk.arrival.awaited, desk.arrival.absent) == (photo, (("Freckles", 1.0),))
    chosen[-1](24)
    assert dict(desk.recipe.moves) == {"Smiling": 2.0, "Young": 2.0}
    assert (desk.arrival.awaited, desk.arrival.absent) == (photo, (("Freckles", 1.0),))


@pytest.mark.usefixtures("fresh_caches")
def test_the_attributes_of_last_time_are_those_of_next_time_until_one_is_locked(home, engine):
    at = opened()
    assert at.session_state["grid_shown"] == ("Smiling", "Eyeglasses")
    at.session_state["grid_shown"] = ("Beard", "Young")
    at.run()
    at.button(key="grid").click().run()
    assert [at.selectbox(key=f"grid_{side}").value for side in ("across", "down")] == ["Beard", "Young"]
    desk = at.session_state["desk"]
    desk.history = desk.history.push(desk.recipe.locked("Young", True))
    at.button(key="grid").click().run()
    assert not at.exception
    assert [at.selectbox(key=f"grid_{side}").value for side in ("across", "down")] == ["Smiling", "Eyeglasses"]


@pytest.mark.usefixtures("fresh_caches")
def test_pictures_that_are_none_are_said_to_be_none(home, monkeypatch):
    monkeypatch.setattr(Engine, "strip", lambda self, *a, **k: [no_picture(32, 32)] * 5)
    at = opened()
    assert not at.exception
    assert any(f"25 of 25 pictures {LOST}" in str(c.value) for c in at.markdown)


@pytest.mark.usefixtures("fresh_caches")
def test_a_busy_server_is_a_sentence_in_the_dialog(home, monkeypatch):
    def busy(*_, **__):
        raise Busy("the model was busy")

    monkeypatch.setattr(Engine, "strip", busy)
    at = opened()
    assert not at.exception
    assert [w.value for w in at.warning] == ["the model was busy."]
    assert at.selectbox(key="grid_across")


@pytest.mark.usefixtures("fresh_caches")
@pytest.mark.parametrize(("names", "there"), [((), False), (("Smiling",), False), (("Smiling", "Male"), True)])
def test_a_model_of_fewer_than_two_attributes_has_no_grid(tmp_path, monkeypatch, names, there):
    folder = tiny_model.write(tmp_path / "pretrained" / "tiny")
    if names:
        monkeypatch.setattr(Engine, "attribute_names", property(lambda self: names))
    else:
        (folder / "attributes.safetensors").unlink()
        manifest = json.loads((folder / "manifest.json").read_text())
        manifest["files"].pop("attributes.safetensors")
        (folder / "manifest.json").write_text(json.dumps(manifest))
    monkeypatch.setenv("EXPLORER_HOME", str(tmp_path))
    at = visit("edit.py")
    assert not at.exception
    assert any(b.key == "grid" for b in at.button) == there
