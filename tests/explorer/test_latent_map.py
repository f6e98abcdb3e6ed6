"""The components of a map and their share of the variance, its file, and the limits of both."""

import errno
import os
import weakref
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from explorer.atlas import latent_map as module
from explorer.atlas.latent_map import MAP_FILE, LatentMap
from explorer.atlas.sheet import compressed, most_pictures
from explorer.edits.recipe import MAIN_AXES
from explorer.engines.engine import Engine
from glowcore.errors import CheckpointError, ConfigError, DataError
from glowcore.latents import Latents
from glowcore.storage.safetensors_guard import pack, unpack


@pytest.fixture(scope="module")
def latent_map(engine, blobs):
    labels = np.array([[1, -1], [0, 1]] * 5, np.int8)
    return LatentMap.build(engine, blobs, labels, ("Smiling", "Male"), compress=True)


def test_components_are_orthonormal_and_whitened(latent_map):
    torch.testing.assert_close(latent_map.basis @ latent_map.basis.T, torch.eye(9), atol=2e-4, rtol=0)
    assert torch.all(latent_map.scale[:-1] >= latent_map.scale[1:])
    torch.testing.assert_close(latent_map.coordinates.var(0), torch.ones(9), atol=1e-3, rtol=0)
    assert 0 < latent_map.explained <= 1


class Rows:
    """A stand-in for an engine whose encodings are given rows; a picture's first value is the number of its row."""

    def __init__(self, rows: np.ndarray) -> None:
        self.rows = rows.astype(np.float32)
        self.latent_shapes = ((1, 1, rows.shape[1]),)
        self.attributes, self.own, self.model_hash = None, (), ""
        self.encoded = []

    def encode_batch(self, pictures):
        self.encoded += pictures[:, 0, 0, 0].tolist()
        return self.rows[pictures[:, 0, 0, 0]]


def numbered(*numbers):
    """Return pictures that stand for the rows of these numbers, and no labels."""
    pictures = np.zeros((len(numbers), 1, 1, 3), np.int64)
    pictures[:, 0, 0, 0] = numbers
    return pictures


def map_of_rows(rows, shown, **options):
    return LatentMap.build(Rows(rows), numbered(*shown), np.zeros((len(shown), 0), np.int8), (), **options)


def test_noise_is_explained_by_no_component_in_pictures_that_were_not_fitted():
    noise = np.random.default_rng(1).normal(size=(400, 512))
    alone = map_of_rows(noise, range(60))
    centred = alone.coordinates * alone.scale
    assert float(centred[:, :2].square().sum()) / noise[:60].var(0).sum() / 60 > 0.05  # of the fitted pictures
    others = map_of_rows(noise, range(60), fitted_to=numbered(*range(60, 400)))
    for explained in (alone.explained, others.explained):
        assert explained == pytest.approx(2 / 512, abs=1.5 / 512)
    assert others.scale[:2].tolist() == pytest.approx([1.0, 1.0], abs=0.2)
    assert alone.scale[:2].min() > 2.5


def test_planted_directions_are_found_with_their_share():
    generator = np.random.default_rng(2)
    rows = generator.normal(size=(500, 512))
    rows[:, 7] *= 12
    rows[:, 3] *= 8
    share = (12**2 + 8**2) / (12**2 + 8**2 + 510)
    for options in ({}, {"fitted_to": numbered(*range(200, 500))}):
        found = map_of_rows(rows, range(200), **options)
        assert found.explained == pytest.approx(share, abs=0.03)
        assert found.basis[0, 7].abs() > 0.95
        assert found.basis[1, 3].abs() > 0.95
        assert found.scale[:2].tolist() == pytest.approx([12, 8], rel=0.15)
        encoded = SimpleNamespace(latents=Latents.from_flat(torch.from_numpy(rows[5:6]), ((1, 1, 512),)))
        assert found.place_of(encoded) == pytest.approx(found.arranged(MAIN_AXES).places[5], abs=1e-4)


def test_components_are_those_of_the_singular_values():
    rows = torch.randn(40, 70, generator=torch.Generator().manual_seed(3)) + 5
    _, basis = module._fitted(rows.clone())
    _, _, right = torch.linalg.svd(rows - rows.mean(0), full_matrices=False)
    torch.testing.assert_close((basis @ right[:39].T).abs(), torch.eye(39), rtol=0, atol=2e-3)
    assert torch.equal(module._fitted(rows.clone())[1], basis)
    assert module._fitted(rows[:, :6].clone())[1].shape == (6, 6)


