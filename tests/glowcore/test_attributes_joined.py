"""Attribute vectors of two fits in one: names, facts, scores, locks and strengths stay right."""

from dataclasses import replace

import pytest
import torch

from glowcore.attributes import AttributeVectors
from glowcore.errors import ConfigError
from tests.glowcore.planted import DIMS, SHAPES, latents


def covariance_of(directions, spread):
    """Return the covariance of the projections of latents whose dimensions have the standard deviations ``spread``."""
    scaled = directions.double() * spread
    return scaled @ scaled.T


def make(names, directions, spread, **more):
    """Return vectors of these directions, with their scores along them."""
    return AttributeVectors(
        names,
        directions=directions,
        score_weights=directions / directions.norm(dim=1, keepdim=True),
        score_offsets=torch.arange(len(names), dtype=torch.float64),
        covariance=covariance_of(directions, spread),
        shapes=SHAPES,
        facts={name: {"positives": 40} for name in names},
        **more,
    )


@pytest.fixture
def spread():
    """Return standard deviations as those of real encodings along attributes, 1.6 to 1.8."""
    return torch.linspace(1.6, 1.8, DIMS, dtype=torch.float64)


@pytest.fixture
def known(spread):
    directions = torch.randn(3, DIMS, generator=torch.Generator().manual_seed(0))
    return make(("Smiling", "Male", "Young"), directions, spread, source={"data_sha256": "first"})


@pytest.fixture
def extra(known, spread):
    """Return two attributes, the first of which shares most with ``Male``."""
    other = torch.randn(2, DIMS, generator=torch.Generator().manual_seed(1))
    other[0] = known.directions[1] + 0.2 * other[0]
    return make(("Beard", "Brille"), 3 * other, spread, source={"data_sha256": "second"})


def test_two_sets_of_equal_size_are_joined_alike_in_either_order(extra, spread):
    """Their fits need not agree on the spread along what they share."""
    known = make(("Male", "Young"), extra.directions.flip(0) + 0.5, 2 * spread)
    one, other = known.joined(extra), extra.joined(known)
    order = [other.names.index(name) for name in one.names]
    torch.testing.assert_close(one.covariance, other.covariance[order][:, order], rtol=1e-12, atol=0)
    assert torch.linalg.eigvalsh(one.covariance).min() > 0


def test_each_attribute_is_as_in_its_own_fit(known, extra):
    both = known.joined(extra)
    assert both.names == ("Smiling", "Male", "Young", "Beard", "Brille")
    batch = latents(torch.randn(4, DIMS, generator=torch.Generator().manual_seed(2)))
    for vectors in (known, extra):
        for name in vectors.names:
            assert both.sigma(name) == pytest.approx(vectors.sigma(name), rel=1e-12)
            assert torch.equal(both.score(batch, name), vectors.score(batch, name))
            assert torch.equal(both.apply(batch, {name: 2.0}).flatten(), vectors.apply(batch, {name: 2.0}).flatten())
    assert both.source == {"data_sha256": "first"}
    assert both.info("Male") == known.info("Male")
    assert both.info("Brille") == {**extra.info("Brille"), "source": {"data_sha256": "second"}}
    assert AttributeVectors.from_tensors(both.tensors(), both.metadata()).names == both.names


def test_a_lock_holds_across_the_two_fits(known, extra):
    both = known.joined(extra)
    batch = latents(torch.randn(4, DIMS, generator=torch.Generator().manual_seed(2)).double())
    for moved, locked in (("Beard", "Male"), ("Male", "Beard")):
        free = both.apply(batch, {moved: 2.0})
        held = both.apply(batch, {moved: 2.0}, locked=[locked])
        before = both.score(batch, locked)
        assert float((both.score(free, locked) - before).abs().min()) > 2
        assert torch.allclose(both.score(held, locked), before, atol=1e-5)


