"""``explorer edit`` writes what the application saves of a photo, and prints what it did."""

from __future__ import annotations

import re
import shutil

import numpy as np
import pytest
from PIL import Image

from explorer.cli import main
from explorer.edits.recipe import EditRecipe
from explorer.edits.recipe_png import read_png
from explorer.pixels.pictures import png
from explorer.portraits.photos import Photo
from glowcore import images
from tests.explorer import tiny_model
from tests.explorer.visiting import REPOSITORY

PHOTO = REPOSITORY / "tests" / "data" / "astronaut.jpg"


@pytest.fixture(scope="module")
def photo():
    return Photo.read(PHOTO.read_bytes())


def edit(*arguments, image=PHOTO):
    return main(["edit", "--image", str(image), *map(str, arguments)])


def test_the_edit_is_put_back_into_the_whole_photo(home, engine, photo, tmp_path, capsys):
    out = tmp_path / "out.png"
    assert edit("--set", "Smiling=2", "--set", "Young=-1", "--lock", "Male", "--out", out) == 0
    recipe = EditRecipe(photo.source, (("Smiling", 2.0), ("Young", -1.0)), ("Male",), model=engine.model_hash)
    edited = engine.render(recipe, photo.aligned(32, photo.source).image).picture
    shown = np.asarray(Image.open(out)).astype(int)
    assert np.abs(shown - photo.with_edits({photo.source: edited})).max() <= 1
    assert (shown != photo.picture).any()
    assert (shown == photo.picture).all(axis=2).mean() > 0.5  # outside of the face
    said = capsys.readouterr().err.splitlines()
    assert re.fullmatch(
        r"before the edit: 0 pixels changed · largest error \S+ of the range from black to white", said[0]
    )
    assert said[1].startswith("Smile +2.00, Young −1.00: ")
    assert said[2] == f"wrote {out} ({photo.picture.shape[1]} wide, {photo.picture.shape[0]} high)"
    assert edit("--set", "Smiling=2", "--out", tmp_path / "out.jpg") == 0
    assert images.load(tmp_path / "out.jpg").shape == photo.picture.shape


def test_the_aligned_face_alone_is_what_render_makes_of_its_recipe(home, engine, photo, tmp_path, capsys):
    out, again = tmp_path / "out.png", tmp_path / "again.png"
    assert edit("--set", "Smiling=2", "--lock", "Smiling", "--aligned", "--out", out) == 0
    recipe, crop = read_png(out.read_bytes())
    expected = EditRecipe(photo.source, (("Smiling", 2.0),), ("Smiling",), model=engine.model_hash)
    assert (recipe, crop) == (expected, None)
    assert "note: Smiling is moved by its own strength" in capsys.readouterr().err
    assert main(["render", "--recipe", str(out), "--image", str(PHOTO), "--out", str(again)]) == 0
    assert again.read_bytes() == out.read_bytes()
    assert edit("--set", "Smiling=2", "--aligned", "--out", tmp_path / "out.jpg") == 2  # a JPEG would lose the recipe


def test_a_photo_of_too_many_pixels_is_reduced_with_a_note(home, tmp_path, capsys):
    with Image.open(PHOTO) as opened:
        opened.resize((4100, 4000)).save(tmp_path / "large.jpg")
    assert edit("--set", "Smiling=1", "--out", tmp_path / "out.jpg", image=tmp_path / "large.jpg") == 0
    said = capsys.readouterr().err
    assert (
        f"{tmp_path / 'large.jpg'} has 16.4 megapixels and is reduced to 2050 wide, 2000 high, for at most 16" in said
    )
    assert edit("--set", "Smiling=1", "--out", tmp_path / "out.jpg") == 0
    assert "reduced" not in capsys.readouterr().err


def test_a_photo_that_is_transparent_in_places_is_put_over_white_with_a_note(home, tmp_path, capsys):
    photo, out = tmp_path / "alpha.png", tmp_path / "out.png"
    for alpha in (255, 254):
        with Image.open(PHOTO) as opened:
            clear = opened.convert("RGBA")
        clear.paste((0, 0, 0, alpha), (0, 0, 5, 5))
        clear.save(photo)
        assert edit("--set", "Smiling=1", "--out", out, image=photo) == 0
        note = f"note: {photo} is transparent in places, which are white in the result\n"
        assert (note in capsys.readouterr().err) == (alpha < 255)


def test_attributes_may_have_the_names_that_are_shown(home, tmp_path):
    for name, arguments in (
        ("given.png", ("--set", "Smiling=2", "--lock", "Male")),
        ("shown.png", ("--set", "Smile=2", "--lock", "Masculine")),
        ("lower.png", ("--set", "smile=2", "--lock", "MALE")),
    ):
        assert edit(*arguments, "--aligned", "--out", tmp_path / name) == 0
        assert (tmp_path / name).read_bytes() == (tmp_path / "given.png").read_bytes()


