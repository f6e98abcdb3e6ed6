"""Files that come and go by themselves: a camera that opens empty, a session that was lost with its files."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from explorer.photos import photo_key

pytestmark = pytest.mark.usefixtures("fresh_caches")

APP = Path(__file__).resolve().parents[2] / "app.py"


@pytest.fixture
def at(home) -> AppTest:
    return AppTest.from_file(str(APP), default_timeout=60).run()


@pytest.fixture
def shots(many_blobs) -> list[tuple[str, bytes, str]]:
    """Three photos as the camera gives them, none with a face."""

    def jpeg(picture: np.ndarray) -> bytes:
        buffer = io.BytesIO()
        Image.fromarray(picture).save(buffer, "JPEG")
        return buffer.getvalue()

    return [(f"{i}.jpg", jpeg(p), "image/jpeg") for i, p in enumerate(many_blobs[:3])]


def photos(at: AppTest) -> list[str]:
    return list(at.session_state["desk"].photos)


def keys(files) -> list[str]:
    return [photo_key(data) for _, data, _ in files]


def camera(at: AppTest, is_open: bool) -> AppTest:
    at.session_state["cam_box"] = is_open
    at.run()
    assert not at.exception
    assert len(at.camera_input) == is_open
    return at


def test_photos_of_the_camera_outlive_its_box_and_each_other(at, shots):
    camera(at, True).camera_input(key="camera").set_value(shots[0]).run()
    at.camera_input(key="camera").set_value(None).run()  # as the browser says of a camera that is shown anew
    assert photos(at) == keys(shots[:1])
    assert at.session_state["desk"].personal() == keys(shots)[0]
    at.camera_input(key="camera").set_value(shots[1]).run()
    at.camera_input(key="camera").set_value(shots[2]).run()
    assert photos(at) == keys(shots)
    camera(camera(at, False), True)
    assert photos(at) == keys(shots)
    at.button(key="remove_photo").click().run()
    assert not at.exception
    assert photos(at) == keys(shots[:2])
