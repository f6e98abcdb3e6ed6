"""A model's recommended temperature, one number or one per level, on every page and in the commands."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import glowcore
from explorer.catalogue.temperatures import recommended, to_text
from explorer.cli import main
from explorer.edits.recipe import EditRecipe, Source
from explorer.engines import models
from explorer.engines.engine import Engine
from explorer.pixels.lost_pictures import no_picture
from glowcore.errors import CheckpointError
from tests.explorer import tiny_model
from tests.explorer.visiting import PAGES, visit
from tests.explorer.widgets import of_model

LEVELS = (0.3, 0.6, 0.9)


@pytest.fixture(scope="module")
def stocked(tmp_path_factory) -> Path:
    """A home with a model of one temperature per level, without gallery or map, so that every picture is sampled."""
    home = tmp_path_factory.mktemp("levels")
    folder = tiny_model.write(home / "pretrained" / "levels")
    shutil.rmtree(folder / "gallery")
    model = glowcore.load(folder)
    model.metadata["temperature"] = list(LEVELS)
    glowcore.save(model, folder)
    return home


@pytest.fixture
def levels_home(stocked, monkeypatch) -> Path:
    monkeypatch.setenv("EXPLORER_HOME", str(stocked))
    return stocked


def test_what_a_model_recommends_is_brought_onto_the_grid_of_recipes(stocked):
    model = glowcore.load(stocked / "pretrained" / "levels")
    assert recommended(model) == LEVELS
    model.metadata = {"temperature": [0.123, 1, 9]}
    assert recommended(model) == (0.12, 1.0, 1.2)


def test_as_text():
    assert to_text((0.7,)) == "0.7"
    assert to_text(LEVELS) == "0.3,0.6,0.9"


def test_a_model_that_states_nonsense_says_so_on_its_card(tmp_path, monkeypatch):
    folder = tiny_model.write_kind(tmp_path / "runs" / "odd", "nice")
    model = glowcore.load(folder)
    model.metadata["temperature"] = "hot"
    glowcore.save(model, folder)
    monkeypatch.setenv("EXPLORER_HOME", str(tmp_path))
    with pytest.raises(CheckpointError, match="'hot'"):
        models.open_model(models.find("runs/odd"))
    assert "'hot'" in models.find("runs/odd").problem


def test_a_compressor_takes_its_own(tmp_path, monkeypatch):
    tiny_model.write_kind(tmp_path / "runs" / "vae", "vae")
    monkeypatch.setenv("EXPLORER_HOME", str(tmp_path))
    compressor = models.open_model(models.find("runs/vae"))
    assert compressor.temperature == (0.7,)
    assert len(compressor.sample(range(2), compressor.temperature)) == 2


@pytest.mark.usefixtures("fresh_caches")
@pytest.mark.parametrize("page", PAGES)
def test_every_page_draws_at_the_temperatures_of_its_levels(levels_home, page, monkeypatch):
    asked = []
    sample = Engine.sample
    monkeypatch.setattr(Engine, "sample", lambda self, s, t, *a: asked.append(tuple(t)) or sample(self, s, t, *a))
    at = visit("edit.py")
    assert at.session_state["desk"].recipe.temperature == LEVELS
    at.switch_page(f"explorer/ui/pages/{page}").run()
    assert not at.exception
    assert not at.error
    if page == "models.py":
        at.button(key="check_pretrained/levels").click().run()
        assert not at.exception
    if page == "sample.py":
        assert [at.slider(key=of_model(at, f"temperature_{i}")).value for i in range(3)] == list(LEVELS)
        at.toggle(key=of_model(at, "by_level")).set_value(False).run()
        assert asked.pop() == (LEVELS[-1],)
    assert set(asked) <= {LEVELS}
    assert bool(asked) == (page in ("models.py", "sample.py", "map.py"))


@pytest.mark.usefixtures("fresh_caches")
def test_a_random_face_is_drawn_at_the_model_s_temperature_until_another_is_set(levels_home):
    at = visit("edit.py")
    desk = at.session_state["desk"]
    desk.start_from(Source("map", "0"))
    at.run()
    at.button(key="random_face").click().run()
    assert not at.exception
    assert desk.recipe.temperature == LEVELS
    desk.warm(0.4)
    at.run()
    at.button(key="random_face").click().run()
    assert desk.recipe.temperature == (0.4,)


def test_render_draws_a_seed_at_its_temperatures(levels_home, tmp_path):
    engine = models.open_model(models.find("pretrained/levels"))
    recipe = EditRecipe(Source("seed", "5"), temperature=engine.temperature, model=engine.model_hash)
    out = tmp_path / "out.png"
    assert main(["render", "--recipe", recipe.token(), "--out", str(out)]) == 0
    np.testing.assert_array_equal(np.asarray(Image.open(out)), engine.sample([5], LEVELS)[0])


def test_samples_that_are_not_finite_are_named_and_not_counted_among_the_faces(
    levels_home, tmp_path, capsys, monkeypatch
):
    for index, picture in enumerate(tiny_model.pictures(4)):
        Image.fromarray(picture).save(tmp_path / f"{index}.png")
    sample = Engine.sample

    def losing(self, seeds, temperature, *more):
        limit = {10.0: 0, 2.0: 3}.get(temperature[0], len(seeds))
        pictures = sample(self, seeds, temperature, *more)
        return [p if index < limit else no_picture(*p.shape[:2]) for index, p in enumerate(pictures)]

    monkeypatch.setattr(Engine, "sample", losing)
    command = ["faces", "--model", "pretrained/levels", "--data", str(tmp_path), "--split", "all", "--seeds", "0:7"]
    assert main([*command, "--compare", "10,2,0"]) == 1
    out, err = capsys.readouterr()
    assert "error: 7 of 7 samples at temperature 10 (of seed 0, 1, 2, 3, 4, ...) hold values that are not finite" in err
    assert "error: 4 of 7 samples at temperature 2 (of seed 3, 4, 5, 6) hold values that are not finite" in err
    shares = out.splitlines()[1:]
    assert len(shares) == 3  # none for a temperature without a picture
    assert ": 3 samples at temperature 2; least sure at seeds 0,1,2" in shares[0]
    assert ": 7 samples at temperature 0; " in shares[1]


def test_faces_are_counted_at_the_model_s_temperature(levels_home, tmp_path, capsys):
    for index, picture in enumerate(tiny_model.pictures(4)):
        Image.fromarray(picture).save(tmp_path / f"{index}.png")
    command = ["faces", "--model", "pretrained/levels", "--data", str(tmp_path), "--split", "all", "--seeds", "0:2"]
    assert main(command) == 0
    assert "2 samples at temperature 0.3,0.6,0.9" in capsys.readouterr().out
    assert main([*command, "--compare", "0.5,0.7"]) == 0
    out = capsys.readouterr().out
    assert "at temperature 0.5" in out
    assert "at temperature 0.7" in out
    assert main([*command, "--temperature", "0.5,0.6,0.7"]) == 0
    assert "at temperature 0.5,0.6,0.7; least sure at seeds 0,1" in capsys.readouterr().out
    for wrong in ("0.5,0.6", "warm", "11", "-1"):
        assert main([*command, f"--temperature={wrong}"]) == 2
        assert f"--temperature is '{wrong}', expected a number from 0 to 10, or 3 separated" in capsys.readouterr().err
    assert main([*command, "--temperature", "0.5", "--compare", "0.5,0.7"]) == 2
    assert "--compare has its own temperatures" in capsys.readouterr().err