def test_the_face_is_chosen_by_its_number(home, photo, tmp_path, capsys):
    twice = tmp_path / "twice.png"
    twice.write_bytes(png(np.concatenate([photo.picture, photo.picture], axis=1)))
    first, second = tmp_path / "1.png", tmp_path / "2.png"
    assert edit("--set", "Smiling=2", "--out", first, image=twice) == 0
    assert f"{twice} has 2 faces, this is face 1; --face N chooses another" in capsys.readouterr().err
    assert edit("--set", "Smiling=2", "--face", "2", "--out", second, image=twice) == 0
    before = images.load(twice)
    half = before.shape[1] // 2
    changed = [(images.load(path) != before).any(axis=(0, 2)) for path in (first, second)]
    assert [bool(c[:half].any()) for c in changed] != [bool(c[half:].any()) for c in changed]
    assert (changed[0] != changed[1]).any()


def test_a_photo_without_a_face_says_so(home, blobs, tmp_path, capsys):
    Image.fromarray(blobs[0]).save(tmp_path / "wall.png")
    assert edit("--set", "Smiling=1", "--out", tmp_path / "out.png", image=tmp_path / "wall.png") == 0
    said = capsys.readouterr().err
    assert "no face was found in " in said
    assert "\nSmile +1.00\n" in said  # the missing face is mentioned only once
    assert edit("--set", "Smiling=1", "--face", "1", "--out", tmp_path / "2.png", image=tmp_path / "wall.png") == 2
    assert "--face is 1 and " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "there is nothing to do, expected --set NAME=STRENGTH"),
        (["--set", "Smiling=0"], "there is nothing to do, expected --set NAME=STRENGTH, not 0"),
        (["--set", "Smiling=9"], "strength of Smiling is '9', expected a number from -5 to 5"),
        (["--set", "Smilling=1"], "has no attribute 'Smilling'; it has Smile (Smiling), Glasses (Eyeglasses), "),
        (["--set", "Smile=1", "--lock", "bart"], "has no attribute 'bart'; it has Smile (Smiling)"),
        (["--set", "Smile=1", "--set", "Smiling=1"], "--set Smile=1 Smiling=1: two names of one attribute"),
        (["--set", "Smiling=1", "--face", "3"], "has 1 face; expected 1"),
        (["--set", "Smiling=1", "--image", "gone.jpg"], "gone.jpg cannot be read"),
        (["--set", "Smiling=1", "--model", "gone"], "there is no model or folder 'gone'"),
        (["--set", "Smiling=1", "--out", "out.gif"], "its ending is .gif"),
    ],
)
def test_mistakes_are_one_line(home, tmp_path, capsys, arguments, said):
    out = tmp_path / "out.png"
    assert edit("--out", out, *arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert said in error
    assert not out.exists()


def test_models_that_edit_no_faces(empty_home, tiny_home, tmp_path, capsys):
    shutil.copytree(tiny_home / "pretrained" / "tiny", tmp_path / "pretrained" / "tiny")
    for kind, words in (
        ("digits", "draws classes of pictures, expected a model of faces"),
        ("nice", "has no attributes yet; python -m glowcore attributes --model "),
    ):
        tiny_model.write_kind(tmp_path / "runs" / kind, kind)
        assert edit("--set", "Smiling=1", "--model", f"runs/{kind}", "--out", tmp_path / "out.png") == 2
        assert f"runs/{kind} {words}" in capsys.readouterr().err


def test_nothing_is_written_of_an_edit_that_left_the_model_s_range(home, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("explorer.engines.worker.in_range", lambda _: False)
    assert edit("--set", "Smiling=1.25", "--out", tmp_path / "out.png") == 1
    assert "error: Smile +1.25: left the model's range; nothing is written" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_neither_the_photo_nor_the_saved_edit_is_replaced(home, tmp_path, capsys):
    photo, saved = tmp_path / "photo.png", tmp_path / "saved.png"
    Image.open(PHOTO).save(photo)
    assert edit("--set", "Smiling=2", "--aligned", "--out", saved, image=photo) == 0
    before = photo.read_bytes(), saved.read_bytes()
    capsys.readouterr()
    assert edit("--set", "Smiling=2", "--out", photo, image=photo) == 2
    for out in (photo, saved):
        assert main(["render", "--recipe", str(saved), "--image", str(photo), "--out", str(out)]) == 2
    assert capsys.readouterr().err == "".join(
        f"error: --out {out} is the picture of {option}, expected another name\n"
        for out, option in ((photo, "--image"), (photo, "--image"), (saved, "--recipe"))
    )
    assert (photo.read_bytes(), saved.read_bytes()) == before
