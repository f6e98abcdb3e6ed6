"""What arrives on the Edit page becomes the edit or a sentence: links, photos, exported PNGs, odd files."""

from __future__ import annotations

import pytest

from explorer.edits import recipe_png
from explorer.edits.recipe import EditRecipe, Source
from explorer.portraits.photos import photo_key
from explorer.session.album import Crops
from explorer.wording.sentences import ANOTHER_PHOTO
from tests.explorer.picture_files import png_of
from tests.explorer.visiting import visit, words
from tests.explorer.widgets import told

pytestmark = pytest.mark.usefixtures("fresh_caches")


def test_a_gallery_face_is_smiling_on_arrival(home):
    at = visit("edit.py")
    recipe = at.session_state["desk"].recipe
    assert recipe.source == Source("gallery", "face_00.png")
    assert recipe.moves == (("Smiling", 1.0),)
    assert EditRecipe.from_token(told(at, "editor")["token"]) == recipe
    at.switch_page("explorer/ui/pages/mix.py").run()
    assert told(at, "address Mix")["s"] == recipe.token()


def test_a_link_is_followed_and_nothing_leads_to_what_was_not_seen_before_it(home, engine):
    wanted = EditRecipe(Source("seed", "5"), (("Male", 1.5),), ("Young",), (0.5,), engine.model_hash)
    at = visit("edit.py", wanted.token())
    assert at.session_state["desk"].recipe == wanted
    assert not told(at, "editor")["undos"]


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
    assert desk.note == ""  # for the page asks for it
    assert "a photo that is not here" in words(at)
    assert desk.recipe.moves == wanted.moves
    at.file_uploader(key="upload").upload("me.png", data, "image/png").run()
    assert not at.exception
    assert at.session_state["desk"].recipe == wanted
    assert "a photo that is not here" not in words(at)


@pytest.mark.parametrize("page", ["mix", "reconstruct"])
def test_the_photo_that_a_link_waits_for_is_known_on_every_page(home, engine, blobs, page):
    data = png_of(blobs[3])
    source = Source("photo", photo_key(data), -1, eyes=(0.3, 0.4, 0.7, 0.4))
    wanted = EditRecipe(source, (("Male", 1.0),), model=engine.model_hash)
    at = visit("edit.py", wanted.token())
    at.switch_page(f"explorer/ui/pages/{page}.py").run()
    at.file_uploader(key=f"{page}_upload").set_value([("me.png", data, "image/png")]).run()
    at.switch_page("explorer/ui/pages/edit.py").run()
    assert not at.exception
    assert at.session_state["desk"].recipe == wanted
    assert "a photo that is not here" not in words(at)


@pytest.mark.parametrize("lacking", ["photo", "own attribute", "model"])
def test_the_address_keeps_what_the_edit_of_a_link_lacks(home, engine, lacking):
    source = Source("photo", "a" * 32, -1, eyes=(0.3, 0.4, 0.7, 0.4)) if lacking == "photo" else Source("seed", "4")
    moves = (("Freckles" if lacking == "own attribute" else "Male", 1.0),)
    sent = EditRecipe(source, moves, model="f" * 12 if lacking == "model" else engine.model_hash).token()
    at = visit("edit.py", sent)
    desk = at.session_state["desk"]
    assert told(at, "editor")["token"] == sent
    at.switch_page("explorer/ui/pages/mix.py").run()
    assert told(at, "address Mix")["s"] == sent
    desk.handle({"op": "set", "name": "Male", "value": 2, "nonce": "a", "seq": 1}, engine)
    at.run()
    assert EditRecipe.from_token(told(at, "address Mix")["s"]) == desk.recipe
    desk.handle({"op": "undo", "nonce": "a", "seq": 2}, engine)
    at.run()
    assert told(at, "address Mix")["s"] == sent
    desk.stay()  # "Stay with this one"
    at.run()
    assert EditRecipe.from_token(told(at, "address Mix")["s"]) == desk.recipe


def test_a_wrong_photo_is_said_to_be_another_and_the_right_one_is_still_known(home, engine, blobs):
    data, wrong = png_of(blobs[3]), png_of(blobs[4])
    source = Source("photo", photo_key(data), -1, eyes=(0.3, 0.4, 0.7, 0.4))
    wanted = EditRecipe(source, (("Male", 1.0),), model=engine.model_hash)
    at = visit("edit.py", wanted.token())
    desk = at.session_state["desk"]
    at.file_uploader(key="upload").set_value([("other.png", wrong, "image/png")]).run()
    assert desk.recipe.source.value == photo_key(wrong)
    assert ANOTHER_PHOTO in desk.note
    both = [("other.png", wrong, "image/png"), ("me.png", data, "image/png")]
    at.file_uploader(key="upload").set_value(both).run()
    assert not at.exception
    assert desk.recipe == wanted
    assert ANOTHER_PHOTO not in desk.note


def test_a_link_to_a_mixed_picture_asks_for_no_photo_and_a_png_brings_it_back(home, engine, blobs):
    mixed = Crops().mix(blobs[1], ())
    wanted = EditRecipe(mixed, (("Male", 1.0),), model=engine.model_hash)
    at = visit("edit.py", wanted.token())
    assert "mixed here, or came from another model, and is gone" in words(at)
    assert "Add the same photo" not in words(at)
    at.file_uploader(key="upload").set_value([("other.png", png_of(blobs[4]), "image/png")]).run()
    assert ANOTHER_PHOTO not in at.session_state["desk"].note
    file = recipe_png.to_png(blobs[1], wanted, blobs[1])
    at.file_uploader(key="upload").set_value([("edited-face.png", file, "image/png")]).run()
    assert not at.exception
    assert at.session_state["desk"].recipe == wanted


def test_an_upload_of_many_is_one_step(home, blobs):
    at = visit("edit.py")
    start = at.session_state["desk"].recipe
    files = [(f"{i}.png", png_of(blobs[i]), "image/png") for i in range(3)]
    at.file_uploader(key="upload").set_value(files).run()
    assert not at.exception
    desk = at.session_state["desk"]
    assert (desk.recipe.source.value, desk.history.past) == (photo_key(files[2][1]), (start,))


def test_a_png_of_a_photo_says_that_its_photo_is_not_here_and_what_stands_in(home, engine, blobs):
    wanted = EditRecipe(Source("photo", "a" * 32), (("Male", 1.0),), model=engine.model_hash)
    at = visit("edit.py")
    at.file_uploader(key="upload").upload("edited-face.png", recipe_png.to_png(blobs[1], wanted), "image/png").run()
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
    file = recipe_png.to_png(blobs[1], wanted, blobs[1])
    at.file_uploader(key="upload").upload("edited-face.png", file, "image/png").run()
    assert at.session_state["desk"].recipe == wanted
    assert "save the PNG with it inside" in words(at)
    assert told(at, "editor")["link"].startswith("The link holds the edit, but not this picture: ")
    at.checkbox(key="embed picture").check().run()
    assert not at.exception


def test_an_upload_becomes_the_source(home, blobs):
    at = visit("edit.py")
    at.file_uploader(key="upload").upload("../../evil.php.png", png_of(blobs[5]), "image/png").run()
    assert not at.exception
    assert at.session_state["desk"].recipe.source.kind == "photo"
    assert at.session_state["desk"].recipe.moves == ()  # without those of the greeting


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
    at.file_uploader(key="upload").upload("edited-face.png", recipe_png.to_png(picture, wanted), "image/png").run()
    assert not at.exception
    assert at.session_state["desk"].recipe == wanted
