"""Contours on the map enclose the stated share of the points, where the points are densest."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

from explorer.atlas.arrangement import DENSE
from explorer.atlas.contours import outlines
from explorer.atlas.latent_map import LatentMap
from explorer.edits.recipe import PLACE_LIMIT
from explorer.ui.pages.map import ASPECT, reach
from tests.explorer import tiny_model
from tests.explorer.visiting import visit
from tests.explorer.widgets import told


def enclosed(lines, points) -> np.ndarray:
    """Return which points lie inside: a ray from each to the right crosses the lines an odd number of times."""
    inside = np.zeros(len(points), bool)
    for line in lines:
        for (ax, ay), (bx, by) in pairwise(line):
            between = (ay > points[:, 1]) != (by > points[:, 1])
            with np.errstate(divide="ignore", invalid="ignore"):
                inside ^= between & (points[:, 0] < ax + (points[:, 1] - ay) / (by - ay) * (bx - ax))
    return inside


@pytest.fixture
def cloud() -> np.ndarray:
    return np.random.default_rng(3).standard_normal((2000, 2))


def test_the_lines_are_closed_and_hold_their_share(cloud):
    for share, lines in zip((0.5, 0.9), outlines(cloud, (0.5, 0.9)), strict=True):
        assert all(line[0] == line[-1] and len(line) > 8 for line in lines)
        assert enclosed(lines, cloud).mean() == pytest.approx(share, abs=0.003)


def test_of_a_normal_cloud_they_are_the_circles_that_theory_knows(cloud):
    for share, (line,) in zip((0.5, 0.9), outlines(cloud, (0.5, 0.9)), strict=True):
        radii = np.hypot(*np.array(line).T)
        assert radii.mean() == pytest.approx(math.sqrt(-2 * math.log(1 - share)), rel=0.06)


def test_units_of_the_axes_do_not_matter(cloud):
    plain, stretched = (outlines(points, (0.9,))[0][0] for points in (cloud, cloud * (100, 0.01) + (5, -7)))
    np.testing.assert_allclose(np.array(stretched), np.array(plain) * (100, 0.01) + (5, -7), rtol=1e-6, atol=1e-6)


def test_two_groups_have_a_line_each_and_a_gap_lies_outside(cloud):
    apart = np.concatenate([cloud * 0.2 - (3, 0), cloud * 0.2 + (3, 0)])
    (lines,) = outlines(apart, (0.9,))
    assert sorted(np.mean([x for x, _ in line]) > 0 for line in lines) == [False, True]
    ring = cloud / np.hypot(*cloud.T)[:, None] * 3 + cloud[::-1] * 0.2
    (lines,) = outlines(ring, (0.9,))
    assert len(lines) == 2
    assert not enclosed(lines, np.zeros((1, 2)))[0]
    assert enclosed(lines, ring).mean() == pytest.approx(0.9, abs=0.003)


def test_points_in_one_place_or_on_one_line_are_no_error():
    assert outlines(np.array([(1.0, 2.0)] * 60), (0.5,))
    assert outlines(np.array([(i, 2.0) for i in range(60)]), (0.5,))


@pytest.mark.usefixtures("fresh_caches")
@pytest.mark.parametrize(("count", "drawn"), [(DENSE - 1, False), (DENSE, True)])
def test_the_page_draws_and_explains_them_where_pictures_are_many(tmp_path, monkeypatch, engine, count, drawn):
    folder = tiny_model.write(tmp_path / "pretrained" / "tiny")
    pictures, labels = tiny_model.pictures(count, seed=6), np.zeros((count, 0), np.int8)
    found = LatentMap.build(engine, pictures, labels, (), compress=True)
    found.save(folder)
    monkeypatch.setenv("EXPLORER_HOME", str(tmp_path))
    at = visit("map.py")
    assert not at.exception
    lines = told(at, "plane Smiling Male")["outlines"]
    assert len(lines) == 2 * drawn
    if drawn:
        points = found.arranged(("Smiling", "Male")).places
        assert enclosed(lines[0], points).mean() == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("far", [(0.0, -4.0), (-6.0, 0.0)])
def test_a_small_map_shows_all_its_faces_whole(far):
    shown = reach(np.array([(0.0, 0.0)] * 23 + [far]))
    unit = 150 / shown  # pixels in a standard deviation, of a plane of 450x300
    assert unit * abs(far[0]) + 20.5 <= 225  # thumbnails have 41 pixels with their rings
    assert unit * abs(far[1]) + 20.5 <= 150


def test_a_stranger_far_out_does_not_shrink_all_others(cloud):
    ordinary = reach(cloud)
    strange = reach(np.array([*cloud, (0.0, 30.0), (40.0, 0.0)]))
    assert ordinary == pytest.approx(3.0, abs=0.2)
    assert strange == pytest.approx(ordinary, rel=0.05)
    for height, shown in ((3.5, 1.04 * 3.5), (5.0, PLACE_LIMIT / ASPECT)):  # the limit of a recipe
        many = reach(np.array([*cloud, *[(0.0, height)] * 200]))
        assert many == pytest.approx(shown)