def test_pictures_are_thinned_until_their_encodings_fit_into_memory(monkeypatch):
    rows = np.random.default_rng(4).normal(size=(50, 16))
    for most, step in ((40, 1), (39, 2), (13, 4)):
        monkeypatch.setattr(module, "FIT_BYTES", most * 16 * 4)
        engine = Rows(rows)
        LatentMap.build(engine, numbered(0, 1, 2, 3), np.zeros((4, 0), np.int8), (), fitted_to=numbered(*range(10, 50)))
        assert engine.encoded == [*range(10, 50, step), 0, 1, 2, 3]


def test_a_batch_is_encoded_as_its_pictures_are_one_by_one_in_whatever_precision(tiny_home, blobs, monkeypatch):
    engine = Engine.open(tiny_home / "pretrained" / "tiny")  # its cache gets encodings in float64
    values = torch.from_numpy(blobs).permute(0, 3, 1, 2)
    (part,) = engine._worker.exact.encode_parts(values)
    monkeypatch.setattr("glowcore.exact.RETRY_ABOVE", float(part.errors.median()))
    assert len(engine._worker.exact.encode_parts(values)) == 2  # some in float32, some in float64
    monkeypatch.setattr(engine._batching, "size", 4)
    expected = np.stack([engine.encode(blob).latents.flatten()[0].float().numpy() for blob in blobs])
    np.testing.assert_allclose(engine.encode_batch(blobs), expected, atol=1e-4)


def test_the_file_brings_it_back(latent_map, engine, tmp_path):
    path = latent_map.save(tmp_path)
    again = LatentMap.load(tmp_path, latent_map.weights)
    assert (len(again), again.names) == (10, ("Smiling", "Male"))
    np.testing.assert_array_equal(again.labels, latent_map.labels)
    torch.testing.assert_close(again.coordinates, latent_map.coordinates, atol=2e-3, rtol=1e-3)
    np.testing.assert_array_equal(again.pictures, latent_map.pictures)
    assert again.save(tmp_path).read_bytes() == path.read_bytes()


def test_pictures_of_a_file_are_encoded_at_their_places(latent_map, engine, blobs, tmp_path):
    assert 0 < np.abs(latent_map.pictures.astype(int) - blobs).mean() < 8  # the compression is lossy
    latent_map.save(tmp_path)
    again = LatentMap.load(tmp_path, latent_map.weights)
    for picture, place in zip(again.pictures, again.arranged(MAIN_AXES).places, strict=True):
        assert again.place_of(engine.encode(picture)) == pytest.approx(place, abs=0.01)


def test_pictures_are_placed_by_the_scores_of_two_attributes(latent_map, engine, tmp_path):
    axes = ("Eyeglasses", "Smiling")
    latent_map.save(tmp_path)
    for found in (latent_map, LatentMap.load(tmp_path, latent_map.weights)):
        for picture, place in zip(found.pictures, found.arranged(axes).places, strict=True):
            encoded = engine.encode(picture)
            scores = [float(engine.attributes.score(encoded.latents, name)) for name in axes]
            assert place == pytest.approx(scores, abs=0.01)
            assert found.place_of(encoded, axes, engine.attributes) == pytest.approx(scores, abs=1e-5)
        mixed, main = (found.arranged(axes).places for axes in (("", "Smiling"), MAIN_AXES))
        assert [x for x, _ in mixed] == [x for x, _ in main]
        assert [y for _, y in mixed] == [y for _, y in found.arranged(axes).places]
    with pytest.raises(DataError, match="cannot be arranged by Tail; expected one of Smiling, "):
        latent_map.arranged(("Smiling", "Tail"))


def test_the_last_four_arrangements_are_kept(latent_map):
    pairs = [("", ""), *(("Smiling", name) for name in ("Male", "Young", "Beard", "Bangs"))]
    first = weakref.ref(latent_map.arranged(pairs[0]))
    kept = [weakref.ref(latent_map.arranged(pair)) for pair in pairs[1:]]
    assert first() is None
    assert [latent_map.arranged(pair) for pair in pairs[1:]] == [one() for one in kept]


