"""What is set on a page is still set after a visit to another page; what depends on the model is each model's own."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from tests.explorer import tiny_model
from tests.explorer.visiting import visit
from tests.explorer.widgets import of_model

pytestmark = pytest.mark.usefixtures("fresh_caches")

PAGES = "explorer/ui/pages/"
#: Page -> widgets: kind, key, whether each model has its own, a value that is not where it starts.
SETTINGS = {
    "sample": [
        ("text_input", "seed", True, "40"),
        ("segmented_control", "side", False, 3),
        ("toggle", "by_level", True, True),
        ("slider", "temperature_1", True, 0.35),
    ],
    "mix": [
        ("segmented_control", "stops", False, 4),
        ("segmented_control", "path", False, "Linear"),
        ("pills", "walking", True, [0, 2]),
        ("toggle", "save_loop", False, False),
        ("segmented_control", "mix_mode", False, "levels"),
        ("segmented_control", "level_0", True, "B"),
        ("segmented_control", "mix_mode", False, "arithmetic"),
        ("slider", "amount", False, -0.5),
    ],
    "reconstruct": [
        ("multiselect", "pictures", True, ["face_02.png", "edit"]),
        ("select_slider", "gain", False, 256),
        ("slider", "keep", True, 2),
        ("slider", "heat", False, 0.4),
        ("select_slider", "bits", False, 3),
        ("select_slider", "nudge", False, 0.1),
    ],
    "attributes": [("pills", "preview", True, "Beard"), ("text_input", "own_name", False, "Dimples")],
}


def named(at: AppTest, key: str, own: bool) -> str:
    return of_model(at, key) if own else key


@pytest.mark.parametrize("page", SETTINGS)
def test_a_page_is_as_it_was_left(home, page):
    at = visit(f"{page}.py")
    for kind, key, own, value in SETTINGS[page]:
        widget = getattr(at, kind)(key=named(at, key, own))
        assert widget.value != value, key
        widget.set_value(value).run()
    at.switch_page(f"{PAGES}models.py").run()
    at.switch_page(f"{PAGES}{page}.py").run()
    assert not at.exception
    last = {named(at, key, own): value for _, key, own, value in SETTINGS[page]}
    assert {key: at.session_state[key] for key in last} == last
    kind, key, own, value = SETTINGS[page][-1]
    assert getattr(at, kind)(key=named(at, key, own)).value == value


def test_a_setting_of_one_model_is_not_put_on_another(tmp_path, monkeypatch):
    tiny_model.write(tmp_path / "pretrained" / "first")
    tiny_model.write_kind(tmp_path / "runs" / "other", "real_nvp")  # two levels instead of three
    monkeypatch.setenv("EXPLORER_HOME", str(tmp_path))
    at = visit("reconstruct.py")
    at.slider(key=of_model(at, "keep")).set_value(3).run()
    for name, kept in (("runs/other", 1), ("pretrained/first", 3)):
        at.switch_page(f"{PAGES}models.py").run()
        at.button(key=f"use_{name}").click().run()
        at.switch_page(f"{PAGES}reconstruct.py").run()
        assert not at.exception
        assert at.slider(key=of_model(at, "keep")).value == kept
