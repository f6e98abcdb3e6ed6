"""Dequantisation and bits per dimension."""

import math

import pytest
import torch

from glowcore import ConfigError, likelihood


@pytest.mark.parametrize("n_bits", range(1, 9))
def test_uniform_density_costs_exactly_n_bits(n_bits):
    assert likelihood.bits_per_dim(torch.zeros(3), 12, n_bits).tolist() == [n_bits] * 3


def test_constant_in_nats():
    log_prob = torch.tensor([-5.0])
    nats = -log_prob + 4 * 10 * math.log(2)
    assert torch.allclose(likelihood.bits_per_dim(log_prob, 10, 4), nats / (10 * math.log(2)))


@pytest.mark.parametrize("n_bits", range(1, 9))
def test_noise_stays_in_the_bin(n_bits):
    v = torch.arange(256, dtype=torch.uint8).reshape(1, 1, 16, 16)
    x = likelihood.dequantise(v, n_bits, torch.Generator().manual_seed(0))
    assert torch.equal((x * 2**n_bits).floor().int(), v.int() // 2 ** (8 - n_bits))
    assert x.min() >= 0
    assert x.max() < 1


def test_noise_fills_the_bin_evenly():
    x = likelihood.dequantise(torch.zeros(1, 1, 100, 100, dtype=torch.uint8), 5, torch.Generator().manual_seed(0)) * 32
    assert float(x.mean()) == pytest.approx(1 / 2, abs=0.01)
    assert float(x.std()) == pytest.approx(1 / math.sqrt(12), abs=0.01)


def test_floats_and_uint8_agree_and_nothing_changes_in_place():
    v = torch.randint(0, 256, (2, 3, 4, 4), dtype=torch.uint8)
    before = v.clone()
    noise = [torch.Generator().manual_seed(1) for _ in range(2)]
    a = likelihood.dequantise(v, 5, noise)
    noise = [torch.Generator().manual_seed(1) for _ in range(2)]
    assert torch.equal(a, likelihood.dequantise(v / 255, 5, noise))
    assert torch.equal(v, before)


def test_noise_is_the_same_in_any_dtype():
    v = torch.randint(0, 256, (2, 3, 4, 4), dtype=torch.uint8)
    single, double = (
        likelihood.dequantise(v, 5, torch.Generator().manual_seed(0), dtype) for dtype in (torch.float32, torch.float64)
    )
    assert double.dtype == torch.float64
    assert (single - double).abs().max() <= 2**-24


def test_one_generator_a_picture_makes_noise_independent_of_the_batch():
    v = torch.zeros(3, 1, 4, 4, dtype=torch.uint8)
    whole = likelihood.dequantise(v, 5, [torch.Generator().manual_seed(i) for i in range(3)])
    last = likelihood.dequantise(v[2:], 5, [torch.Generator().manual_seed(2)])
    assert torch.equal(whole[2:], last)


def test_neighbouring_seeds_share_no_generator():
    seeds = {noise.initial_seed() for seed in range(3) for noise in likelihood.generators(seed, 1500)}
    assert len(seeds) == 4500


def test_bin_centres():
    shown = likelihood.bin_centres(torch.tensor([-3.0, 0.0, 0.5, 0.999, 7.0]), 1) * 255
    assert shown.tolist() == pytest.approx([63.5, 63.5, 191.5, 191.5, 191.5])
    exact = torch.arange(256) / 255
    assert torch.equal((likelihood.bin_centres((torch.arange(256) + 0.5) / 256, 8) * 255).round(), exact * 255)
    assert likelihood.bin_centres(torch.tensor([float("nan")]), 5).isnan().all()


@pytest.mark.parametrize("generators", [1, 3])
def test_a_generator_for_every_picture_or_one_for_all(generators):
    pictures = torch.zeros(2, 1, 4, 4, dtype=torch.uint8)
    with pytest.raises(ConfigError, match=f"{generators} generators for 2 pictures"):
        likelihood.dequantise(pictures, 5, [torch.Generator() for _ in range(generators)])


def test_floats_far_from_a_picture_become_nan_and_those_near_are_clamped():
    values = torch.full((1, 1, 6, 6), 0.5)
    values[0, 0, 0] = torch.tensor([-0.51, -0.5, 1.5, 1.51, torch.nan, torch.inf])
    x = likelihood.dequantise(values, 5, torch.Generator().manual_seed(0)).flatten()
    assert x.isnan().tolist() == [True, False, False, True, True, True] + 30 * [False]
    assert (x[1:3] * 32).floor().tolist() == [0, 31]
