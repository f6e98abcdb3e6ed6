"""The samples that a model's author recommends: read from the metadata, shown on Edit, opened as recommended."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

import glowcore
from explorer.catalogue.imagined import Imagined, imagined
from explorer.edits.recipe import EditRecipe, Source
from explorer.engines import models
from explorer.engines.engine import Engine
from explorer.pixels.pictures import tile_uri
from explorer.ui import choosers
from glowcore.errors import CheckpointError
from tests.explorer import tiny_model
from tests.explorer.visiting import visit
from tests.explorer.widgets import of_model, told

SEEDS = [
    {"seed": 11, "name": "a laughing woman", "temperature": 0.6},
    {"seed": 0, "name": "an old man", "temperature": 0.804},
    {"seed": 2**31 - 1, "name": "a child", "temperature": 1},
]


@pytest.fixture(scope="module")
def stocked(tmp_path_factory) -> Path:
    home = tmp_path_factory.mktemp("imagined")
    folder = tiny_model.write(home / "pretrained" / "tiny")
    model = glowcore.load(folder)
    model.metadata["seeds"] = SEEDS
    glowcore.save(model, folder)
    return home


@pytest.fixture
def at(stocked, monkeypatch, fresh_caches):
    monkeypatch.setenv("EXPLORER_HOME", str(stocked))
    return visit("edit.py")


def row(at) -> dict | None:
    """Return the row of recommended samples."""
    shown = [json.loads(e.proto.json) for e in at.main if getattr(e.proto, "component_name", "") == "explorer_tiles"]
    return next((data for data in shown if data["label"].startswith("Imagined")), None)


def test_sample_opens_at_the_first_of_them(stocked, monkeypatch, fresh_caches):
    monkeypatch.setenv("EXPLORER_HOME", str(stocked))
    at = visit("sample.py")
    assert at.text_input(key=of_model(at, "seed")).value == "11"
    assert [tile["id"] for tile in told(at, "samples")["tiles"]] == [str(seed) for seed in range(11, 27)]


def test_sample_opens_at_seed_0_where_none_is_named(home, fresh_caches):
    at = visit("sample.py")
    assert at.text_input(key=of_model(at, "seed")).value == "0"


def test_what_a_folder_states():
    assert imagined({}) == ()
    assert imagined({"seeds": []}) == ()
    assert imagined({"seeds": SEEDS}) == (
        Imagined(11, "a laughing woman", 0.6), Imagined(0, "an old man", 0.8), Imagined(2**31 - 1, "a child", 1.0),
    )  # fmt: skip


GOOD = {"seed": 1, "name": "x", "temperature": 0.7}


@pytest.mark.parametrize(
    "stated",
    [
        None, {}, "11", [11], [GOOD, GOOD], [GOOD] * 49, [{"seed": 1, "name": "x"}], [GOOD | {"more": 1}],
        *([GOOD | {"seed": seed}] for seed in (-1, 2**31, 1.0, "1", True, None)),
        *([GOOD | {"name": name}] for name in ("", " ", "x" * 41, "a\nb", "\ud800", 3, None)),
        *([GOOD | {"temperature": t}] for t in (-0.1, 1.21, float("nan"), float("inf"), "0.7", True, [0.7], None)),
    ],
)  # fmt: skip
def test_anything_else_is_a_sentence(stated):
    with pytest.raises(CheckpointError, match=r"^the metadata's seeds (are|hold) .*, expected .*$"):
        imagined({"seeds": stated})


def test_a_model_that_states_nonsense_cannot_be_opened(tmp_path, monkeypatch):
    folder = tiny_model.write_kind(tmp_path / "runs" / "odd", "nice")
    model = glowcore.load(folder)
    model.metadata["seeds"] = [{"seed": -4, "name": "x", "temperature": 1}]
    glowcore.save(model, folder)
    monkeypatch.setenv("EXPLORER_HOME", str(tmp_path))
    with pytest.raises(CheckpointError, match="'seed': -4"):
        models.open_model(models.find("runs/odd"))


def test_a_model_without_them_shows_no_row(home, fresh_caches):
    at = visit("edit.py")
    assert not at.exception
    assert row(at) is None


def test_they_are_shown_as_the_editor_would_draw_them(at, engine):
    assert not at.exception
    shown = row(at)
    assert shown["label"] == "Imagined by the model"
    assert [t["id"] for t in shown["tiles"]] == ["11", "0", str(2**31 - 1)]
    assert shown["tiles"][1]["alt"] == "Imagined face: an old man"
    assert shown["selected"] == ""
    drawn = engine.source(EditRecipe(Source("seed", "0"), temperature=(0.8,))).picture
    assert shown["tiles"][1]["uri"] == tile_uri(drawn)


def test_tiles_that_visitors_share_follow_a_changed_picture_and_a_changed_sample(
    stocked, tmp_path, monkeypatch, fresh_caches
):
    engine = Engine.open(shutil.copytree(stocked / "pretrained" / "tiny", tmp_path / "tiny"), "tiny")
    first = choosers.gallery_tiles(engine)[0]
    Image.new("RGB", (32, 32), (200, 30, 30)).save(engine.gallery.folder / first.id)
    assert choosers.gallery_tiles(engine)[0].uri != first.uri
    rows = []
    monkeypatch.setattr(choosers, "tiles", lambda entries, **options: rows.append(entries[0]))
    one = engine.imagined[0]
    for change in ({}, {"name": "another"}, {"temperature": 1.0}):
        engine.imagined = (replace(one, **change),)
        choosers.imagined_line(engine, EditRecipe(Source("seed", "5")), key="row", on_choose=print)
    assert rows[1].alt == "Imagined face: another"
    assert rows[2].uri != rows[0].uri


def test_one_opens_at_its_temperature_with_the_sliders_as_they_are(at, engine, monkeypatch):
    desk = at.session_state["desk"]
    desk.draw(Source("seed", "5"), (0.3,))  # its temperature is not kept
    moves = desk.recipe.moves
    chosen = {}
    monkeypatch.setattr(choosers, "tiles", lambda *a, on_choose, key, **k: chosen.update({key: on_choose}))
    at.run()
    chosen["imagined"]("11")
    assert desk.recipe.source == Source("seed", "11")
    assert desk.recipe.temperature == (0.6,)
    assert desk.recipe.moves == moves == (("Smiling", 1.0),)
    assert desk.history.undo().present.source == Source("seed", "5")


def test_random_keeps_a_temperature_that_can_be_seen_and_tells_pictures_apart(desk):
    for before, kept in (((0.4,), True), ((0.0,), False), ((0.0, 0.7, 0.7), False)):
        desk.draw(Source("seed", "1"), (0.7,))
        desk.history = desk.history.push(replace(desk.recipe, temperature=before))
        desk.draw(Source("seed", "2"), (0.7,))
        assert desk.recipe.source == Source("seed", "2")
        assert desk.recipe.temperature == (before if kept else (0.7,))


def test_the_one_in_use_is_marked_at_its_own_temperature_only(at):
    desk = at.session_state["desk"]
    desk.start_from(Source("seed", "11"), (0.6,))
    assert row(at.run())["selected"] == "11"
    desk.warm(0.9)
    assert row(at.run())["selected"] == ""
