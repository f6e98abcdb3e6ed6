"""Only listed folders are models, whatever a name says; and the render command says what is wrong."""

import random

import numpy as np
import pytest
from PIL import Image

from explorer import maps, models
from explorer.__main__ import main
from explorer.export import read_png
from explorer.recipe import EditRecipe, Source
from glowcore.errors import CheckpointError


def test_listing_names_the_reason(broken_home):
    (broken_home / "runs" / "half").mkdir(parents=True)
    entries = {e.name: e for e in models.listed()}
    assert list(entries) == ["pretrained/tiny", "pretrained/broken", "runs/half"]
    assert entries["pretrained/tiny"].problem == ""
    assert "config.json" in entries["runs/half"].problem
    with pytest.raises(CheckpointError, match="safetensors"):
        models.open_engine(entries["pretrained/broken"])
    assert models.default_name(models.listed()) == "pretrained/tiny"


def test_damage_that_only_loading_shows_is_remembered(broken_home):
    weights = broken_home / "pretrained" / "broken" / "model.safetensors"
    whole = (broken_home / "pretrained" / "tiny" / "model.safetensors").read_bytes()
    weights.write_bytes(whole[:-50] + bytes([whole[-50] ^ 1]) + whole[-49:])
    assert models.find("pretrained/broken").problem == ""
    with pytest.raises(CheckpointError):
        models.open_engine(models.find("pretrained/broken"))
    assert "safetensors" in models.find("pretrained/broken").problem
    weights.write_bytes(whole)
    assert models.open_engine(models.find("pretrained/broken")).name == "pretrained/broken"


def test_a_link_out_of_the_folder_is_not_listed(home, tmp_path):
    base = tmp_path / "base"
    (base / "pretrained").mkdir(parents=True)
    (base / "pretrained" / "tiny").symlink_to(home / "pretrained" / "tiny")
    assert models.listed(base) == []


def test_only_listed_names_open(home):
    rng = random.Random(0)
    parts = ["..", "/", "pretrained", "tiny", "%2e%2e", "\\", "\0", "C:", "//host/share", "~", "etc", ".", " "]
    for _ in range(2000):
        name = "".join(rng.choice(parts) for _ in range(rng.randrange(1, 6)))
        if name == "pretrained/tiny":
            continue
        with pytest.raises(CheckpointError):
            models.find(name)


def render(*arguments):
    return main(["render", *map(str, arguments)])


def test_render_gives_the_picture_of_the_page(home, tmp_path, engine, gallery):
    recipe = EditRecipe(Source("gallery", "face_01.png"), (("Smiling", 2.0),), ("Male",), model=engine.model_hash)
    out = tmp_path / "out.png"
    assert render("--recipe", recipe.token(), "--out", out) == 0
    expected = engine.render(recipe, gallery.load("face_01.png")).picture
    np.testing.assert_array_equal(np.asarray(Image.open(out)), expected)
    assert read_png(out.read_bytes()) == (recipe, None)


@pytest.mark.parametrize("place", ["2", "0.50,-1.25"])
def test_render_of_a_face_of_the_map(home, tmp_path, engine, gallery, place):
    recipe = EditRecipe(Source("map", place), (("Smiling", 1.0),), model=engine.model_hash)
    assert render("--recipe", recipe.token(), "--out", tmp_path / "out.png") == 0
    expected = engine.render(recipe, maps.face_at(recipe.source, engine, gallery)).picture
    difference = np.abs(np.asarray(Image.open(tmp_path / "out.png")).astype(int) - expected)
    # A new process may answer by PyTorch where this one has onnxruntime by now: the last rounding can differ.
    assert difference.max() <= 1
    assert (difference > 0).sum() <= max(1, 0.001 * difference.size)


def test_render_of_a_face_that_the_map_has_not(home, tmp_path, engine, capsys):
    recipe = EditRecipe(Source("map", "999999"), model=engine.model_hash)
    assert render("--recipe", recipe.token(), "--out", tmp_path / "out.png") == 2
    assert "999999" in capsys.readouterr().err


def test_a_model_is_found_by_its_hash(home, engine):
    assert models.of_hash(engine.model_hash).name == "pretrained/tiny"
    assert models.of_hash("f" * 12) is None
    assert models.of_hash("") is None


def test_render_of_a_photo(home, tmp_path, blobs, capsys):
    photo, out = tmp_path / "photo.png", tmp_path / "out.png"
    Image.fromarray(blobs[0]).save(photo)
    recipe = EditRecipe(Source("seed", "4"), (("Smiling", 1.0),))
    assert render("--recipe", recipe.token(), "--image", photo, "--out", out) == 0
    assert "another picture" in capsys.readouterr().err
    used = read_png(out.read_bytes())[0]
    assert used.source.kind == "photo"
    again = tmp_path / "again.png"
    assert render("--recipe", used.token(), "--image", photo, "--out", again) == 0
    assert again.read_bytes() == out.read_bytes()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--recipe", "!"], "link"),
        (["--recipe", EditRecipe(Source("photo", "0" * 32)).token()], "photo"),
        (["--recipe", EditRecipe(Source("seed", "1"), model="f" * 12).token()], "hash"),
        (["--recipe", EditRecipe(Source("seed", "1")).token(), "--model", "../tiny"], "listed"),
        (["--recipe", EditRecipe(Source("seed", "1")).token(), "--image", "/nowhere.jpg"], "nowhere.jpg"),
    ],
)
def test_render_s_mistakes_are_one_line(home, tmp_path, capsys, arguments, said):
    out = tmp_path / "out.png"
    assert render(*arguments, "--out", out) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert said in error
    assert not out.exists()


def test_render_without_any_model(empty_home, tmp_path, capsys):
    assert render("--recipe", EditRecipe(Source("seed", "1")).token(), "--out", tmp_path / "x.png") == 2
    assert "no model" in capsys.readouterr().err