def test_sigma_after_orthogonalising_across_the_fits_is_that_of_the_latents(known, extra, spread):
    """With the covariance of standard normal latents between the fits it would be 8, almost five times too large."""
    for both in (known.joined(extra), extra.joined(known)):
        turned = both.orthogonalise("Beard", ["Male"])
        direction = turned.direction("Beard").flatten().double()
        truth = float(covariance_of(direction, spread).sqrt() / direction.norm())
        assert turned.sigma("Beard") == pytest.approx(truth, rel=0.1)
        assert abs(float(direction[0] @ known.directions[1].double())) < 1e-4 * float(direction.norm())


@pytest.mark.parametrize("factor", [0.01, 0.3, 1.0, 3.0])
def test_the_covariance_stays_positive_where_two_fits_disagree(known, extra, factor):
    other = replace(extra, covariance=factor * extra.covariance)
    both = known.joined(other)
    assert float(torch.linalg.eigvalsh(both.covariance).min()) > 0
    assert both.orthogonalise("Beard", ["Smiling", "Male", "Young"]).sigma("Beard") > 0


def test_a_later_attribute_replaces_one_of_its_name_in_its_place(known, extra):
    renamed = replace(extra, names=("Male", "Brille"), facts={})
    both = known.joined(renamed)
    assert both.names == ("Smiling", "Male", "Young", "Brille")
    assert both.sigma("Male") == pytest.approx(extra.sigma("Beard"), rel=1e-12)
    assert both.sigma("Young") == pytest.approx(known.sigma("Young"), rel=1e-12)
    assert torch.equal(both.direction("Male").flatten(), extra.direction("Beard").flatten())
    again = both.joined(known)
    assert again.names == both.names
    assert torch.equal(again.direction("Male").flatten(), known.direction("Male").flatten())
    assert known.joined(replace(known, source={"data_sha256": "new"})).source == {"data_sha256": "new"}
    assert known.joined(known.only(["Young", "Male", "Smiling"])).names == known.names
    assert extra.only(["Beard"]).joined(extra).names == ("Beard", "Brille")
    assert extra.only(["Brille"]).joined(extra).names == ("Brille", "Beard")


def test_the_source_of_the_set_is_that_of_a_fit_that_is_still_in_it(known, extra):
    """After a first fit, others joined, and the first fitted again, nothing of the first is left."""
    both = known.joined(extra)
    refit = both.joined(replace(known, source={"data_sha256": "third"}))
    assert refit.source == {"data_sha256": "third"}
    assert "source" not in refit.info("Male")
    assert refit.info("Beard")["source"] == {"data_sha256": "second"}
    # While one attribute of the first fit is left, the set's source is its.
    partly = both.joined(replace(known.only(["Male", "Young"]), source={"data_sha256": "third"}))
    assert partly.source == {"data_sha256": "first"}
    assert partly.info("Male")["source"] == {"data_sha256": "third"}
    assert both.only(["Male", "Brille"]).source == {"data_sha256": "first"}
    assert both.only(["Beard", "Brille"]).source == {}


def test_a_direction_is_called_orthogonal_only_to_those_it_still_is_orthogonal_to(known, extra):
    turned = known.orthogonalise("Smiling", ["Male", "Young"])
    joined = turned.joined(replace(extra, names=("Male", "Brille"), facts={}))
    assert joined.info("Smiling")["orthogonal_to"] == ["Young"]
    # One that is made orthogonal later is another direction too.
    both = known.orthogonalise("Smiling", ["Male"]).orthogonalise("Male", ["Young"])
    assert "orthogonal_to" not in both.info("Smiling")
    assert both.info("Male")["orthogonal_to"] == ["Young"]
    # The direction of a name that is not there cannot have been replaced.
    assert turned.without(["Male"]).joined(extra).info("Smiling")["orthogonal_to"] == ["Male", "Young"]


def test_vectors_for_other_latents_are_refused(known, extra):
    with pytest.raises(ConfigError, match="cannot join those for"):
        known.joined(replace(extra, shapes=SHAPES[::-1]))
    with pytest.raises(ConfigError, match="logistic prior cannot join"):
        known.joined(replace(extra, prior="logistic"))
