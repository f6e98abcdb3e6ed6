"""An attribute fitted to 8 and 8 pictures has the right direction, moves a picture and leaves the others unchanged."""

import itertools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from explorer.atlas.latent_map import LatentMap
from explorer.edits.recipe import EditRecipe, Source
from explorer.own import attribute, attribute_file, held_out, sliders
from glowcore.errors import CheckpointError, ConfigError, DataError
from glowcore.latents import Latents

HASH = "0123456789ab"
MINE = Path("mine.safetensors")


def batches(engine, *groups: torch.Tensor) -> list[Latents]:
    return [Latents.from_flat(group, engine.latent_shapes) for group in groups]


def map_of(mean: torch.Tensor, basis: torch.Tensor, scale: float = 1.0) -> LatentMap:
    """Return a map without pictures whose components are the rows of ``basis``."""
    count = len(basis)
    labels, blank = np.zeros((0, 0), np.int8), np.zeros((0, 4, 4, 3), np.uint8)
    scales, coordinates, scores = torch.full((count,), scale), torch.zeros(0, count), torch.zeros(0, 0)
    return LatentMap(mean, basis, scales, coordinates, scores, {}, labels, (), blank, 0.5)


def planted(engine, strength=5.0):
    """Return 8 and 8 encodings that differ by a known direction in the span of the map, with noise of full rank."""
    generator = torch.Generator().manual_seed(7)
    dims = engine.sample_latents(0, 0.0).num_dims
    basis = torch.linalg.qr(torch.randn(dims, 40, generator=generator)).Q.T
    direction = torch.randn(40, generator=generator) @ basis
    direction = direction / direction.norm()
    a = torch.randn(8, dims, generator=generator) + strength / 2 * direction
    b = torch.randn(8, dims, generator=generator) - strength / 2 * direction
    return *batches(engine, a, b), direction, map_of(torch.zeros(dims), basis)


def test_a_planted_direction_is_recovered_from_8_and_8(engine):
    having, lacking, direction, plan = planted(engine)
    vectors = attribute.fit("My thing", having, lacking, engine.attributes, plan, weights=HASH)
    found = vectors.directions[0] / vectors.directions[0].norm()
    assert float(found @ direction) >= 0.5
    plain = attribute.fit("My thing", having, lacking, weights=HASH).directions[0]
    assert float(plain @ direction / plain.norm()) < float(found @ direction)
    assert vectors.info("My thing")["positives"] == 8
    assert vectors.info("My thing")["separation"] >= 0.75
    assert vectors.score(having, "My thing").mean() > vectors.score(lacking, "My thing").mean()


@dataclass
class Population:
    """Latents of a known distribution, some dimensions of which vary far more than others; a share has the attribute.

    ``effect`` is the difference of those with it, in the 30 dimensions that vary most, which are also the map's.
    """

    dims: int
    effect: float
    share: float
    generator: torch.Generator

    def __post_init__(self) -> None:
        self.stds = torch.logspace(0.7, -1, self.dims)
        self.mean = 0.5 * torch.randn(self.dims, generator=self.generator)
        self.direction = torch.zeros(self.dims)
        self.direction[:30] = torch.nn.functional.normalize(torch.randn(30, generator=self.generator), dim=0)

    def draw(self, count: int, share: float) -> torch.Tensor:
        with_it = torch.arange(count) < share * count
        noise = torch.randn(count, self.dims, generator=self.generator) * self.stds
        # ``mean`` is that of the population, whatever ``share`` of these pictures has the attribute.
        return self.mean + noise + self.effect * (with_it.float() - self.share)[:, None] * self.direction


@pytest.mark.parametrize("scale", [None, 10.0], ids=["no map", "map with wrong scales"])
@pytest.mark.parametrize(("photos", "tolerance"), [(8, 0.2), (30, 0.1)])
@pytest.mark.parametrize(("effect", "share"), [(0.0, 0.5), (6.0, 0.2), (6.0, 0.5)])
def test_sigma_and_score_are_those_of_other_pictures(engine, scale, photos, tolerance, effect, share):
    ratios, means, stds = [], [], []
    for seed in range(6):
        dims = engine.sample_latents(0, 0.0).num_dims
        population = Population(dims, effect, share, torch.Generator().manual_seed(seed))
        groups = batches(engine, population.draw(photos, 1), population.draw(photos, 0))
        plan = None if scale is None else map_of(population.mean, torch.eye(dims)[:30], scale)
        vectors = attribute.fit("x", *groups, latent_map=plan, weights=HASH)
        (others,) = batches(engine, population.draw(2000, share))
        unit = vectors.directions[0] / vectors.directions[0].norm()
        ratios.append(vectors.sigma("x") / float((others.flatten() @ unit).std()))
        scores = vectors.score(others, "x")
        means.append(float(scores.mean()))
        stds.append(float(scores.std()))
    assert np.mean(ratios) == pytest.approx(1, abs=tolerance)
    assert np.mean(stds) == pytest.approx(1, abs=tolerance)
    assert np.abs(means).max() < (0.15 if plan else 1)
    if share == 0.5:
        assert np.mean(means) == pytest.approx(0, abs=0.2)


@pytest.mark.parametrize("effect", [0.0, 3.0])
def test_separation_is_the_share_of_pairs_told_apart_without_them(effect):
    population = Population(300, effect, 0.5, torch.Generator().manual_seed(3))
    having, lacking = population.draw(9, 1), population.draw(8, 0)
    wins = 0
    for i, j in itertools.product(range(9), range(8)):
        rest = [torch.cat([rows[:k], rows[k + 1 :]]).mean(0) for rows, k in ((having, i), (lacking, j))]
        wins += float((having[i] - lacking[j]) @ (rest[0] - rest[1])) > 0
    assert held_out.separation(having, lacking) == pytest.approx(wins / 72)


def test_an_own_attribute_moves_the_picture_and_keeps_the_others(engine, blobs):
    having, lacking, _, plan = planted(engine)
    data = attribute_file.to_file(attribute.fit("Mine", having, lacking, None, plan, weights=HASH))
    own = attribute_file.from_file(data, MINE)
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
            attribute_file.from_file(data, MINE)
