"""A path drawn on the map is resampled at equal distances."""

from explorer.atlas.drawn_paths import evenly


def test_paths_are_walked_evenly():
    path = [(0.0, 0.0), (0.0, 0.0), (1.0, 0.0), (1.0, 3.0)]
    points = evenly(path, 5)
    assert points == [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (1.0, 2.0), (1.0, 3.0)]
    assert evenly([(1.0, 1.0), (1.0, 1.0)], 3) == [(1.0, 1.0)] * 3