def test_attributes_that_were_fitted_again_are_no_axes_of_the_map(latent_map, engine):
    attributes = engine.attributes
    assert latent_map.axes_of(attributes) == list(attributes.names)
    assert latent_map.axes_of(None) == []
    offsets = attributes.score_offsets.clone()
    offsets[0] += 0.5
    again = replace(attributes, score_offsets=offsets)
    assert latent_map.axes_of(again) == list(attributes.names[1:])


def test_attributes_of_a_visitor_are_no_axes_of_the_map(engine, blobs):
    own = engine.with_attributes(engine.attributes, own=["Young"])
    found = LatentMap.build(own, blobs, np.zeros((len(blobs), 0), np.int8), ())
    assert set(engine.attribute_names) - set(found.scored) == {"Young"}


def test_a_map_of_uncompressed_pictures_is_not_saved(engine, blobs, tmp_path):
    labels = np.zeros((len(blobs), 0), np.int8)
    with pytest.raises(ValueError, match="compress=True"):
        LatentMap.build(engine, blobs, labels, ()).save(tmp_path)


def test_files_that_are_no_maps(tmp_path, latent_map):
    assert LatentMap.load(tmp_path, latent_map.weights) is None
    path = latent_map.save(tmp_path)
    data = path.read_bytes()
    for bad in (b"", b"hello", data[:200], data[:-7], data.replace(b"mean", b"maen")):
        path.write_bytes(bad)
        with pytest.raises(CheckpointError):
            LatentMap.load(tmp_path, latent_map.weights)


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
        ("scores", lambda t: t[:, :1]),
        ("scores", lambda t: t[:-1]),
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
        LatentMap.load(tmp_path, latent_map.weights)


@pytest.mark.parametrize(
    ("key", "value"), [("side", "0"), ("names", ""), ("explained", "x"), ("scored", "[]"), ("scored", '{"a": 1}')]
)
def test_facts_that_are_no_map(tmp_path, latent_map, key, value):
    path = latent_map.save(tmp_path)
    tensors, table = unpack(path, path.read_bytes())
    path.write_bytes(pack(path, tensors, {**table, key: value}))
    with pytest.raises(CheckpointError, match="not a map of this program"):
        LatentMap.load(tmp_path, latent_map.weights)


def test_the_most_pictures_that_a_map_keeps():
    assert [most_pictures((side, side)) for side in (8, 64, 128, 409)] == [10_000, 10_000, 5_080, 520]
    for size in ((410, 410), (64, 48)):
        with pytest.raises(ConfigError, match=f"cannot keep pictures of {size[1]}x{size[0]}"):
            most_pictures(size)


@pytest.mark.proof
def test_the_most_pictures_fit_a_webp(latent_map, tmp_path):
    side = 256
    count = most_pictures((side, side))
    grey = np.broadcast_to(np.uint8(90), (count, side, side, 3))
    blank = {
        "coordinates": torch.zeros(count, 9),
        "scores": torch.zeros(count, 8),
        "labels": np.zeros((count, 2), np.int8),
    }
    wide = replace(latent_map, pictures=grey, sheet=compressed(grey), **blank)
    wide.save(tmp_path)
    assert len(LatentMap.load(tmp_path, latent_map.weights)) == count == 1320


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


def test_a_map_of_other_weights_is_passed_over_and_one_that_names_none_is_not(latent_map, engine, tmp_path):
    path = latent_map.save(tmp_path)
    assert LatentMap.load(tmp_path, engine.model_hash).weights == engine.model_hash
    assert LatentMap.load(tmp_path, "0123456789ab") is None
    tensors, table = unpack(path, path.read_bytes())
    del table["weights"]
    path.write_bytes(pack(path, tensors, table))
    assert len(LatentMap.load(tmp_path, "0123456789ab")) == 10


def test_a_file_of_before_the_scores_is_a_map_of_components(latent_map, tmp_path):
    path = latent_map.save(tmp_path)
    tensors, table = unpack(path, path.read_bytes())
    del tensors["scores"], table["scored"]
    path.write_bytes(pack(path, tensors, table))
    found = LatentMap.load(tmp_path, latent_map.weights)
    assert found.scored == {}
    expected = latent_map.arranged(MAIN_AXES).places
    assert np.allclose(found.arranged(MAIN_AXES).places, expected, atol=2e-3, rtol=1e-3)
