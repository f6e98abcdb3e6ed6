"""Every page and its controls, with a model, without one and with a broken one, in Streamlit's AppTest."""

from __future__ import annotations

import os
import shutil

import numpy as np
import pytest
import streamlit as st

from explorer.atlas import maps
from explorer.atlas.latent_map import LatentMap
from explorer.edits.recipe import SEED_LIMIT, EditRecipe, Source
from explorer.engines import models
from explorer.engines.engine import Engine
from explorer.ui import state
from explorer.ui.components.plane import Walk
from explorer.ui.pages.map import AXES, AXIS_LABELS
from tests.explorer import tiny_model
from tests.explorer.picture_files import png_of
from tests.explorer.visiting import PAGES, visit, words
from tests.explorer.widgets import of_model, told

pytestmark = pytest.mark.usefixtures("fresh_caches")


@pytest.mark.parametrize("page", PAGES)
def test_with_a_model(home, page, monkeypatch):
    titles = []
    monkeypatch.setattr(st, "set_page_config", lambda **options: titles.append(options["page_title"]))
    at = visit(page)
    assert not at.exception
    assert not at.error
    assert titles[-1] == f"{page.removesuffix('.py').capitalize()} · glowcore explorer"
    # The editor's heading is inside its component, which AppTest does not render; the browser tests cover it.
    assert len([h for h in at.get("html") if "<h1" in h.proto.body]) == (page != "edit.py")


@pytest.mark.parametrize("page", PAGES)
def test_without_a_model(empty_home, page):
    at = visit(page)
    assert not at.exception
    assert "pretrained" in words(at)
    assert "python -m glowcore train" in " ".join(c.value for c in at.code)


@pytest.mark.parametrize("page", PAGES)
def test_with_a_broken_model_beside_a_whole_one(broken_home, page):
    at = visit(page)
    assert not at.exception


@pytest.mark.parametrize("page", PAGES)
def test_with_a_broken_model_only(only_broken_home, page):
    at = visit(page)
    assert not at.exception
    assert "model.safetensors" in words(at)


def test_a_model_that_cannot_be_opened_sends_to_the_others(broken_home):
    weights = broken_home / "pretrained" / "tiny" / "model.safetensors"
    weights.write_bytes(b"x" * weights.stat().st_size)
    at = visit("edit.py")
    assert not at.exception
    assert any(e.value.endswith("; choose another model on the Models page.") for e in at.error)


def test_random_face(home):
    at = visit("edit.py")
    at.button(key="random_face").click().run()
    assert not at.exception
    assert at.session_state["desk"].recipe.source.kind == "seed"


def test_sample_page_controls(home):
    at = visit("sample.py")
    at.slider(key=of_model(at, "temperature")).set_value(0.3).run()
    at.toggle(key=of_model(at, "by_level")).set_value(True).run()
    at.slider(key=of_model(at, "temperature_0")).set_value(0.0).run()
    at.button(key="new_seed").click().run()
    assert not at.exception


REFUSED = ("-5", "999999999999", "99999999999999999999", "1e5", "0x10", "1.5", "", "\N{SUPERSCRIPT TWO}", "[a](b)")


def test_a_seed_that_is_refused_does_not_stay_in_the_field(home):
    at = visit("sample.py")
    for typed in REFUSED:
        at.text_input(key=of_model(at, "seed")).set_value(" 040 ").run()
        assert at.text_input(key=of_model(at, "seed")).value == "40"
        at.text_input(key=of_model(at, "seed")).set_value(typed).run()
        assert not at.exception
        assert at.text_input(key=of_model(at, "seed")).value == "40"
        problem = f"“{typed}” was not taken" if typed else "No number was typed"
        refusal = f"{problem}; expected a whole number from 0 to {SEED_LIMIT - 1000}."
        assert refusal in words(at).replace("\\", "")
        at.button(key="new_seed").click().run()
        assert problem not in words(at)


def test_the_switch_for_a_temperature_of_each_level_stays_in_place(home):
    at = visit("sample.py")
    for on in (False, True):
        at.toggle(key=of_model(at, "by_level")).set_value(on).run()
        kinds = [e.type for e in at.main if e.type in ("toggle", "slider")]
        assert kinds == ["slider", "toggle", *["slider"] * (3 if on else 0)]
        assert at.slider(key=of_model(at, "temperature")).disabled == on


