"""What the address holds of a page is where it begins, once; nonsense is ignored."""

from __future__ import annotations

import re
import shutil

import pytest
from streamlit.testing.v1 import AppTest

from explorer.catalogue.temperatures import from_link, to_text
from tests.explorer import tiny_model
from tests.explorer.visiting import app
from tests.explorer.widgets import of_model, told

pytestmark = pytest.mark.usefixtures("fresh_caches")

SAMPLE = "sample_address"


def arrive(page: str, **query: str) -> AppTest:
    """The application with an address of `page`."""
    at = app()
    for name, value in query.items():
        at.query_params[name] = value
    at.run()
    at.switch_page(f"explorer/ui/pages/{page}.py").run()
    assert not at.exception
    return at


def drawn(at: AppTest) -> list[str]:
    """The pictures that the page shows."""
    return [tile["uri"] for tile in told(at, "samples")["tiles"]]


def test_an_address_shows_the_same_faces(home):
    at = arrive("sample")
    at.text_input(key=of_model(at, "seed")).set_value("77").run()
    at.slider(key=of_model(at, "temperature")).set_value(0.3).run()
    at.segmented_control(key="side").set_value(3).run()
    held = told(at, SAMPLE)
    assert held == {"seed": "77", "class": "", "temperature": "0.3", "side": "3", "show": ""}
    again = arrive("sample", **{k: v for k, v in held.items() if v})
    assert told(again, SAMPLE) == held
    assert drawn(again) == drawn(at)
    assert len(drawn(at)) == 9


def test_an_address_shows_the_same_rows(home):
    at = arrive("sample", seed="5", show="temperatures")
    assert told(at, SAMPLE) == {"seed": "5", "class": "", "temperature": "", "side": "", "show": "temperatures"}
    assert told(at, "samples")["tiles"][0]["alt"] == "Seed 5 at temperature 0.0"


def test_a_temperature_for_each_level_comes_back(home):
    at = arrive("sample")
    at.toggle(key=of_model(at, "by_level")).set_value(True).run()
    at.slider(key=of_model(at, "temperature_0")).set_value(0.1).run()
    held = told(at, SAMPLE)["temperature"]
    assert held.startswith("0.1,0.7")
    again = arrive("sample", temperature=held)
    assert again.toggle(key=of_model(again, "by_level")).value
    assert drawn(again) == drawn(at)


def test_a_class_comes_back(tmp_path, monkeypatch):
    tiny_model.write_kind(tmp_path / "runs" / "digits", "digits")
    monkeypatch.setenv("EXPLORER_HOME", str(tmp_path))
    at = arrive("sample", **{"class": "1"})
    assert told(at, SAMPLE)["class"] == "1"
    assert told(arrive("sample", **{"class": "99"}), SAMPLE)["class"] == ""


def test_an_address_shows_the_same_mixture(home):
    at = arrive("mix")
    at.segmented_control(key="stops").set_value(3).run()
    at.session_state["slot_B"] = "face_04.png"
    held = told(at.run(), "mix_address")
    assert held == {"mix": "film", "places": "edit/face_04.png/face_02.png"}
    assert told(arrive("mix", **held), "mix_address") == held
    at.segmented_control(key="mix_mode").set_value("arithmetic").run()
    held = told(at, "mix_address")
    assert held["mix"] == "arithmetic"
    again = arrive("mix", **held)
    assert told(again, "mix_address") == held
    assert [told(again, f"tiles_{name}")["selected"] for name in "ABC"] == held["places"].split("/")
    awaited = {"mix": "levels", "places": f"photo:{'a' * 32}/face_03.png"}
    assert told(arrive("mix", **awaited), "mix_address") == awaited


def test_a_name_with_a_comma_keeps_its_place(tiny_home, tmp_path, monkeypatch):
    shutil.copytree(tiny_home / "pretrained", tmp_path / "pretrained")
    gallery = tmp_path / "pretrained" / "tiny" / "gallery"
    (gallery / "face_04.png").rename(gallery / "you, me.png")
    monkeypatch.setenv("EXPLORER_HOME", str(tmp_path))
    at = arrive("mix")
    at.session_state["slot_B"] = "you, me.png"
    held = told(at.run(), "mix_address")
    assert told(arrive("mix", **held), "tiles_B")["selected"] == "you, me.png"


@pytest.mark.parametrize("word", ["x", "9" * 5000, "²"])
def test_nonsense_in_an_address_is_ignored(home, word):
    usual = told(arrive("sample"), SAMPLE)
    given = dict.fromkeys(("seed", "temperature", "side", "show", "class"), word)
    assert told(arrive("sample", **given), SAMPLE) == usual
    nonsense = arrive("map", at=word, across=word, up=word)
    assert told(nonsense, "map_address") == {"at": "", "across": "Smiling", "up": "Male"}
    begun = {"mix": "film", "places": "edit/face_01.png"}
    assert told(arrive("mix", mix=word, places=word), "mix_address") | {"places": begun["places"]} == begun


def test_an_address_is_read_once(home):
    at = arrive("sample", seed="5")
    at.text_input(key=of_model(at, "seed")).set_value("6").run()
    at.switch_page("explorer/ui/pages/mix.py").run()
    at.switch_page("explorer/ui/pages/sample.py").run()
    assert told(at, SAMPLE)["seed"] == "6"


@pytest.mark.parametrize(
    ("word", "caption"),
    [("1.5,-2", "A blend at [+]1.50, −2.00"), ("3", "Face 3 of the map"), ("12345", "Face [0-9] of the map")],
)
def test_an_address_comes_back_to_a_place_of_the_map(home, word, caption):
    at = arrive("map", at=word)
    (shown,) = [image.caption for found in at.get("image") for image in found.proto.imgs]
    assert re.fullmatch(caption, shown)
    held = {"1.5,-2": "1.50,-2.00", "3": "3"}.get(word, "")
    axes = ("-", "-") if "," in word else ("Smiling", "Male")  # a place without axes is one of the components
    assert told(at, "map_address") == {"at": held, "across": axes[0], "up": axes[1]}


def test_an_address_comes_back_to_the_axes_of_the_map(home, engine):
    at = arrive("map", at="1.5,-2", across="Eyeglasses", up="-")
    held = {"at": "1.50,-2.00", "across": "Eyeglasses", "up": "-"}
    assert told(at, "map_address") == held
    assert told(at, "plane Eyeglasses -")["spot"] == [1.5, -2.0]
    assert told(at, "plane Eyeglasses -")["ends"] == ["without glasses", "with glasses", "", ""]
    assert told(arrive("map", **held), "map_address") == held
    unknown = arrive("map", at="1.5,-2", across="Tail", up="-")
    assert told(unknown, "map_address") == {"at": "", "across": "Smiling", "up": "Male"}


def test_temperatures_of_an_address():
    for temperature in ((0.0,), (0.7,), (0.5, 0.65, 1.2)):
        assert from_link(to_text(temperature), 3) == temperature
    for nonsense in ("", "0.7,", "0.5,0.5", "-0.1", "1.21", "nan", "inf", "half"):
        assert from_link(nonsense, 3) is None
