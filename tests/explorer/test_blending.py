"""The picture at a place of a map is a blend of the nearest faces, and a film along a path has no jumps."""

import shutil
import threading
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from PIL import Image

from explorer.atlas import maps
from explorer.atlas.blending import FRAMES, NEIGHBOURS, STATIONS, blend_at, evenly, film_along, nearest
from explorer.atlas.latent_map import LatentMap
from explorer.edits.recipe import MAIN_AXES, PLACE_LIMIT, RecipeError, Source
from explorer.engines.engine import Engine
from explorer.pixels.cache import ByteLRU

POINTS = np.random.default_rng(3).normal(size=(60, 2))


@pytest.fixture(scope="module")
def latent_map(engine, blobs):
    return LatentMap.build(engine, blobs, np.zeros((len(blobs), 0), np.int8), ())


def weights_of(place, points=POINTS):
    """Return the weights of all points."""
    indices, weights = nearest(points, place)
    assert len(indices) == NEIGHBOURS
    assert weights.sum() == pytest.approx(1.0)
    return np.bincount(indices, weights, len(points))


def test_a_point_has_all_the_weight_at_its_place_and_loses_it_continuously():
    for index in (0, 17):
        assert weights_of(tuple(POINTS[index]))[index] > 0.999999
    way = np.linspace((-2.0, -1.0), (2.0, 1.0), 40_001)  # past dozens of points
    steps = np.diff([weights_of(tuple(place)) for place in way], axis=0)
    assert np.abs(steps).max() < 0.02
    assert (np.abs(steps).max(0) > 0).sum() > 10


def test_beyond_the_outermost_points_the_nearest_has_the_weight_and_loses_it_continuously():
    points = np.random.default_rng(4).normal(size=(1500, 2))
    angles = np.linspace(0, 2 * np.pi, 3601)
    ring = 5.5 * np.stack([np.cos(angles), np.sin(angles)], 1)
    rows = np.array([weights_of(tuple(place), points) for place in ring])
    assert np.quantile(rows.max(1), 0.25) > 0.9
    assert (rows.max(0) > 0.9).sum() > 5
    border = int(np.flatnonzero(np.diff(rows.argmax(1)))[0])  # between two of these steps another point is the nearest
    fine = np.linspace(ring[border], ring[border + 1], 1001)
    steps = np.abs(np.diff([weights_of(tuple(place), points) for place in fine], axis=0))
    assert steps.max() < 0.01


def test_points_in_one_place_or_equally_far_share_the_weight():
    same = np.zeros((5, 2))
    assert weights_of((0.0, 0.0), same).max() == pytest.approx(1 / 3)
    corners = np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    assert weights_of((0.0, 0.0), corners).max() == pytest.approx(1 / 3)


def test_at_a_dot_is_its_picture_and_between_dots_a_face_of_full_norm(engine, latent_map):
    x, y = latent_map.arranged(MAIN_AXES).places[4]
    at_dot = engine.decode(blend_at(engine, latent_map, (x, y)))[0]
    np.testing.assert_allclose(at_dot.astype(int), latent_map.pictures[4], atol=1)
    place = (0.1, -0.2)
    indices, weights = nearest(latent_map.arranged(MAIN_AXES).places, place)
    assert weights.max() < 0.95
    blend = blend_at(engine, latent_map, place)
    norms = torch.cat([engine.encode(latent_map.pictures[i]).latents.level_norms() for i in indices])
    expected = torch.from_numpy(weights).float() @ norms
    torch.testing.assert_close(blend.level_norms()[0], expected, rtol=1e-4, atol=0)


def test_between_dots_is_a_blend_of_the_nearest_by_the_axes_of_the_map(engine, latent_map):
    axes = ("Smiling", "Young")
    for source in (Source("map", "0.3,0.1", axes=axes), Source("map", "0.3,0.1")):
        indices, weights = nearest(latent_map.arranged(source.axes).places, source.place)
        norms = torch.cat([engine.encode(latent_map.pictures[i]).latents.level_norms() for i in indices])
        blend = blend_at(engine, latent_map, source.place, source.axes)
        torch.testing.assert_close(blend.level_norms()[0], torch.from_numpy(weights).float() @ norms, rtol=1e-4, atol=0)
    by_score, by_variation = (maps.face_at(Source("map", "0.3,0.1", axes=a), engine) for a in (axes, MAIN_AXES))
    assert np.abs(by_score.astype(int) - by_variation).max() > 5


