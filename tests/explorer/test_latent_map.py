"""The map is invertible and its file restores it."""

import errno
import os
from dataclasses import replace

import numpy as np
import pytest
import torch

from explorer.atlas.latent_map import MAP_FILE, LatentMap, most_pictures, principal_components
from explorer.edits.recipe import PLACE_LIMIT, Source
from glowcore.errors import CheckpointError, ConfigError, DataError
from glowcore.storage.safetensors_guard import pack, unpack


@pytest.fixture(scope="module")
def latent_map(engine, blobs):
    labels = np.array([[1, -1], [0, 1]] * 5, np.int8)
    return LatentMap.build(engine, blobs, labels, ("Smiling", "Male"))


def test_components_are_orthonormal_and_whitened(latent_map):
    torch.testing.assert_close(latent_map.basis @ latent_map.basis.T, torch.eye(9), atol=2e-4, rtol=0)
    assert torch.all(latent_map.scale[:-1] >= latent_map.scale[1:])
    torch.testing.assert_close(latent_map.coordinates.var(0), torch.ones(9), atol=1e-3, rtol=0)
    assert 0 < latent_map.explained <= 1


def test_every_place_decodes(engine, latent_map):
    pictures = latent_map.decode(engine, [(0.0, 0.0), (2.0, -1.0), (1e9, -1e9)])
    assert [p.shape for p in pictures] == [(32, 32, 3)] * 3
    assert (pictures[0] != pictures[1]).any()


def test_the_place_that_a_recipe_names_is_the_place_that_is_decoded(engine, latent_map):
    far, farther, near = latent_map.decode(engine, [(PLACE_LIMIT, 0.0), (99.0, 0.0), (PLACE_LIMIT - 0.5, 0.0)])
    np.testing.assert_array_equal(far, farther)
    assert Source("map", "99,0").place == (PLACE_LIMIT, 0.0)
    assert (far != near).any()


def test_the_file_brings_it_back(latent_map, engine, tmp_path):
    latent_map.save(tmp_path)
    again = LatentMap.load(tmp_path)
    assert (len(again), again.names) == (10, ("Smiling", "Male"))
    np.testing.assert_array_equal(again.labels, latent_map.labels)
    torch.testing.assert_close(again.coordinates, latent_map.coordinates, atol=2e-3, rtol=1e-3)
    assert np.abs(again.pictures.astype(int) - latent_map.pictures.astype(int)).mean() < 8


def test_files_that_are_no_maps(tmp_path, latent_map):
    assert LatentMap.load(tmp_path) is None
    path = latent_map.save(tmp_path)
    data = path.read_bytes()
    for bad in (b"", b"hello", data[:200], data[:-7], data.replace(b"mean", b"maen")):
        path.write_bytes(bad)
        with pytest.raises(CheckpointError):
            LatentMap.load(tmp_path)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("coordinates", lambda t: torch.tensor(1.0)),
        ("coordinates", lambda t: t[:, 0]),
        ("coordinates", lambda t: t[:-1]),
        ("coordinates", lambda t: t[:, :-1]),
        ("mean", lambda t: t[None]),
        ("mean", lambda t: t[:-1]),
        ("basis", lambda t: t[:-1]),
        ("scale", lambda t: t[:-1]),
        ("labels", lambda t: t[:, :1]),
        ("labels", lambda t: t.float()),
        ("pictures", lambda t: t.bfloat16()),
    ],
)
def test_tensors_of_other_shapes_and_types_are_no_map(tmp_path, latent_map, name, wrong):
    path = latent_map.save(tmp_path)
    tensors, table = unpack(path, path.read_bytes())
    path.write_bytes(pack(path, {**tensors, name: wrong(tensors[name]).contiguous()}, table))
    with pytest.raises(CheckpointError, match=f"{MAP_FILE}: not a map of this program"):
        LatentMap.load(tmp_path)


@pytest.mark.parametrize(("key", "value"), [("side", "0"), ("names", ""), ("explained", "x")])
def test_facts_that_are_no_map(tmp_path, latent_map, key, value):
    path = latent_map.save(tmp_path)
    tensors, table = unpack(path, path.read_bytes())
    path.write_bytes(pack(path, tensors, {**table, key: value}))
    with pytest.raises(CheckpointError, match="not a map of this program"):
        LatentMap.load(tmp_path)


@pytest.mark.parametrize(("count", "dims"), [(40, 6), (6, 40), (70, 70)])
def test_components_are_those_of_the_singular_values_whichever_side_is_longer(count, dims, monkeypatch):
    rows = torch.randn(count, dims, generator=torch.Generator().manual_seed(3))
    rows -= rows.mean(0)
    sides, eigh = [], torch.linalg.eigh
    monkeypatch.setattr(torch.linalg, "eigh", lambda matrix: sides.append(len(matrix)) or eigh(matrix))
    basis, values = principal_components(rows, 5)
    _, singular, right = torch.linalg.svd(rows, full_matrices=False)
    torch.testing.assert_close(values.float(), singular[:5] ** 2, rtol=1e-4, atol=0)
    torch.testing.assert_close((basis @ right[:5].T).abs(), torch.eye(5), rtol=0, atol=1e-3)
    assert sides == [min(count, dims)]


def test_there_are_no_more_components_than_dimensions():
    rows = torch.randn(40, 6, generator=torch.Generator().manual_seed(3))
    basis, values = principal_components(rows - rows.mean(0), 64)
    assert (basis.shape, values.shape) == ((6, 6), (6,))
    torch.testing.assert_close(basis @ basis.T, torch.eye(6), atol=1e-5, rtol=0)


def test_the_most_pictures_that_a_map_keeps_fit_a_webp(latent_map, tmp_path):
    assert [most_pictures((side, side)) for side in (8, 64, 128, 409)] == [10_000, 10_000, 5_080, 520]
    for size in ((410, 410), (64, 48)):
        with pytest.raises(ConfigError, match=f"cannot keep pictures of {size[1]}x{size[0]}"):
            most_pictures(size)
    side = 256
    count = most_pictures((side, side))
    grey = np.broadcast_to(np.uint8(90), (count, side, side, 3))
    wide = replace(latent_map, pictures=grey, coordinates=torch.zeros(count, 9), labels=np.zeros((count, 2), np.int8))
    wide.save(tmp_path)
    assert len(LatentMap.load(tmp_path)) == count == 1320


def test_a_map_that_cannot_be_written_leaves_the_earlier_one(latent_map, tmp_path, monkeypatch):
    path = latent_map.save(tmp_path)
    before = path.read_bytes()

    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("glowcore.storage.output.os.fsync", full)
    with pytest.raises(ConfigError, match="the disk is full"):
        latent_map.save(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    assert path.read_bytes() == before


def test_too_few_pictures(engine, blobs):
    with pytest.raises(DataError):
        LatentMap.build(engine, blobs[:3], np.zeros((3, 0), np.int8), ())
