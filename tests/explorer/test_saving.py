"""What the pages offer to save."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

pytestmark = pytest.mark.usefixtures("fresh_caches", "home")
APP = Path(__file__).resolve().parents[2] / "app.py"


def visit(page: str) -> AppTest:
    at = AppTest.from_file(str(APP), default_timeout=60).run()
    return at.switch_page(f"explorer/ui/pages/{page}").run()


def buttons(at: AppTest) -> list[str]:
    """The labels of what can be saved."""
    assert not at.exception
    return [found.proto.label for found in at.get("download_button")]


def test_a_film_is_saved_as_film_picture_or_frames():
    assert buttons(visit("mix.py")) == ["Save MP4", "Save GIF", "Save PNGs"]


def test_the_film_of_a_path_on_the_map_is_saved_like_any():
    at = visit("map.py")
    assert buttons(at) == []
    at.session_state["map_walk pretrained/tiny"]["path"] = [(0.0, 0.0), (1.0, 1.0)]
    assert buttons(at.run()) == ["Save MP4", "Save GIF", "Save PNGs"]
