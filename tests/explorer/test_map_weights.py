"""A map belongs to the weights that encoded its pictures; a damaged one is refused."""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import glowcore
from explorer.atlas import maps
from explorer.atlas.latent_map import MAP_FILE, LatentMap
from explorer.cli import main
from explorer.engines.engine import Engine
from explorer.own import attribute
from glowcore.errors import CheckpointError
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


def test_a_map_of_other_weights_gives_way_to_a_small_one_and_own_attributes_use_none(
    mine, fresh_caches, blobs, many_blobs, monkeypatch
):
    made = LatentMap.build(Engine.open(mine), blobs, np.zeros((10, 0), np.int8), (), compress=True)
    replace(made, weights="0123456789ab").save(mine)
    at = visit("map.py")
    assert not at.error
    assert any(c.value.startswith("6 faces, ") for c in at.caption)
    assert "`python -m explorer map --model pretrained/tiny --data FACES --force`" in at.info[0].value
    used = []
    fit = attribute.fit
    monkeypatch.setattr(attribute, "fit", lambda *args, **options: used.append(args[4]) or fit(*args, **options))
    at = visit("attributes.py")
    files = png_files(many_blobs)
    at.file_uploader(key="own_with").set_value(files[:8])
    at.file_uploader(key="own_without").set_value(files[8:])
    at.text_input(key="own_name").set_value("Freckles")
    at.button(key="own_make").click().run()
    assert not at.error
    assert [name for _, name in at.session_state["desk"].own.made] == ["Freckles"]
    made.save(mine)
    at.button(key="own_make").click().run()
    assert [used[0], len(used[1])] == [None, 10]
    at = visit("map.py")
    assert not at.info
    assert any(c.value.startswith("10 faces, ") for c in at.caption)


def test_the_small_map_beside_one_of_other_weights_follows_the_gallery(mine, blobs):
    engine = Engine.open(mine)
    made = LatentMap.build(engine, blobs, np.zeros((10, 0), np.int8), (), compress=True)
    replace(made, weights="0123456789ab").save(mine)
    assert len(maps.map_of(engine)) == 6
    (engine.gallery.folder / "face_01.png").unlink()
    assert len(maps.map_of(engine)) == 5
    made.save(mine)
    key = maps.key_of(engine)
    (engine.gallery.folder / "face_02.png").unlink()
    assert maps.key_of(engine) == key
    assert len(maps.map_of(engine)) == 10


def test_a_damaged_map_leaves_no_lock(mine):
    (mine / MAP_FILE).write_bytes(b"no map")
    engine = Engine.open(mine)
    with pytest.raises(CheckpointError, match=MAP_FILE):
        maps.map_of(engine)
    assert maps.key_of(engine) not in maps._locks
