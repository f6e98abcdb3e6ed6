"""The user's photo in the editor: what the browser gets, when, and that the face lies where it was cut out."""

from __future__ import annotations

import base64
import io

import cv2
import numpy as np
import pytest
from PIL import Image

from explorer.edits.messages import NOTHING, Wanted
from explorer.edits.recipe import EditRecipe
from explorer.pixels.pictures import reduced
from explorer.portraits.face_detector import Face
from explorer.portraits.faces import TEMPLATE
from explorer.portraits.photos import TILE, Photo, photo_key
from explorer.views.in_photo import SIDE, in_photo, key_of
from tests.explorer.picture_files import jpeg_of, png_of
from tests.explorer.visiting import visit


def smooth(height: int, width: int) -> np.ndarray:
    """A smooth picture without symmetry."""
    y, x = np.mgrid[:height, :width] / max(height, width)
    waves = np.stack([np.sin(7 * x + 3 * y), np.cos(5 * y - 2 * x), np.sin(4 * x * y + 1)], axis=-1)
    return (127.5 + 120 * waves).astype(np.uint8)


@pytest.mark.parametrize("shape", [(900, 2400), (300, 200)])
def test_the_matrix_finds_the_face_in_the_reduced_photo(shape):
    large = smooth(*shape)
    data = png_of(large)
    photo = Photo(photo_key(data), data)
    source = photo.source
    view = in_photo(photo, source, 64, {})
    shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(view["uri"].split(",")[1]))).convert("RGB"))
    assert max(shown.shape[:2]) == min(SIDE, max(shape))
    matrix = np.array(view["matrix"]).reshape(2, 3)
    small = reduced(large, SIDE)
    whole = photo.aligned(64, source)
    for corner in ((0, 0), (1, 0), (0, 1), (1, 1)):  # half a pixel outside of the centres
        places = [
            m @ [*np.multiply(corner, s.shape[1::-1]) - 0.5, 1] for m, s in ((matrix, small), (whole.matrix, large))
        ]
        np.testing.assert_allclose(*places, atol=0.01)
    face = cv2.warpAffine(cv2.GaussianBlur(small, (0, 0), 0.5 / matrix[0, 0]), matrix, (64, 64), flags=cv2.INTER_LINEAR)
    assert np.abs(face.astype(int) - whole.image)[4:-4, 4:-4].mean() < 1.5  # half a pixel of shift gives 2.5 and more


def test_the_key_tells_models_faces_and_other_edits_apart(engine, bare):
    photo = Photo("0" * 32, png_of(smooth(64, 64)))
    other = EditRecipe(photo.source, (("Smiling", 1.0),))
    keys = {
        key_of(model, photo.source, others) for model in (engine, bare) for others in ([], [other], [other.reset()])
    }
    assert len(keys) == 6


def test_the_other_faces_of_a_photo_are_told_with_their_places(home, fresh_caches, engine, monkeypatch):
    sent, told = [], {}
    monkeypatch.setattr(
        "explorer.ui.components.editor._EDITOR", lambda data, **given: sent.append(data) or told.update(given)
    )
    places = [(20, 30, 60), (120, 40, 48), (200, 25, 80)]  # left, top and side of the square of each face
    faces = [Face((x, y, s, s), (TEMPLATE + 0.5 / TILE) * s + (x - 0.5, y - 0.5), 0.9) for x, y, s in places]
    monkeypatch.setattr("explorer.portraits.photos.find", lambda picture: faces)
    at = visit("edit.py")
    at.file_uploader(key="upload").upload("us.png", png_of(smooth(150, 300)), "image/png").run()
    desk = at.session_state["desk"]

    def others() -> dict[int, np.ndarray]:
        desk.wanted = Wanted(photo=True)
        at.run()
        return {face: np.array(corners) * (300, 150) for face, corners in sent[-1]["photo"]["others"]}

    square = np.array([(0, 0), (1, 0), (1, 1), (0, 1)])
    assert list(others()) == [1, 2]
    for face, corners in others().items():
        x, y, side = places[face]
        np.testing.assert_allclose(corners, square * side + (x, y), atol=1e-6)
    state = {"face": 2}
    monkeypatch.setattr("explorer.ui.components.editor.st.session_state", {"editor": state})
    for face, chosen in ((2, 2), (0, 0), (3, 0), (-1, 0), (True, 0), ("1", 0), (None, 0)):
        state["face"] = face
        told["on_face_change"]()
        assert desk.recipe.source.face == chosen
    desk.handle({"op": "set", "name": "Male", "value": 2.0, "nonce": "a", "seq": 1}, engine)
    for face, moves in ((1, ()), (0, (("Male", 2.0),))):
        state["face"] = face
        told["on_face_change"]()
        assert (desk.recipe.source.face, desk.recipe.moves) == (face, moves)


def test_the_photo_is_sent_when_it_is_requested(home, fresh_caches, blobs, monkeypatch):
    sent = []
    monkeypatch.setattr("explorer.ui.components.editor._EDITOR", lambda data, **_: sent.append(data))
    at = visit("edit.py")
    engine_of = at.session_state["desk"]
    assert sent[-1]["photo"] is None  # a face of the gallery has none
    at.file_uploader(key="upload").upload("me.jpg", jpeg_of(blobs[5]), "image/jpeg").run()
    key = sent[-1]["photo"]["key"]
    assert sent[-1]["photo"] == {"key": key}
    engine_of.wanted = Wanted(photo=True)
    at.run()
    assert sent[-1]["photo"]["uri"].startswith("data:image/webp;base64,")
    assert len(sent[-1]["photo"]["matrix"]) == 6
    assert at.session_state["desk"].wanted == NOTHING
    at.run()
    assert sent[-1]["photo"] == {"key": key}  # once


def test_a_strip_is_decoded_for_one_answer(home, fresh_caches, monkeypatch):
    sent = []
    monkeypatch.setattr("explorer.ui.components.editor._EDITOR", lambda data, **_: sent.append(data))
    at = visit("edit.py")
    at.session_state["desk"].wanted = Wanted(strip="Male")
    at.run()
    assert sent[-1]["strip"]["name"] == "Male"
    assert len(sent[-1]["strip"]["strengths"]) == 9
    at.run()
    assert sent[-1]["strip"] is None
