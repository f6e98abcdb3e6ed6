"""A gallery of any file names, with files that cannot be read: the others are usable on every page."""

from __future__ import annotations

import os
import shutil
import string

import numpy as np
import pytest

from explorer.atlas import maps
from explorer.catalogue.gallery import Gallery, title
from explorer.edits.recipe import MAX_TOKEN, EditRecipe, RecipeError, Source
from explorer.edits.recipe_png import read_png, to_png
from explorer.engines.engine import Engine
from explorer.session.fitting import greeting
from explorer.ui import choosers
from glowcore import images
from tests.explorer.visiting import visit, words

GRUESSE = "Sommer 2024 Grüße__Katrin Susi 0001.png"
NAMES = [GRUESSE, "face(1).png", "_.png", "顔 <b>&\"'`*[x](y).png", "a%2Fb,c;d.png", "x" * 251 + ".png"]
LONGEST = ("€" * 251 + ".png", "\N{GRINNING FACE}" * 62 + ".png")  # of NTFS and of ext4


@pytest.fixture
def own_home(tiny_home, tmp_path, monkeypatch):
    """A model whose gallery has a broken file first, and names that a camera, a browser or `align` gives."""
    folder = shutil.copytree(tiny_home / "pretrained" / "tiny", tmp_path / "pretrained" / "tiny")
    gallery = folder / "gallery"
    faces = sorted(gallery.glob("*.png"))
    for face, name in zip(faces, NAMES, strict=True):
        face.rename(gallery / name)
    (gallery / "a broken.jpg").write_bytes(b"no picture")
    (gallery / "._face(1).png").write_bytes(b"what a Mac leaves beside face(1).png")
    monkeypatch.setenv("EXPLORER_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def own_gallery(own_home):
    return Gallery.of(own_home / "pretrained" / "tiny")


@pytest.mark.parametrize("name", [*NAMES, *LONGEST])
def test_a_file_name_survives_the_address_and_the_png(name):
    moves = tuple((f"attribute number {i}", 1.25) for i in range(20))
    recipe = EditRecipe(Source("gallery", name), moves, model="0" * 12)
    token = recipe.token()
    assert len(token) <= MAX_TOKEN
    assert set(token) <= set(string.ascii_letters + string.digits + "-_")
    assert EditRecipe.from_token(token) == recipe
    assert read_png(to_png(np.zeros((8, 8, 3), np.uint8), recipe))[0] == recipe


@pytest.mark.parametrize(
    "name",
    ["", ".png", ".hidden.png", "a/b.png", "a\\b.png", "a\nb.png", "a\0.png", "\udcfc.png", "photo:a.png", "x" * 256],
)
def test_what_is_no_file_name_of_a_picture_is_refused(name):
    with pytest.raises(RecipeError, match="is no gallery source"):
        Source("gallery", name)


def test_the_good_pictures_are_loaded_and_the_others_told(own_gallery):
    assert own_gallery.names == tuple(sorted(NAMES))
    for name in NAMES:
        assert own_gallery.load(name).shape == (32, 32, 3)
    (own_gallery.folder / "photo:1.png").write_bytes((own_gallery.folder / GRUESSE).read_bytes())
    again = Gallery(own_gallery.folder)
    assert again.names == own_gallery.names
    assert [line.partition(": ")[0] for line in again.left_out] == ["a broken.jpg", "photo:1.png"]
    for name in ("a broken.jpg", "._face(1).png", "../config.json", "gone.png"):
        with pytest.raises(RecipeError, match="the gallery of this model has no picture"):
            again.load(name)


def test_a_name_that_is_not_unicode_is_said_too(own_gallery):
    odd = os.fsencode(own_gallery.folder) + b"/gr\xfc\xdfe.png"
    try:
        with open(odd, "wb") as file:
            file.write((own_gallery.folder / GRUESSE).read_bytes())
    except OSError:
        pytest.skip("this file system takes Unicode names only")
    assert [line.partition(": ")[0] for line in own_gallery.left_out] == ["a broken.jpg", "gr??e.png"]
    assert len(own_gallery.names) == len(NAMES)


def test_a_picture_that_is_mended_comes_back(own_gallery):
    assert "a broken.jpg" not in own_gallery.names
    shutil.copy(own_gallery.folder / GRUESSE, own_gallery.folder / "a broken.jpg")
    mended = Gallery(own_gallery.folder)
    assert mended.names == tuple(sorted([*NAMES, "a broken.jpg"]))
    assert mended.left_out == ()


def test_each_good_picture_is_read_once_until_it_changes(own_gallery, monkeypatch):
    read, load = [], images.load
    monkeypatch.setattr(images, "load", lambda path: read.append(path.name) or load(path))
    for _ in range(3):
        assert len(Gallery(own_gallery.folder).names) == 6
    assert sorted(read) == sorted([*NAMES, *["a broken.jpg"] * 3])


def test_titles():
    assert title(GRUESSE) == "Sommer 2024 Grüße Katrin Susi 0001"
    assert title("face(1).png") == "Face(1)"
    assert title("_.png") == "_.png"


def test_edits_maps_and_tiles_do_without_the_broken_file(own_home):
    engine = Engine.open(own_home / "pretrained" / "tiny", "pretrained/tiny")
    assert greeting(engine).source == Source("gallery", sorted(NAMES)[0])
    assert [tile.id for tile in choosers.gallery_tiles(engine)] == sorted(NAMES)
    assert len(maps.map_of(engine)) >= len(NAMES)


@pytest.mark.usefixtures("fresh_caches")
@pytest.mark.parametrize("page", ["edit.py", "mix.py", "map.py", "attributes.py", "reconstruct.py"])
def test_every_page_opens_with_such_a_gallery(own_home, page):
    token = EditRecipe(Source("gallery", NAMES[3]), (("Smiling", 1.0),)).token()
    for arrival in (None, token):
        at = visit(page, arrival)
        assert not at.exception
        assert "is no gallery source" not in words(at)
    assert at.session_state["desk"].recipe.source == Source("gallery", NAMES[3])


@pytest.mark.usefixtures("fresh_caches")
def test_the_models_page_names_the_folder_and_the_file_that_is_left_out(own_home, tmp_path):
    at = visit("models.py")
    said = words(at).replace("\\", "")
    assert "pretrained/tiny/gallery" in said
    assert "a broken.jpg: this is not a picture" in said
    assert str(tmp_path) not in said
    at.button(key="check_pretrained/tiny").click().run()
    assert not at.exception
    assert ":green-badge[good]" in words(at)
