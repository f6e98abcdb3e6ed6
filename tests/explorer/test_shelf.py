"""The shelf: the visitor's pictures are apart from the gallery, and every face of a photo can be used."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from explorer.portraits.face_detector import Face
from explorer.portraits.faces import TEMPLATE
from explorer.portraits.photos import Photo, photo_key
from explorer.ui import shelf, state
from explorer.ui.frame import Bench
from tests.explorer.picture_files import png_files
from tests.explorer.widgets import told

pytestmark = pytest.mark.usefixtures("fresh_caches")


@pytest.fixture
def files(many_blobs) -> list[tuple[str, bytes, str]]:
    """Ten photos, none with a face."""
    return png_files(many_blobs[:10])


def test_the_gallery_row_keeps_the_visitor_s_pictures_apart(at, files, many_blobs):
    desk = at.session_state["desk"]
    for _, data, _ in files[:3]:
        desk.add_photo(data)
    desk.crops.mix(many_blobs[0], ())
    shown = told(at.run(), "gallery")["tiles"]
    assert [tile["group"] for tile in shown[:5]] == ["yours"] * 4 + [""]
    assert {tile["group"] for tile in shown[4:]} == {""}


def test_two_people_of_one_photo_can_be_mixed(at, files):
    faces = [Face((x, 8.0, 16.0, 16.0), 16 * TEMPLATE + (x, 8.0), 0.9) for x in (0.0, 8.0, 16.0)]
    photo = Photo(photo_key(files[0][1]), files[0][1], faces)
    desk = at.session_state["desk"]
    desk.photos.keep(photo)
    desk.start_from(photo.source)
    at.session_state["slot_A"], at.session_state["slot_B"] = f"photo:{photo.key}", f"photo:{photo.key}:2"
    at.switch_page("explorer/ui/pages/mix.py").run()
    assert not at.exception
    offered = {tile["id"]: tile["alt"] for tile in told(at, "tiles_B")["tiles"] if tile["id"].startswith("photo:")}
    assert offered == {
        f"photo:{photo.key}:0": "Photo 1, face 1 of 3",
        f"photo:{photo.key}:1": "Photo 1, face 2 of 3",
        f"photo:{photo.key}:2": "Photo 1, face 3 of 3",
    }
    assert told(at, "tiles_B")["selected"] == f"photo:{photo.key}:2"
    bench = Bench(state.engine_of("pretrained/tiny"), desk)
    shown = [shelf.picture(bench, told(at, f"tiles_{name}")["selected"]) for name in "AB"]
    for picture, face in zip(shown, (0, 2), strict=True):
        np.testing.assert_array_equal(picture, photo.aligned(32, replace(photo.source, face=face)).image)
    for face in (2, 1):  # on Edit: both places keep their faces
        desk.start_from(replace(photo.source, face=face))
        at.run()
        assert [told(at, f"tiles_{name}")["selected"] for name in "AB"] == [f"photo:{photo.key}:{i}" for i in (0, 2)]
    assert shelf.photos_in(bench, [f"photo:{photo.key}:1"]) == {photo.key}
