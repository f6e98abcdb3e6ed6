"""Arithmetic on latents beyond sums: factors, means, gradients; and what is no operand or index."""

import io
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch

from glowcore import ConfigError, Latents
from tests.glowcore import tiny
from tests.glowcore.test_latents import latents


def test_a_factor_for_each_picture_scales_pictures_not_columns():
    a = Latents([torch.randn(4, 3, 4, 4)], y=torch.tensor([0, 1, 2, 3]))  # as wide as there are pictures
    factors = torch.tensor([1.0, 0.0, 2.0, -1.0], dtype=torch.float64)
    expected = a.flatten() * factors.float()[:, None]
    for product in (a * factors, factors * a, a * factors.numpy(), a / (1 / factors.float())):
        assert torch.allclose(product.flatten(), expected)
        assert (product.levels[0].dtype, product.y.tolist()) == (torch.float32, [0, 1, 2, 3])
    assert torch.equal((a * torch.tensor(2.0)).flatten(), 2 * a.flatten())


@pytest.mark.parametrize(
    ("factor", "told"),
    [
        (torch.ones(4, 1, 1, 1), "Tensor (4, 1, 1, 1)"),
        (torch.ones(1), "Tensor (1,)"),
        (np.ones(3), "Tensor (3,)"),
        (torch.ones(2) * 1j, "Tensor (2,)"),
    ],
)
def test_a_factor_that_is_none(factor, told):
    a = latents(2)
    for use in (lambda: a * factor, lambda: a / factor):
        with pytest.raises(ConfigError) as error:
            use()
        expected = f"the factor of latents is a {told}, expected a number, or one for each of 2 pictures"
        assert str(error.value) == expected


def test_signs_quotients_means_and_copies():
    a = replace(latents(3), y=torch.tensor([1, 1, 2]))
    assert torch.equal((-a).flatten(), -a.flatten())
    assert torch.equal((a / 4).flatten(), a.flatten() / 4)
    assert torch.equal((Fraction(1, 4) * a).flatten(), a.flatten() / 4)
    assert (-a).log_prob is (a / 4).log_prob is a.mean().log_prob is a.mean().y is None
    assert torch.allclose(a.mean().flatten(), a.flatten().mean(0, keepdim=True))
    assert (a + a.mean()).y.tolist() == [1, 1, 2]
    copy = a.clone()
    copy.levels[0].zero_()
    copy.log_prob.add_(1)
    assert a.levels[0].abs().min() > 0
    assert a.log_prob.tolist() == [0, 1, 2]


def test_latents_are_leaves_of_a_graph_of_their_own():
    flow = tiny.model().requires_grad_(False)
    start = flow.encode(tiny.pictures(2))
    assert start.log_prob is not None
    z = start.clone().requires_grad_()
    assert z.log_prob is None
    flow.decode(z).square().sum().backward()
    assert all(level.grad.abs().max() > 0 for level in z.levels)
    assert not any(level.requires_grad for level in start.levels + z.requires_grad_(False).levels)


@pytest.mark.parametrize("other", [0.1, torch.ones(2)])
def test_only_latents_are_added_to_latents(other):
    a = latents(2)
    for use in (lambda: a + other, lambda: a - other, lambda: other + a):
        with pytest.raises(TypeError, match="unsupported operand type"):
            use()


def test_latents_are_summed():
    parts = [latents(2), latents(2) * 3, -latents(2)]
    assert torch.equal(sum(parts).flatten(), (parts[0] + parts[1] + parts[2]).flatten())


@pytest.mark.parametrize("other", [None, "2", 1j, [1.0, 2.0], latents(2)])
def test_latents_are_multiplied_by_numbers_only(other):
    a = latents(2)
    for use in (lambda: a * other, lambda: a / other, lambda: other * a):
        with pytest.raises(TypeError, match=r"unsupported operand type|can't multiply sequence"):
            use()


@pytest.mark.parametrize(
    "index", [None, True, "a", torch.tensor(True), (slice(None), 0), (slice(None), slice(6)), (0, 1)]
)
def test_an_index_selects_pictures_only(index):
    with pytest.raises(IndexError, match="does not select pictures, expected a number, slice, list or mask"):
        replace(latents(2), log_prob=None)[index]
    assert torch.equal(latents(3)[[2, 0]].flatten(), latents(3).flatten()[[2, 0]])


def test_saved_latents_are_loaded_without_running_what_the_file_says():
    a = latents()
    a.y = torch.tensor([2, 0])
    file = io.BytesIO()
    torch.save(a, file)
    file.seek(0)
    with torch.serialization.safe_globals([Latents]):
        loaded = torch.load(file, weights_only=True)
    assert torch.equal(loaded.flatten(), a.flatten())
    assert (loaded.y.tolist(), loaded.log_prob.tolist(), loaded.prior) == ([2, 0], [0.0, 1.0], "gaussian")