def test_the_map_names_the_place_that_it_shows(home, engine):
    at = visit("map.py")
    at.session_state[" ".join(["map_walk", *maps.key_of(engine), *AXES])] = Walk(spot=(7.5, -1.0))
    at.run()
    assert [i.caption for found in at.get("image") for i in found.proto.imgs] == ["A blend at +6.00, −1.00"]


def places_on_map(*recipes):
    return [told(visit("map.py", recipe.token()), "plane Smiling Male")["here"] for recipe in recipes]


def test_the_map_marks_the_place_of_the_present_edit(home, engine):
    recipe = EditRecipe(Source("gallery", "face_02.png"), model=engine.model_hash)
    places = places_on_map(recipe, recipe.moved({"Smiling": 5.0}))
    assert places[0] == pytest.approx(maps.map_of(engine).arranged(AXES).places[2], abs=0.01)
    assert places[1] != pytest.approx(places[0], abs=0.01)


def test_choices_of_before_that_the_map_no_longer_offers_do_not_run_the_page_for_ever(home, monkeypatch):
    at = visit("map.py")
    at.selectbox(key=of_model(at, "axis_Across")).set_value("Male").run()
    monkeypatch.setattr(LatentMap, "axes_of", lambda *_: [])
    at.run(timeout=10)
    assert not at.exception
    assert not [box for box in at.selectbox if box.label in AXIS_LABELS]
    assert told(at, "plane - -")


def test_a_blend_opened_from_the_map_is_marked_where_it_was_opened(home, engine):
    recipe = EditRecipe(Source("map", "2.5,-2", axes=AXES), model=engine.model_hash)
    places = places_on_map(recipe, recipe.moved({"Smiling": 5.0}))
    assert places[0] == pytest.approx((2.5, -2.0))
    assert places[1] != pytest.approx(places[0], abs=0.01)


def test_what_the_map_shows_opens_as_it_is_shown(home, engine):
    smiling = EditRecipe(Source("gallery", "face_00.png"), (("Smiling", 1.0),), model=engine.model_hash)
    at = visit("map.py", smiling.token())
    desk, found = at.session_state["desk"], maps.map_of(engine)
    edited = engine.render(desk.recipe, desk.picture(desk.recipe, engine)).picture
    here = found.place_of(engine.encode(edited), AXES, engine.attributes)
    nearest = np.linalg.norm(found.arranged(AXES).places - here, axis=1).argmin()
    at.button(key="open_place").click().run()
    assert not at.exception
    assert desk.recipe == EditRecipe(Source("map", str(nearest)), model=engine.model_hash)
    assert desk.history.past[-1].moves == smiling.moves


def test_mix_page_modes(home):
    at = visit("mix.py")
    for mode in ("corners", "levels", "arithmetic", "film"):
        at.segmented_control(key="mix_mode").set_value(mode).run()
        assert not at.exception
    at.segmented_control(key="path").set_value("Linear").run()
    assert not at.exception


def test_reconstruct_page_controls(home, blobs):
    at = visit("reconstruct.py")
    at.slider(key=of_model(at, "keep")).set_value(1).run()
    at.select_slider(key="gain").set_value(4).run()
    assert not at.exception
    assert "Comes back exactly" in words(at)
    at.file_uploader(key="reconstruct_upload").upload("a.png", png_of(blobs[6]), "image/png").run()
    assert not at.exception


def test_the_temperature_of_a_seed_is_a_step_of_the_edit(home, engine):
    at = visit("edit.py", EditRecipe(Source("seed", "3"), temperature=(0.5,)).token())
    at.slider[0].set_value(0.9).run()
    assert not at.exception
    desk = at.session_state["desk"]
    assert desk.recipe.temperature == (0.9,)
    assert desk.history.past[-1].temperature == (0.5,)
    for number, (op, temperature) in enumerate((("undo", 0.5), ("redo", 0.9), ("undo", 0.5))):
        desk.handle({"op": op, "nonce": "a", "seq": number}, engine)
        at.run()
        assert at.slider[0].value == temperature


def test_a_model_is_unloaded_with_a_word_and_read_again(broken_home, fresh_caches):
    shutil.copytree(broken_home / "pretrained" / "tiny", broken_home / "pretrained" / "twin")
    at = visit("models.py")
    assert [b.key for b in at.button if "Unload" in b.label] == ["unload_pretrained/tiny", "unload"]
    at.button(key="unload_pretrained/tiny").click().run()
    assert not at.exception
    (said,) = [t.value for t in at.toast]
    assert said.startswith("pretrained/tiny is let go, for all visitors: out of memory once no open page shows it")
    assert [b.key for b in at.button if "Unload" in b.label] == []
    at.button(key="use_pretrained/twin").click().run()
    assert "unload_pretrained/twin" in [b.key for b in at.button]
    at.button(key="unload").click().run()
    (said,) = [t.value for t in at.toast]
    assert said.startswith("All models are let go, for all visitors: out of memory once no open page shows it")
    at.switch_page("explorer/ui/pages/edit.py").run()
    assert not at.exception


