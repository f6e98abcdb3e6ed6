"""No page shows the models' paths on the server's disk, whatever is wrong with the models."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from explorer.atlas.latent_map import MAP_FILE
from tests.explorer.visiting import visit
from tests.explorer.widgets import of_model

pytestmark = pytest.mark.usefixtures("fresh_caches")


def sent(at: AppTest) -> str:
    """Return all that the browser has received."""

    def protos(node) -> Iterator[str]:
        yield str(getattr(node, "proto", ""))
        for child in getattr(node, "children", {}).values():
            yield from protos(child)

    return "\n".join(protos(at._tree))


def spoil(home: Path) -> list[str]:
    """Put a model with each kind of damage beside the whole one; their names."""
    whole = home / "pretrained" / "tiny"
    runs = home / "runs"
    for name in ("cut", "flipped", "config", "manifest", "map"):
        shutil.copytree(whole, runs / name)
    weights = (whole / "model.safetensors").read_bytes()
    (runs / "cut" / "model.safetensors").write_bytes(weights[:-100])
    (runs / "flipped" / "model.safetensors").write_bytes(weights[:-50] + bytes([weights[-50] ^ 1]) + weights[-49:])
    (runs / "config" / "config.json").write_text("{}")
    (runs / "manifest" / "manifest.json").write_text("[")
    (runs / "map" / MAP_FILE).write_bytes(b"no map")
    (runs / "half").mkdir()
    return sorted(f"runs/{folder.name}" for folder in runs.iterdir())


@pytest.fixture
def spoilt_home(tiny_home, tmp_path, monkeypatch) -> tuple[Path, list[str]]:
    shutil.copytree(tiny_home / "pretrained", tmp_path / "pretrained")
    monkeypatch.setenv("EXPLORER_HOME", str(tmp_path))
    return tmp_path, spoil(tmp_path)


def test_the_models_page_names_damaged_models_without_their_place(spoilt_home):
    home, names = spoilt_home
    at = visit("models.py")
    assert str(home) not in sent(at)
    for name in ("pretrained/tiny", "runs/flipped", "runs/map"):
        at.button(key=f"check_{name}").click().run()
        assert not at.exception
        assert str(home) not in sent(at)
    assert all(name in sent(at) for name in names)
    said = sent(at)
    assert "runs/cut/model.safetensors has" in said
    assert "runs/config/config.json" in said
    assert "runs/flipped/model.safetensors: damaged" in said


@pytest.mark.parametrize("page", ["edit.py", "map.py", "models.py"])
def test_no_page_says_where_a_model_that_cannot_be_loaded_lies(spoilt_home, page):
    home, _ = spoilt_home
    at = visit("models.py")
    at.button(key="use_runs/flipped").click().run()
    assert "runs/flipped/model.safetensors: damaged" in sent(at)
    assert str(home) not in sent(at)
    at.switch_page(f"explorer/ui/pages/{page}").run()
    assert not at.exception
    assert str(home) not in sent(at)


def test_neither_the_map_page_nor_reconstruct_says_it(spoilt_home):
    home, _ = spoilt_home
    at = visit("reconstruct.py")
    at.multiselect(key=of_model(at, "reconstruct_models")).set_value(["pretrained/tiny", "runs/flipped"]).run()
    assert "runs/flipped/model.safetensors: damaged" in sent(at)
    assert str(home) not in sent(at)
    at.switch_page("explorer/ui/pages/models.py").run()
    at.button(key="use_runs/map").click().run()
    at.switch_page("explorer/ui/pages/map.py").run()
    assert "map/map.safetensors: " in sent(at)
    assert str(home) not in sent(at)


@pytest.mark.parametrize("page", ["edit.py", "map.py", "models.py"])
def test_no_page_says_where_models_are_looked_for(empty_home, page, caplog):
    at = visit(page)
    assert not at.exception
    assert str(empty_home) not in sent(at)
    assert str(empty_home) in caplog.text  # for the operator of the server
