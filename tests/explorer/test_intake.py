"""Files that appear or disappear without the user: a reopened camera, a session that was lost with its files."""

from __future__ import annotations

import pytest
from streamlit.proto.WidgetStates_pb2 import WidgetStates
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec
from streamlit.testing.v1 import AppTest

from tests.explorer.picture_files import jpeg_of, keys
from tests.explorer.visiting import app
from tests.explorer.widgets import photos

pytestmark = pytest.mark.usefixtures("fresh_caches")

UPLOADERS = {"edit": "upload", "mix": "mix_upload", "reconstruct": "reconstruct_upload", "attributes": "own_with"}


@pytest.fixture
def shots(many_blobs) -> list[tuple[str, bytes, str]]:
    """Three photos as the camera gives them, none with a face."""
    return [(f"{i}.jpg", jpeg_of(p), "image/jpeg") for i, p in enumerate(many_blobs[:3])]


def camera(at: AppTest, is_open: bool) -> AppTest:
    at.session_state["cam_box"] = is_open
    at.run()
    assert not at.exception
    assert len(at.camera_input) == is_open
    return at


def test_photos_of_the_camera_outlive_its_box_and_each_other(at, shots):
    camera(at, True).camera_input(key="camera").set_value(shots[0]).run()
    camera(at, True).camera_input(key="camera").set_value(None).run()  # as the browser reports one that is shown again
    assert photos(at) == keys(shots[:1])
    assert at.session_state["desk"].personal() == keys(shots)[0]
    at.camera_input(key="camera").set_value(shots[1]).run()
    camera(at, True).camera_input(key="camera").set_value(shots[2]).run()
    assert photos(at) == keys(shots)
    camera(camera(at, False), True)
    assert photos(at) == keys(shots)
    at.button(key="remove_photo").click().run()
    assert not at.exception
    assert photos(at) == keys(shots[:2])


def test_the_box_of_the_camera_closes_once_a_picture_is_taken_and_the_picture_has_a_name(at, shots):
    for index, (_, data, kind) in enumerate(shots[:2]):
        generated = f"camera-input-2026-11-2{index}T10_00_00.jpg"
        camera(at, True).camera_input(key="camera").set_value((generated, data, kind)).run()
        assert not at.session_state["cam_box"]
        assert len(at.camera_input) == 0
    album = at.session_state["desk"].photos
    assert [album.name_of(key) for key in album] == ["Camera photo 1", "Camera photo 2"]


def cautions(at: AppTest) -> str:
    return " ".join(m.value for m in at.markdown if m.value.startswith(":small[:orange["))


def lose(monkeypatch, *names: str) -> None:
    """Let the server forget these files, as after a restart."""
    kept = MemoryUploadedFileManager.get_files
    monkeypatch.setattr(
        MemoryUploadedFileManager,
        "get_files",
        lambda self, session_id, file_ids: [f for f in kept(self, session_id, file_ids) if f.name not in names],
    )


@pytest.mark.parametrize("page", UPLOADERS)
def test_files_that_were_lost_with_their_session_are_told_and_others_taken_in(at, shots, monkeypatch, page):
    at.switch_page(f"explorer/ui/pages/{page}.py").run()
    lose(monkeypatch, "0.jpg", "1.jpg")
    at.file_uploader(key=UPLOADERS[page]).set_value(shots).run()
    assert not at.exception
    assert "2 files in the list are no longer here: remove their rows, and add them again." in cautions(at)
    if page == "attributes":
        assert "1 photo; 7 more needed" in [c.value for c in at.caption]
    else:
        assert photos(at) == keys(shots[2:])


def test_an_attribute_file_that_was_lost_is_told(at, monkeypatch):
    at.switch_page("explorer/ui/pages/attributes.py").run()
    lose(monkeypatch, "a.safetensors")
    at.file_uploader(key="own_file").upload("a.safetensors", b"x", "application/x").run()
    assert not at.exception
    assert "1 file in the list is no longer here: remove its row, and add it again." in cautions(at)


@pytest.mark.parametrize("page", ["edit", "mix", "reconstruct"])
def test_a_file_that_came_before_the_session_is_one_press_away(at, shots, monkeypatch, page):
    at.switch_page(f"explorer/ui/pages/{page}.py").run()
    known = at.file_uploader(key=UPLOADERS[page]).set_value(shots[:1])._widget_state
    file = known.file_uploader_state_value.uploaded_file_info[0].file_id
    name, data, kind = shots[0]
    there = [UploadedFileRec(file, name, kind, data)]
    monkeypatch.setattr(
        MemoryUploadedFileManager, "get_files", lambda self, session_id, file_ids: there if file_ids else []
    )
    new = app()
    if page != "edit":  # which is where one begins
        new.switch_page(f"explorer/ui/pages/{page}.py")
    new._run(WidgetStates(widgets=[known]))  # the browser tells a server that does not know it yet
    assert not new.exception
    assert photos(new) == []
    new.button(key=f"{UPLOADERS[page]} late").click().run()
    assert not new.exception
    assert photos(new) == keys(shots[:1])
    assert "late" not in " ".join(b.key or "" for b in new.button)
