"""Exported PNGs hold the recipe and nothing else, and reading restores it."""

import io
import struct
import zipfile
import zlib

import numpy as np
import pytest
from PIL import Image

from explorer.edits import recipe_png
from explorer.edits.recipe import EditRecipe, RecipeError, Source
from explorer.views import export
from glowcore.errors import ImageError
from glowcore.films import enlarge

RECIPE = EditRecipe(Source("photo", "0" * 32), (("Smiling", 1.25),), ("Male",), model="0123456789ab")


def chunks(data: bytes) -> list[bytes]:
    names, position = [], 8
    while position < len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        names.append(kind)
        position += 12 + length
    return names


def test_recipe_and_picture_come_back(blobs):
    data = recipe_png.to_png(blobs[0], RECIPE)
    assert recipe_png.read_png(data) == (RECIPE, None)
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(data))), blobs[0])
    assert set(chunks(data)) == {b"IHDR", b"tEXt", b"IDAT", b"IEND"}
    assert chunks(data).count(b"tEXt") == 1


def test_the_crop_travels_only_when_asked_for(blobs):
    recipe, crop = recipe_png.read_png(recipe_png.to_png(blobs[0], RECIPE, blobs[1]))
    assert recipe == RECIPE
    np.testing.assert_array_equal(crop, blobs[1])


def test_a_crop_that_no_model_could_have_made_is_refused():
    crops = [np.zeros(shape, np.uint8) for shape in ((512, 512, 3), (513, 8, 3), (8, 513, 3))]
    files = [recipe_png.to_png(crops[0], RECIPE, crop) for crop in crops]
    assert recipe_png.read_png(files[0])[1].shape == (512, 512, 3)
    for data, size in zip(files[1:], ("8 x 513", "513 x 8"), strict=True):
        with pytest.raises(ImageError, match=f"{size} pixels, at most 512 per side"):
            recipe_png.read_png(data)


def test_other_files_are_not_ours(blobs):
    plain = io.BytesIO()
    Image.fromarray(blobs[0]).save(plain, "PNG")
    for data in (b"", b"\x89PNG", plain.getvalue(), b"GIF89a", bytes(1000)):
        assert recipe_png.read_png(data) is None


@pytest.mark.parametrize("cut", [30, 60, 90, 120])
def test_cut_off_files_do_no_harm(blobs, cut):
    data = recipe_png.to_png(blobs[0], RECIPE)[:cut]
    try:
        found = recipe_png.read_png(data)
    except RecipeError as error:
        found = "\n" in str(error) or None
    assert found in (None, (RECIPE, None))


@pytest.mark.parametrize("token", [b"!!!", b"", b"A" * 5000, b"WzJd"])  # the last is of version 2
def test_a_broken_recipe_is_a_sentence(blobs, token):
    buffer = io.BytesIO()
    Image.fromarray(blobs[0]).save(buffer, "PNG")
    body = recipe_png.RECIPE_KEY.encode() + b"\0" + token
    chunk = struct.pack(">I", len(body)) + b"tEXt" + body + struct.pack(">I", zlib.crc32(b"tEXt" + body))
    data = buffer.getvalue()
    with pytest.raises(RecipeError, match=r"^the recipe inside this PNG is damaged, or of another version"):
        recipe_png.read_png(data[:33] + chunk + data[33:])


def test_frames_in_an_archive_are_the_frames_and_always_the_same_bytes(blobs):
    data = export.frames_zip(blobs[:3])
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["frame_000.png", "frame_001.png", "frame_002.png"]
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}  # which is none
        for name, frame in zip(archive.namelist(), blobs, strict=False):
            np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(archive.read(name)))), frame)
    assert export.frames_zip(blobs[:3]) == data


@pytest.mark.parametrize(("loop", "length"), [(False, 4), (True, 6)])
def test_every_frame_of_a_film_is_enlarged_once(blobs, monkeypatch, loop, length):
    sides = []
    monkeypatch.setattr(export.films, "enlarge", lambda picture, side: sides.append(side) or enlarge(picture, side))
    with Image.open(io.BytesIO(export.film_file(blobs[:4], "gif", loop=loop))) as film:
        assert (film.n_frames, film.size) == (length, (256, 256))
    assert sides == [256] * 4


def test_before_and_after_are_beside_each_other_over_their_strengths(blobs):
    one = export.before_and_after(blobs[0], blobs[1], ["Smile +1.00"])
    assert one.shape == (512 + 2 * 36 + 12, 512 + 8 + 512, 3)
    np.testing.assert_array_equal(one[:512, :512], enlarge(blobs[0], 512))
    np.testing.assert_array_equal(one[:512, 520:], enlarge(blobs[1], 512))
    many = export.before_and_after(blobs[0], blobs[1], [f"Attribute {n} −1.00" for n in range(12)])
    assert many.shape == (512 + 4 * 36 + 12, 1032, 3)
    for half in (one[512:548, :516], one[512:548, 516:]):  # "before" and "after", each in the middle of its half
        dark = np.nonzero((half < 128).any((0, 2)))[0]
        assert (dark.min() + dark.max()) / 2 == pytest.approx(258, abs=4)
    for top in (548, 584, 620):  # every line has text, and none is cut off
        dark = np.nonzero((many[top : top + 36] < 128).any((0, 2)))[0]
        assert 0 < dark.min() < 516 < dark.max() < 1031


def test_the_strengths_are_written_in_letters_that_the_font_has(blobs):
    def written(strength: str) -> np.ndarray:
        return export.before_and_after(blobs[0], blobs[1], [strength])[512:]

    assert (written("Smile −1.00") != written("Smile \uffff1.00")).any()
    np.testing.assert_array_equal(written("Smile −1.00"), written("Smile -1.00"))