def test_a_model_that_was_trained_further_or_removed_meanwhile_is_unloaded(broken_home):
    at = visit("models.py")
    folder = broken_home / "pretrained" / "tiny"
    os.utime(folder / "config.json")  # its key in the cache of models holds the former time
    at.button(key="unload_pretrained/tiny").click().run()
    assert not at.exception
    assert not state.loaded()
    for _ in range(2):
        os.utime(folder / "config.json")
        at.switch_page("explorer/ui/pages/edit.py").run()
        assert list(state._in_memory.values()) == [("pretrained/tiny", models.find("pretrained/tiny").stamp)]
    at.switch_page("explorer/ui/pages/models.py").run()
    folder.rename(broken_home / "elsewhere")
    at.button(key="unload_pretrained/tiny").click().run()
    assert not at.exception
    assert not state.loaded()


def test_a_model_whose_folder_is_gone_is_not_chosen(broken_home):
    twin = broken_home / "pretrained" / "twin"
    shutil.copytree(broken_home / "pretrained" / "tiny", twin)
    at = visit("models.py")
    shutil.rmtree(twin)
    at.button(key="use_pretrained/twin").click().run()
    assert not at.exception
    (said,) = [e.value for e in at.error]
    assert said.startswith("there is no model 'pretrained/twin'; listed: pretrained/tiny, ")
    assert "In use" in [b.label for b in at.button if b.key == "use_pretrained/tiny"]


def test_coming_back_to_a_page_decodes_nothing_anew(home, monkeypatch):
    at = visit("mix.py")
    at.switch_page("explorer/ui/pages/sample.py").run()
    decoded = []
    for name in ("decode", "sample"):
        work = getattr(Engine, name)
        monkeypatch.setattr(Engine, name, lambda *a, _w=work, **k: decoded.append(1) or _w(*a, **k))
    at.switch_page("explorer/ui/pages/mix.py").run()
    at.switch_page("explorer/ui/pages/sample.py").run()
    assert not at.exception
    assert not decoded
    at.slider(key=of_model(at, "temperature")).set_value(0.3).run()
    assert decoded


def test_the_axes_of_the_map_are_exchanged_where_one_takes_the_other(home, monkeypatch):
    at = visit("map.py")
    across, up = (of_model(at, f"axis_{label}") for label in ("Across", "Up"))
    at.selectbox(key=across).set_value("Male").run()
    assert (at.selectbox(key=across).value, at.selectbox(key=up).value) == ("Male", "Smiling")
    at.selectbox(key=up).set_value("").run()
    at.selectbox(key=across).set_value("").run()
    assert (at.selectbox(key=across).value, at.selectbox(key=up).value) == ("", "")
    assert not at.exception
    at.selectbox(key=up).set_value("Young").run()
    with monkeypatch.context() as patched:  # a run that ends between the two choices
        draw = st.selectbox
        patched.setattr(st, "selectbox", lambda title, *a, **k: st.stop() if title == "Up" else draw(title, *a, **k))
        at.run()
    at.selectbox(key=across).set_value("Young").run()
    assert (at.selectbox(key=across).value, at.selectbox(key=up).value) == ("Young", "")
    assert not at.exception


def test_the_panel_is_above_the_table_of_how_the_sliders_were_learnt(home, fresh_caches):
    at = visit("attributes.py")
    shown = [e.value if e.type == "markdown" else e.type for e in at.main]
    places = [shown.index(e) for e in ("**Your own attribute**", "file_uploader", "**How the attributes were learnt**")]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("kind", "asked", "example"),
    [("real_nvp", "Give photos of faces that", "Freckles"), ("digits", "Give pictures that have something", "Tilted")],
)
def test_what_is_asked_for_fits_what_the_model_draws(tmp_path, monkeypatch, fresh_caches, kind, asked, example):
    tiny_model.write_kind(tmp_path / "runs" / "bare", kind)
    monkeypatch.setenv("EXPLORER_HOME", str(tmp_path))
    at = visit("attributes.py")
    assert asked in " ".join(c.value for c in at.caption)
    assert at.text_input(key="own_name").placeholder == example
