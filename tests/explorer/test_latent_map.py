"""The map is invertible and survives its file; an attribute from 8 and 8 pictures points the right way."""

import numpy as np
import pytest
import torch

from explorer import own_attribute, own_sliders
from explorer.latent_map import LatentMap
from explorer.paths import evenly
from explorer.recipe import PLACE_LIMIT, EditRecipe, Source
from explorer.results import Encoded
from glowcore.errors import CheckpointError, ConfigError, DataError
from glowcore.latents import Latents


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


def test_too_few_pictures(engine, blobs):
    with pytest.raises(DataError):
        LatentMap.build(engine, blobs[:3], np.zeros((3, 0), np.int8), ())


HASH = "0123456789ab"


def encoded_of(flat: torch.Tensor, like: Latents) -> list[Encoded]:
    blank = np.zeros((1, 1, 3), np.uint8)
    return [Encoded("", like.with_flat(row[None]), blank, blank) for row in flat]


def planted(engine, strength=5.0):
    """8 and 8 encodings that differ by a known direction inside the span of what faces do, under noise of full rank."""
    generator = torch.Generator().manual_seed(7)
    like = engine.sample_latents(0, 0.0).to("cpu")
    dims = like.num_dims
    basis = torch.linalg.qr(torch.randn(dims, 40, generator=generator)).Q.T
    direction = torch.randn(40, generator=generator) @ basis
    direction = direction / direction.norm()
    a = torch.randn(8, dims, generator=generator) + strength / 2 * direction
    b = torch.randn(8, dims, generator=generator) - strength / 2 * direction
    blank = np.zeros((40, 4, 4, 3), np.uint8)
    plan = LatentMap(
        torch.zeros(dims), basis, torch.ones(40), torch.zeros(40, 40), np.zeros((40, 0), np.int8), (), blank, 0.5
    )
    return encoded_of(a, like), encoded_of(b, like), direction, plan


def test_a_planted_direction_is_recovered_from_8_and_8(engine):
    having, lacking, direction, plan = planted(engine)
    vectors = own_attribute.fit("My thing", having, lacking, engine.attributes, plan, weights=HASH)
    found = vectors.directions[0] / vectors.directions[0].norm()
    assert float(found @ direction) >= 0.5
    plain = own_attribute.fit("My thing", having, lacking, weights=HASH).directions[0]
    assert float(plain @ direction / plain.norm()) < float(found @ direction)
    assert vectors.info("My thing")["positives"] == 8
    assert vectors.info("My thing")["separation"] >= 0.75
    assert vectors.sigma("My thing") == pytest.approx(1.0, abs=0.05)
    scores = [float(vectors.score(e.latents, "My thing")) for e in having + lacking]
    assert np.mean(scores[:8]) > np.mean(scores[8:])


def test_an_own_attribute_moves_the_picture_and_keeps_the_others(engine, blobs):
    having, lacking, _, plan = planted(engine)
    own = own_attribute.from_file(
        own_attribute.to_file(own_attribute.fit("Mine", having, lacking, None, plan, weights=HASH))
    )
    attributes = own_sliders.joined(engine.attributes, [own])
    assert attributes.names == (*engine.attributes.names, "Mine")
    assert attributes.sigma("Male") == pytest.approx(engine.attributes.sigma("Male"))
    extended = engine.with_attributes(attributes)
    recipe = EditRecipe(Source("photo", "0" * 32), (("Mine", 3.0),), ("Male",))
    assert (extended.render(recipe, blobs[0]).picture != blobs[0]).any()
    assert "Mine" not in engine.attribute_names
    again = own_sliders.joined(attributes, [own])
    assert again.names == attributes.names


def test_what_cannot_be_an_attribute(engine):
    having, lacking, _, _ = planted(engine)
    with pytest.raises(DataError, match="8"):
        own_attribute.fit("x", having[:7], lacking, weights=HASH)
    with pytest.raises(DataError, match="differ"):
        own_attribute.fit("x", having, having, weights=HASH)
    for name in ("", "<b>", "a" * 41, "_x", "a\nb"):
        with pytest.raises(ConfigError):
            own_attribute.fit(name, having, lacking, weights=HASH)
    for data in (b"", b"x" * 100, own_attribute.to_file(own_attribute.fit("x", having, lacking, weights=HASH))[:-9]):
        with pytest.raises(CheckpointError):
            own_attribute.from_file(data)


def test_paths_are_walked_evenly():
    path = [(0.0, 0.0), (0.0, 0.0), (1.0, 0.0), (1.0, 3.0)]
    points = evenly(path, 5)
    assert points == [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (1.0, 2.0), (1.0, 3.0)]
    assert evenly([(1.0, 1.0), (1.0, 1.0)], 3) == [(1.0, 1.0)] * 3
