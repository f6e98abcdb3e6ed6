"""Sigma is that of other pictures, however few the directions were fitted to."""

import numpy as np
import pytest
import torch

from glowcore.attributes import fit
from glowcore.attributes.directions import DIRECTION_KINDS
from glowcore.attributes.fit import Columns, fit_matrix

SHAPES = ((32, 8, 8), (32, 4, 4))
DIMS = 2560
NAMES = ("Smiling", "Male")
HAT = Columns(("Hat",), SHAPES)


def encodings(count, seed, names=NAMES, offset=0.0):
    """Return noise, louder at the coarse level, with a planted direction for every attribute, and their labels."""
    rng = np.random.default_rng(seed)
    truth = np.random.default_rng(99).normal(size=(len(names), DIMS)) / np.sqrt(DIMS)
    labels = (np.arange(count)[:, None] >> np.arange(len(names))) % 2
    noise = rng.normal(size=(count, DIMS)) * np.repeat([0.9, 1.3], [2048, 512])
    return (offset + noise + 2 * labels @ truth).astype(np.float32), labels.astype(np.int8)


def plain(directions, eps):
    """Return the standard deviation of encodings along directions."""
    unit = torch.nn.functional.normalize(directions.double(), dim=1).numpy()
    return (eps.astype(np.float64) @ unit.T).std(0)


@pytest.mark.parametrize("kind", DIRECTION_KINDS)
def test_few_pictures_give_the_sigma_of_others(kind):
    eps, labels = encodings(120, 0)
    labels[:8, 0] = -1
    eps[20] = np.nan
    fitted = fit_matrix(eps, labels, Columns(NAMES, SHAPES), kind=kind)
    expected = plain(fitted.directions, encodings(4000, 1)[0])
    inflated = plain(fitted.directions, np.delete(eps, 20, axis=0))
    for index, name in enumerate(NAMES):
        assert inflated[index] > 3 * expected[index]
        assert fitted.sigma(name) == pytest.approx(expected[index], rel=0.15)
    # After a component is removed too, and between attributes.
    turned = fitted.orthogonalise("Smiling", ["Male"])
    assert turned.sigma("Smiling") == pytest.approx(plain(turned.directions, encodings(4000, 1)[0])[0], rel=0.15)
    assert abs(float(fitted.covariance[0, 1])) < 0.3 * float(fitted.covariance.diagonal().prod().sqrt())


@pytest.mark.parametrize("kind", DIRECTION_KINDS)
def test_a_mean_that_all_encodings_share_changes_nothing(kind):
    sigmas = [fit_matrix(*encodings(100, 0, HAT.names, offset), HAT, kind=kind).sigma("Hat") for offset in (0.0, 3.0)]
    assert sigmas[1] == pytest.approx(sigmas[0], rel=1e-3)


@pytest.mark.parametrize("left", [1.0, 0.5, 0.0])
def test_a_refined_direction_is_corrected_for_what_is_left_of_the_partial_one(monkeypatch, left):
    monkeypatch.setattr(fit, "FEWEST_FOR_SIGMA", 0)
    eps, labels = encodings(100, 0, HAT.names)
    other = torch.randn(1, DIMS, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    def refine(_matrix, _labels, names, directions, sigmas):
        assert sigmas is None
        unit = torch.nn.functional.normalize
        return unit(left * unit(directions) + (1 - left) * unit(other)), {name: {} for name in names}

    fitted = fit_matrix(eps, labels, HAT, refine=refine)
    assert fitted.sigma("Hat") == pytest.approx(plain(fitted.directions, encodings(4000, 1, HAT.names)[0])[0], rel=0.15)


def test_few_pictures_are_refined_with_a_fixed_sigma_which_the_result_keeps():
    eps, labels = encodings(100, 0)
    columns = Columns(NAMES, SHAPES)
    calls = []

    def refine(_matrix, _labels, names, directions, sigmas):
        calls.append(sigmas)
        return torch.from_numpy(eps[:2]).double(), {name: {} for name in names}  # as far towards the pictures as can be

    partial, refined = fit_matrix(eps, labels, columns), fit_matrix(eps, labels, columns, refine=refine)
    for index, name in enumerate(NAMES):
        assert float(calls[0][index]) == pytest.approx(partial.sigma(name), rel=1e-6)
        assert refined.sigma(name) == pytest.approx(partial.sigma(name), rel=1e-6)
