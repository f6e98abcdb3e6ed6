"""An attribute fitted to 8 and 8 pictures has the right direction, moves a picture and leaves the others unchanged."""

import numpy as np
import pytest
import torch

from explorer.atlas.latent_map import LatentMap
from explorer.edits.recipe import EditRecipe, Source
from explorer.engines.results import Encoded
from explorer.own import attribute, attribute_file, sliders
from glowcore.errors import CheckpointError, ConfigError, DataError
from glowcore.latents import Latents

HASH = "0123456789ab"


def encoded_of(flat: torch.Tensor, like: Latents) -> list[Encoded]:
    blank = np.zeros((1, 1, 3), np.uint8)
    return [Encoded("", like.with_flat(row[None]), blank, blank) for row in flat]


def planted(engine, strength=5.0):
    """Return 8 and 8 encodings that differ by a known direction in the span of the map, with noise of full rank."""
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
    vectors = attribute.fit("My thing", having, lacking, engine.attributes, plan, weights=HASH)
    found = vectors.directions[0] / vectors.directions[0].norm()
    assert float(found @ direction) >= 0.5
    plain = attribute.fit("My thing", having, lacking, weights=HASH).directions[0]
    assert float(plain @ direction / plain.norm()) < float(found @ direction)
    assert vectors.info("My thing")["positives"] == 8
    assert vectors.info("My thing")["separation"] >= 0.75
    assert vectors.sigma("My thing") == pytest.approx(1.0, abs=0.05)
    scores = [float(vectors.score(e.latents, "My thing")) for e in having + lacking]
    assert np.mean(scores[:8]) > np.mean(scores[8:])


def test_an_own_attribute_moves_the_picture_and_keeps_the_others(engine, blobs):
    having, lacking, _, plan = planted(engine)
    own = attribute_file.from_file(
        attribute_file.to_file(attribute.fit("Mine", having, lacking, None, plan, weights=HASH))
    )
    attributes = sliders.joined(engine.attributes, [own])
    assert attributes.names == (*engine.attributes.names, "Mine")
    assert attributes.sigma("Male") == pytest.approx(engine.attributes.sigma("Male"))
    extended = engine.with_attributes(attributes)
    recipe = EditRecipe(Source("photo", "0" * 32), (("Mine", 3.0),), ("Male",))
    assert (extended.render(recipe, blobs[0]).picture != blobs[0]).any()
    assert "Mine" not in engine.attribute_names
    again = sliders.joined(attributes, [own])
    assert again.names == attributes.names


def test_what_cannot_be_an_attribute(engine):
    having, lacking, _, _ = planted(engine)
    with pytest.raises(DataError, match="8"):
        attribute.fit("x", having[:7], lacking, weights=HASH)
    with pytest.raises(DataError, match="differ"):
        attribute.fit("x", having, having, weights=HASH)
    for name in ("", "<b>", "a" * 41, "_x", "a\nb"):
        with pytest.raises(ConfigError):
            attribute.fit(name, having, lacking, weights=HASH)
    for data in (b"", b"x" * 100, attribute_file.to_file(attribute.fit("x", having, lacking, weights=HASH))[:-9]):
        with pytest.raises(CheckpointError):
            attribute_file.from_file(data)