def test_a_film_goes_through_the_pictures_of_its_stations_in_small_steps(engine, latent_map):
    path = [(-1.5, -1.0), (0.0, 0.5), (1.5, 0.0)]
    frames = film_along(engine, latent_map, path)
    assert len(frames) == FRAMES
    leg = (FRAMES - 1) // (STATIONS - 1)
    stations = [engine.decode(blend_at(engine, latent_map, place))[0] for place in evenly(path, STATIONS)]
    for index, station in enumerate(stations):
        np.testing.assert_allclose(frames[leg * index].astype(int), station, atol=1)
    distances = [np.abs(np.subtract(a, b, dtype=int)).mean() for a, b in pairwise(frames)]
    ends = [np.abs(np.subtract(a, b, dtype=int)).mean() for a, b in pairwise(stations)]
    assert max(distances) < max(ends) / 2


def test_paths_are_walked_evenly():
    path = [(0.0, 0.0), (0.0, 0.0), (1.0, 0.0), (1.0, 3.0)]
    points = evenly(path, 5)
    assert points == [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (1.0, 2.0), (1.0, 3.0)]
    assert evenly([(1.0, 1.0), (1.0, 1.0)], 3) == [(1.0, 1.0)] * 3


def test_a_place_beyond_the_limit_of_a_recipe_is_the_place_at_the_limit(engine):
    assert Source("map", "99,0").place == (PLACE_LIMIT, 0.0)
    far, limit = (maps.face_at(Source("map", place), engine) for place in ("99,0", f"{PLACE_LIMIT},0"))
    np.testing.assert_array_equal(far, limit)


def test_a_map_that_waits_for_its_model_does_not_delay_another_one(engine, bare, monkeypatch):
    maps._maps.clear()
    started, release = threading.Event(), threading.Event()
    small = maps._small

    def waiting(which):
        if which is engine:
            started.set()
            assert release.wait(20)
        return small(which)

    monkeypatch.setattr(maps, "_small", waiting)
    slow = threading.Thread(target=maps.map_of, args=(engine,))
    slow.start()
    assert started.wait(20)
    found = []
    other = threading.Thread(target=lambda: found.append(maps.map_of(bare)))
    other.start()
    other.join(10)
    release.set()
    slow.join(20)
    other.join(20)
    assert found, "the other map came only after the slow one"
    assert maps.map_of(bare) is found[0]
    assert not {maps.key_of(engine), maps.key_of(bare)} & set(maps._locks)


def test_a_face_that_the_map_does_not_have_is_told_with_those_that_it_has(engine):
    last = len(maps.map_of(engine)) - 1
    with pytest.raises(RecipeError, match=rf"no face {last + 1}; expected 0 to {last}$"):
        maps.face_at(Source("map", str(last + 1)), engine)


def test_a_large_map_is_read_once(engine, latent_map, monkeypatch):
    wide = replace(latent_map, pictures=np.broadcast_to(np.uint8(0), (10_000, 64, 64, 3)))
    read = []
    monkeypatch.setattr(maps, "_maps", ByteLRU(maps._maps.limit))
    monkeypatch.setattr(maps.LatentMap, "load", lambda folder, weights: read.append(folder) or wide)
    assert maps.map_of(engine) is maps.map_of(engine) is wide
    assert len(read) == 1


def test_a_map_without_a_file_has_the_scores_of_the_present_attributes(engine, bare, monkeypatch):
    monkeypatch.setattr(maps, "_maps", ByteLRU(maps._maps.limit))
    monkeypatch.setattr(maps, "MAP_FILE", "no.such.file")
    assert maps.map_of(bare).axes_of(bare.attributes) == []
    assert maps.map_of(engine).axes_of(engine.attributes) == list(engine.attribute_names)
    assert maps.map_of(engine) is maps.map_of(engine)


def test_a_map_without_a_file_follows_the_gallery_and_without_one_the_temperature(tiny_home, tmp_path):
    engine = Engine.open(shutil.copytree(tiny_home / "pretrained" / "tiny", tmp_path / "tiny"), "tiny")
    before = maps.map_of(engine)
    Image.new("RGB", (32, 32), (200, 30, 30)).save(engine.gallery.folder / "face_01.png")
    after = maps.map_of(engine)
    assert [i for i in range(6) if (after.pictures[i] != before.pictures[i]).any()] == [1]
    assert maps.map_of(engine) is after
    (engine.gallery.folder / "face_01.png").unlink()
    assert len(maps.map_of(engine)) == 5
    shutil.rmtree(engine.gallery.folder)
    warm = maps.map_of(engine)
    engine.temperature = (0.2,)
    assert maps.map_of(engine).pictures.std() < warm.pictures.std()
