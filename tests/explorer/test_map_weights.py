"""A map belongs to the weights that encoded its pictures."""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import glowcore
from explorer.atlas.latent_map import MAP_FILE, LatentMap
from explorer.cli import main
from explorer.engines.engine import Engine
from glowcore.training import run_lock
from tests.explorer.picture_files import png_files
from tests.explorer.visiting import visit


@pytest.fixture
def mine(tiny_home, tmp_path, monkeypatch) -> Path:
    """The only model of a home, without a map."""
    monkeypatch.setenv("EXPLORER_HOME", str(tmp_path))
    return shutil.copytree(tiny_home / "pretrained" / "tiny", tmp_path / "pretrained" / "tiny")


@pytest.mark.parametrize("trains", ["still", "no more"])
def test_a_map_of_weights_that_are_replaced_meanwhile_is_not_stored(mine, blobs, tmp_path, capsys, monkeypatch, trains):
    (tmp_path / "faces").mkdir()
    for number in range(5):
        Image.fromarray(blobs[number]).save(tmp_path / "faces" / f"{number}.png")
    build = LatentMap.build
    with ExitStack() as training:

        def slow_build(*args, **options):
            if trains == "still":
                training.enter_context(run_lock.alone(mine))
            else:
                model = glowcore.load(mine, device="cpu")
                model.levels[0].steps[0].actnorm.bias.data += 0.5
                model.origin = None  # so that its attributes are saved with the changed weights
                glowcore.save(model, mine)
            return build(*args, **options)

        monkeypatch.setattr(LatentMap, "build", slow_build)
        assert main(["map", "--model", str(mine), "--data", str(tmp_path / "faces"), "--split", "all", "--quiet"]) == 2
    expected = "a training is running there" if trains == "still" else "its weights were replaced meanwhile"
    assert expected in capsys.readouterr().err
    assert not (mine / MAP_FILE).exists()


def test_a_map_of_other_weights_is_neither_drawn_nor_fitted_on(mine, fresh_caches, blobs, many_blobs):
    made = LatentMap.build(Engine.open(mine), blobs, np.zeros((10, 0), np.int8), (), compress=True)
    replace(made, weights="0123456789ab").save(mine)
    remedy = "tiny/map.safetensors: made for other weights; make it again with python -m explorer map --force"
    at = visit("map.py")
    assert not at.exception
    assert [e.value for e in at.error] == [f"{remedy}; choose another model on the Models page."]
    at = visit("attributes.py")
    files = png_files(many_blobs)
    at.file_uploader(key="own_with").set_value(files[:8])
    at.file_uploader(key="own_without").set_value(files[8:])
    at.text_input(key="own_name").set_value("Freckles")
    at.button(key="own_make").click().run()
    assert [e.value.replace("\\", "") for e in at.error] == [f"{remedy}."]
    assert not at.session_state["desk"].own.made
    made.save(mine)
    at.button(key="own_make").click().run()
    assert [name for _, name in at.session_state["desk"].own.made] == ["Freckles"]
