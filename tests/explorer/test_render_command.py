"""``explorer render`` writes the page's picture of a token, a link or a saved PNG."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from explorer.atlas import maps
from explorer.cli import main
from explorer.edits.recipe import EditRecipe, Source
from explorer.edits.recipe_png import read_png, to_png
from tests.explorer.visiting import REPOSITORY

PHOTO = REPOSITORY / "tests" / "data" / "astronaut.jpg"
TOKEN = EditRecipe(Source("seed", "7"), (("Smiling", 1.0),)).token()


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
def test_render_of_a_face_of_the_map(home, tmp_path, engine, place):
    recipe = EditRecipe(Source("map", place), (("Smiling", 1.0),), model=engine.model_hash)
    assert render("--recipe", recipe.token(), "--out", tmp_path / "out.png") == 0
    expected = engine.render(recipe, maps.face_at(recipe.source, engine)).picture
    difference = np.abs(np.asarray(Image.open(tmp_path / "out.png")).astype(int) - expected)
    # A new process may still compute with PyTorch where this one uses onnxruntime: the last rounding can differ.
    assert difference.max() <= 1
    assert (difference > 0).sum() <= max(1, 0.001 * difference.size)


def test_render_of_a_face_that_the_map_has_not(home, tmp_path, engine, capsys):
    recipe = EditRecipe(Source("map", "999999"), model=engine.model_hash)
    assert render("--recipe", recipe.token(), "--out", tmp_path / "out.png") == 2
    assert "999999" in capsys.readouterr().err


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


def test_render_of_a_link_and_of_what_was_saved(home, tmp_path, engine):
    out, again = tmp_path / "out.png", tmp_path / "again.png"
    assert render("--recipe", TOKEN, "--out", out) == 0
    for given in (f"http://127.0.0.1:8501/edit?model=x&s={TOKEN}", f"?s={TOKEN}", out):
        assert render("--recipe", given, "--out", again) == 0
        assert again.read_bytes() == out.read_bytes()
        again.unlink()


def test_render_of_a_saved_picture_that_holds_its_crop_needs_no_photo(home, tmp_path, engine, blobs):
    recipe = EditRecipe(Source("photo", "0" * 32), (("Smiling", 1.0),), model=engine.model_hash)
    edited = engine.render(recipe, blobs[0]).picture
    for crop in (blobs[0], None):
        (tmp_path / "saved.png").write_bytes(to_png(edited, recipe, crop))
        assert render("--recipe", tmp_path / "saved.png", "--out", tmp_path / "out.png") == (2 if crop is None else 0)
    assert read_png((tmp_path / "out.png").read_bytes())[0] == recipe
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "out.png")), edited)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--recipe", "http://127.0.0.1:8501/map"], "a link holds"),
        (["--recipe", "http://[x/?s=abc"], "the link is incomplete"),
        (["--recipe", "http://127.0.0.1:8501/?x=1"], "holds no edit; expected one with ?s= in it"),
        (["--recipe", str(PHOTO).replace(".jpg", ".png")], "astronaut.png cannot be read"),
        (["--recipe", str(PHOTO)], "astronaut.jpg is no PNG that the application saved; expected such a PNG, a token"),
        (["--recipe", str(REPOSITORY / "docs" / "images" / "memory.png")], "memory.png holds no recipe"),
        (["--recipe", "!"], "link"),
        (["--recipe", EditRecipe(Source("photo", "0" * 32)).token()], "photo"),
        (["--recipe", EditRecipe(Source("seed", "1"), model="f" * 12).token()], "hash"),
        (["--recipe", EditRecipe(Source("seed", "1")).token(), "--model", "../tiny"], "; models in "),
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
    error = capsys.readouterr().err
    assert (
        f"no model found in pretrained/ or runs/ of {empty_home}; set EXPLORER_HOME to the folder that holds them"
        in error
    )
