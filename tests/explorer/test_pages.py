"""Every page, with a model, without one and with a broken one, by Streamlit's own AppTest."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from explorer import export, own_attribute
from explorer.engine import Engine
from explorer.photos import photo_key
from explorer.recipe import EditRecipe, Source
from glowcore import checkpoint
from tests.explorer.widgets import of_model, told

pytestmark = pytest.mark.usefixtures("fresh_caches")

REPOSITORY = Path(__file__).resolve().parents[2]
PAGES = sorted(p.name for p in (REPOSITORY / "explorer" / "ui" / "pages").glob("[a-z]*.py"))


def app() -> AppTest:
    return AppTest.from_file(str(REPOSITORY / "app.py"), default_timeout=60)


def visit(page: str, token: str | None = None) -> AppTest:
    """The application as it is after going to `page`."""
    at = app()
    if token is not None:
        at.query_params["s"] = token
    at.run()
    if page != "edit.py":
        at.switch_page(f"explorer/ui/pages/{page}").run()
    return at


def words(at: AppTest) -> str:
    return " ".join(
        str(e.value) for kind in ("markdown", "caption", "error", "warning", "subheader", "info") for e in at.get(kind)
    )


def png_of(picture: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize("page", PAGES)
def test_with_a_model(home, page):
    at = visit(page)
    assert not at.exception
    assert not at.error


@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_one_heading(home, page):
    # The editor's is inside of its component, where AppTest does not look; the browser's tests do.
    headings = [h for h in visit(page).get("html") if "<h1" in h.proto.body]
    assert len(headings) == (page != "edit.py")


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


def test_a_gallery_face_is_smiling_on_arrival(home):
    at = visit("edit.py")
    recipe = at.session_state["desk"].recipe
    assert recipe.source == Source("gallery", "face_00.png")
    assert recipe.moves == (("Smiling", 1.0),)
    assert EditRecipe.from_token(told(at, "editor")["token"]) == recipe
    at.switch_page("explorer/ui/pages/mix.py").run()
    assert told(at, "address")["token"] == recipe.token()


def test_a_link_is_followed(home, engine):
    wanted = EditRecipe(Source("seed", "5"), (("Male", 1.5),), ("Young",), (0.5,), engine.model_hash)
    assert visit("edit.py", wanted.token()).session_state["desk"].recipe == wanted


@pytest.mark.parametrize("token", ["", "x", "WzFd", "%2e%2e", "A" * 5000, "☃"])
def test_a_broken_link_is_a_sentence(home, token):
    at = visit("edit.py", token)
    assert not at.exception
    assert at.session_state["desk"].recipe.moves == (("Smiling", 1.0),)


def test_a_link_to_a_photo_waits_for_the_photo(home, engine, blobs):
    data = png_of(blobs[3])
    wanted = EditRecipe(Source("photo", photo_key(data), -1), (("Male", 1.0),), model=engine.model_hash)
    at = visit("edit.py", wanted.token())
    desk = at.session_state["desk"]
    assert "The photo of this edit is not here" in desk.note
    assert "a photo that is not here" in words(at)
    assert desk.recipe.moves == wanted.moves
    at.file_uploader(key="upload").upload("me.png", data, "image/png").run()
    assert not at.exception
    assert at.session_state["desk"].recipe == wanted
    assert "a photo that is not here" not in words(at)


def test_a_png_of_a_photo_says_that_its_photo_is_not_here_and_what_stands_in(home, engine, blobs):
    wanted = EditRecipe(Source("photo", "a" * 32), (("Male", 1.0),), model=engine.model_hash)
    at = visit("edit.py")
    at.file_uploader(key="upload").upload("edited-face.png", export.to_png(blobs[1], wanted), "image/png").run()
    desk = at.session_state["desk"]
    assert (desk.recipe.source, desk.recipe.moves) == (Source("gallery", "face_00.png"), wanted.moves)
    assert "on Face 00 of the gallery" in words(at)
    desk.handle({"op": "set", "name": "Male", "value": 2, "nonce": "a", "seq": 1}, engine)
    at.run()
    assert "a photo that is not here" in words(at)  # until somebody has decided
    at.button(key="stay_without").click().run()
    assert not at.exception
    assert "a photo that is not here" not in words(at)
    assert desk.recipe.moves == (("Male", 2.0),)


def test_a_picture_without_its_photo_can_be_kept_in_a_png(home, engine, blobs):
    wanted = EditRecipe(Source("photo", "a" * 32), (("Male", 1.0),), model=engine.model_hash)
    at = visit("edit.py")
    file = export.to_png(blobs[1], wanted, blobs[1])
    at.file_uploader(key="upload").upload("edited-face.png", file, "image/png").run()
    assert at.session_state["desk"].recipe == wanted
    assert "save the PNG with it inside" in words(at)
    at.checkbox(key="embed").check().run()
    assert not at.exception


def test_an_upload_becomes_the_source(home, blobs):
    at = visit("edit.py")
    at.file_uploader(key="upload").upload("../../evil.php.png", png_of(blobs[5]), "image/png").run()
    assert not at.exception
    assert at.session_state["desk"].recipe.source.kind == "photo"
    assert at.session_state["desk"].recipe.moves == (("Smiling", 1.0),)


@pytest.mark.parametrize("data", [b"", b"not a picture", b"\x89PNG\r\n\x1a\n", b"GIF89a" + bytes(50)])
def test_an_odd_file_is_a_sentence(home, data):
    at = visit("edit.py")
    at.file_uploader(key="upload").upload("photo.jpg", data, "image/jpeg").run()
    assert not at.exception
    told = next(m.value for m in at.markdown if m.value.startswith(":small[:orange[photo\\.jpg\\: "))
    assert told.endswith("\\.]]")
    assert "\n" not in told
    assert at.session_state["desk"].recipe.source.kind == "gallery"


def test_an_exported_png_brings_its_edit_back(home, engine, gallery):
    wanted = EditRecipe(Source("gallery", "face_02.png"), (("Young", -2.0),), ("Male",), model=engine.model_hash)
    picture = engine.render(wanted, gallery.load("face_02.png")).picture
    at = visit("edit.py")
    at.file_uploader(key="upload").upload("edited-face.png", export.to_png(picture, wanted), "image/png").run()
    assert not at.exception
    assert at.session_state["desk"].recipe == wanted


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


def test_mix_page_modes(home):
    at = visit("mix.py")
    for mode in ("Corners", "Levels", "A − B + C", "Film"):
        at.segmented_control(key="mix_mode").set_value(mode).run()
        assert not at.exception
    at.segmented_control(key="path").set_value("Linear").run()
    assert not at.exception


def test_reconstruct_page_controls(home, blobs):
    at = visit("reconstruct.py")
    at.slider(key=of_model(at, "keep")).set_value(1).run()
    at.select_slider(key="gain").set_value(4).run()
    assert not at.exception
    assert "0 pixels changed" in words(at)
    at.file_uploader(key="reconstruct_upload").upload("a.png", png_of(blobs[6]), "image/png").run()
    assert not at.exception


def test_own_attribute_from_16_photos_is_a_slider_at_once(home, engine, many_blobs):
    faces = many_blobs
    at = visit("attributes.py")
    for index, key in enumerate(("own_with", "own_without")):
        files = [(f"{i}.png", png_of(p), "image/png") for i, p in enumerate(faces[8 * index : 8 * index + 8])]
        at.file_uploader(key=key).set_value(files).run()
    at.text_input(key="own_name").set_value("Freckles").run()
    at.button(key="own_make").click().run()
    assert not at.exception
    assert not at.error
    desk = at.session_state["desk"]
    assert list(desk.own) == ["Freckles"]
    assert "Freckles" in desk.own.equip(engine).attribute_names
    at.switch_page("explorer/ui/pages/edit.py").run()
    assert not at.exception
    at.switch_page("explorer/ui/pages/attributes.py").run()
    at.button(key="own_drop_Freckles").click().run()
    assert not at.exception
    assert not at.session_state["desk"].own


@pytest.fixture
def edit_of_other(tmp_path, tiny_models, monkeypatch) -> EditRecipe:
    """An edit made with the second of two models."""
    tiny_models.write(tmp_path / "pretrained" / "first")
    other = tiny_models.write_kind(tmp_path / "runs" / "other", "nice")
    monkeypatch.setenv("EXPLORER_HOME", str(tmp_path))
    return EditRecipe(Source("seed", "3"), temperature=(0.4,), model=checkpoint.fingerprint(other)[:12])


@pytest.mark.parametrize("page", ["edit.py", "models.py", "sample.py"])
def test_a_link_chooses_the_model_of_its_edit(edit_of_other, page):
    at = app()
    at.query_params["s"] = edit_of_other.token()
    at.switch_page(f"explorer/ui/pages/{page}").run()
    assert at.session_state["model_name"] == "runs/other"
    del at.query_params["s"]  # as the browser does on the way to another page
    at.switch_page("explorer/ui/pages/edit.py").run()
    assert at.session_state["desk"].recipe == edit_of_other
    assert at.session_state["desk"].note == ""


def test_a_model_that_is_chosen_takes_the_present_edit_over_at_once(edit_of_other):
    at = visit("models.py")
    at.button(key="use_runs/other").click().run()
    assert at.session_state["desk"].recipe.model == edit_of_other.model


def test_an_edit_of_another_model_can_be_looked_at_with_that_one(edit_of_other):
    wanted, at = edit_of_other, visit("edit.py")
    saved = export.to_png(np.zeros((16, 16, 3), np.uint8), wanted)
    at.file_uploader(key="upload").upload("edited-face.png", saved, "image/png").run()
    assert "another model" in at.session_state["desk"].note
    assert "other" in words(at)
    at.button(key="switch_model").click().run()
    assert not at.exception
    assert at.session_state["desk"].recipe == wanted
    assert at.session_state["desk"].note == ""


def test_an_edit_of_an_unknown_model_offers_nothing(home):
    at = visit("edit.py", EditRecipe(Source("seed", "3"), model="f" * 12).token())
    assert not [b for b in at.button if b.key == "switch_model"]


def test_the_temperature_of_a_seed_is_a_step_of_the_edit(home):
    at = visit("edit.py", EditRecipe(Source("seed", "3"), temperature=(0.5,)).token())
    at.slider(key="edit_temperature").set_value(0.9).run()
    assert not at.exception
    desk = at.session_state["desk"]
    assert desk.recipe.temperature == (0.9,)
    assert desk.history.past[-1].temperature == (0.5,)


def test_a_model_is_unloaded_and_read_again(home):
    at = visit("models.py")
    at.button(key="unload_pretrained/tiny").click().run()
    assert not at.exception
    at.switch_page("explorer/ui/pages/edit.py").run()
    assert not at.exception


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


def test_an_attribute_file_makes_the_slider_that_a_link_asked_for(home, engine, many_blobs):
    encoded = [engine.encode(p) for p in many_blobs]
    vectors = own_attribute.fit("Freckles", encoded[:8], encoded[8:], engine.attributes, weights=engine.model_hash)
    sent = EditRecipe(Source("seed", "4"), (("Freckles", 1.5),), model=engine.model_hash)
    at = visit("attributes.py", sent.token())
    assert "Freckles" in at.session_state["desk"].note
    at.file_uploader(key="own_file").upload("a.safetensors", own_attribute.to_file(vectors), "application/x").run()
    assert not at.exception
    assert at.session_state["desk"].recipe == sent
    at.file_uploader(key="own_file").upload("a.safetensors", b"no such thing", "application/x").run()
    assert not at.exception
    assert any("safetensors" in str(i.value) or "attribute" in str(i.value) for i in at.info)
