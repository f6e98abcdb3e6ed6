"""Grids of two attributes: order of the strengths, and captions of the sheet."""

import json

import numpy as np
import pytest

from glowcore.attribute_grid import Axis, axes_json, moves, sheet, signed
from glowcore.captions import CAPTION_HEIGHT, caption

SMILE, GLASSES = Axis.even("Smiling", -2, 2, 5), Axis.even("Eyeglasses", 1, -1, 3)


def noise(count, height=8, width=8, channels=3):
    return np.random.default_rng(0).integers(0, 256, (count, height, width, channels), dtype=np.uint8)


def ink(margin):
    """Return the bounds of the text in a white margin: first row, last row, first column, last column."""
    rows, columns = (np.flatnonzero((margin < 128).any(axis=(1 - axis, 2))) for axis in (0, 1))
    return rows[0], rows[-1], columns[0], columns[-1]


def test_strengths_are_even_and_reach_both_ends():
    assert SMILE.strengths == (-2, -1, 0, 1, 2)
    assert GLASSES.strengths == (1, 0, -1)


def test_the_first_axis_changes_along_a_row():
    strengths = moves(SMILE, GLASSES)
    assert len(strengths) == 15
    assert strengths[0] == {"Smiling": -2, "Eyeglasses": 1}
    assert strengths[1] == {"Smiling": -1, "Eyeglasses": 1}
    assert strengths[5] == {"Smiling": -2, "Eyeglasses": 0}
    assert strengths[-1] == {"Smiling": 2, "Eyeglasses": -1}


@pytest.mark.parametrize(
    ("strength", "text"),
    [
        (1, "+1"),
        (-2.0, "-2"),
        (0.5, "+0.5"),
        (-1 / 3, "-0.33"),
        (0, "0"),
        (-0.0, "0"),
        (0.004, "0"),
        (100, "+100"),
    ],
)
def test_a_strength_as_it_is_written(strength, text):
    assert signed(strength) == text


@pytest.mark.parametrize(("shape", "scale"), [((8, 8, 3), 16), ((8, 12, 1), 16), ((64, 64, 3), 2), ((256, 256, 3), 1)])
def test_every_picture_can_be_had_back_from_the_sheet(shape, scale):
    pictures = noise(15, *shape)
    result = sheet(pictures, SMILE, GLASSES)
    height, width = (scale * side + 2 for side in shape[:2])
    top, left = result.shape[0] - (3 * height - 2), result.shape[1] - (5 * width - 2)
    assert top == 2 * CAPTION_HEIGHT
    for index, picture in enumerate(pictures):
        y, x = top + index // 5 * height, left + index % 5 * width
        part = result[y : y + height - 2 : scale, x : x + width - 2 : scale]
        assert np.array_equal(part, np.broadcast_to(picture, (*shape[:2], 3)))


def test_names_and_strengths_stand_where_they_belong():
    picture = sheet(noise(15), SMILE, GLASSES, ("Smile", "Glasses"))
    side = 16 * 8 + 2
    left = picture.shape[1] - (5 * side - 2)
    first, last, begin, end = ink(picture[:CAPTION_HEIGHT, left:])  # title of the horizontal axis, centred
    assert first > 0
    assert last < CAPTION_HEIGHT - 1
    assert (begin + end) / 2 == pytest.approx((5 * side - 2) / 2, abs=3)
    for column in range(5):
        first = left + column * side
        _, _, begin, end = ink(picture[CAPTION_HEIGHT : 2 * CAPTION_HEIGHT, first : first + side])
        assert (begin + end) / 2 == pytest.approx(side / 2, abs=6)
    # Title of the vertical axis, upright and centred.
    first, last, begin, end = ink(picture[2 * CAPTION_HEIGHT :, :CAPTION_HEIGHT])
    assert last - first > 2 * (end - begin)
    assert (first + last) / 2 == pytest.approx((3 * side - 2) / 2, abs=3)
    for row in range(3):
        top = 2 * CAPTION_HEIGHT + row * side
        first, last, _, _ = ink(picture[top : top + side, CAPTION_HEIGHT:left])
        assert (first + last) / 2 == pytest.approx(side / 2, abs=4)
    renamed = sheet(noise(15), SMILE, GLASSES)
    assert (renamed[:CAPTION_HEIGHT] != picture[:CAPTION_HEIGHT]).any()
    assert np.array_equal(renamed[CAPTION_HEIGHT : 2 * CAPTION_HEIGHT], picture[CAPTION_HEIGHT : 2 * CAPTION_HEIGHT])


def test_what_is_told_of_the_axes_is_ascii_and_comes_back():
    lines = Axis("Lächeln\n", (-1 / 3, 0.1)), Axis('"', (2.0,))
    text = axes_json(*lines)
    assert text.isascii()
    assert text.isprintable()
    axes = json.loads(text)
    assert list(axes) == ["across", "down"]
    assert [Axis(f["name"], tuple(f["strengths"])) for f in axes.values()] == list(lines)


def test_a_name_too_long_for_its_side_is_cut_short():
    name = "Something that nobody would call an attribute " * 3
    sheet_of = np.zeros((100, 100, 3), np.uint8)
    picture = caption(sheet_of, ["-1", "+1"], ["-1", "+1"], across=name, down=name)
    left = picture.shape[1] - 100
    _, _, begin, end = ink(picture[:CAPTION_HEIGHT, left:])
    assert 60 < end - begin < 100
    assert (picture[:CAPTION_HEIGHT, :left] == 255).all()
    first, last, _, _ = ink(picture[2 * CAPTION_HEIGHT :, :CAPTION_HEIGHT])
    assert 60 < last - first < 100


def test_without_names_of_axes_a_caption_keeps_its_place():
    picture = caption(np.zeros((40, 60, 1), np.uint8), ["one", "two"], ["a", "b", "c"])
    assert picture.shape[0] == 40 + CAPTION_HEIGHT
    assert (picture[CAPTION_HEIGHT:, -60:] == 0).all()
    assert ink(picture[:, : picture.shape[1] - 60])[2] < 12
