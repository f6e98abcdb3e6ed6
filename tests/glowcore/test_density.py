"""Densities that are densities: they integrate to 1, and points drawn by them have the latents that they promise."""

import math
from types import SimpleNamespace

import pytest
import torch
from scipy import stats

from glowcore.flow import Flow
from glowcore.levels import Level
from glowcore.mlp import MLP
from glowcore.networks import CouplingNet
from glowcore.priors import TopPrior, draw_noise
from glowcore.residual_net import ResidualNet
from glowcore.transforms.actnorm import ActNorm
from glowcore.transforms.conv1x1 import InvertibleConv1x1, InvertibleConv1x1LU
from glowcore.transforms.coupling import AdditiveCoupling, AffineCoupling, TanhCoupling
from glowcore.transforms.diagonal_scale import DiagonalScale
from glowcore.transforms.logit import Logit
from glowcore.transforms.partition import ChannelHalves, OddEven
from glowcore.transforms.squeeze import Squeeze
from glowcore.transforms.step import FlowStep
from tests.glowcore.bijections import model, perturb

#: Cells of the grid a side; where the density has a kink (at the edges of the logit) it takes more.
CELLS, FINE_CELLS = 400, 800
#: Radius in latent space beyond which less than 1e-7 lies.
RADIUS = {"gaussian": 6.0, "logistic": 18.0}


def glow_steps(kind, mixing):
    return [FlowStep(ActNorm(2), mixing(2), kind(CouplingNet(1, 8, kind.OUTPUTS, (1, 1)))) for _ in range(4)]


def nvp_steps():
    steps = []
    for swap in (False, True, False, True):
        steps += [TanhCoupling(ResidualNet(1, 6, 2, blocks=0), 1, ChannelHalves(swap)), ActNorm(2)]
    return steps


def nice_steps():
    couplings = [AdditiveCoupling(MLP(1, 8, 2, 1), OddEven((2, 1, 1), swap)) for swap in (False, True, False, True)]
    return [*couplings, DiagonalScale((2, 1, 1))]


FLOWS = {
    "glow_affine": (lambda: glow_steps(AffineCoupling, InvertibleConv1x1LU), None, "gaussian"),
    "glow_additive": (lambda: glow_steps(AdditiveCoupling, InvertibleConv1x1), None, "gaussian"),
    "realnvp": (nvp_steps, None, "gaussian"),
    "realnvp_logit": (nvp_steps, Logit, "gaussian"),
    "nice_logistic": (nice_steps, None, "logistic"),
}


def flow_of_a_plane(name):
    """A flow of pictures of two values: two channels, one pixel."""
    make, preprocess, prior = FLOWS[name]
    config = SimpleNamespace(channels=2, height_width=(1, 1), n_bits=5)
    flow = Flow(
        config, [Level(None, make(), None)], TopPrior((2, 1, 1)), prior=prior, preprocess=preprocess and preprocess()
    )
    return perturb(flow, 0.15)


def grid(flow, cells):
    """Midpoints of cells ``[N, 2, 1, 1]`` that cover where the density is, their densities, and the sides of a cell.

    The box is that of the pictures of a circle (and its inside) in latent space plus a fifth: a fixed one would miss
    mass where a flow stretches.
    """
    angle = torch.linspace(0, 2 * torch.pi, 721, dtype=torch.float64)
    radius = torch.linspace(0, RADIUS[flow.prior], 61, dtype=torch.float64)
    z = torch.stack([torch.outer(radius, angle.cos()), torch.outer(radius, angle.sin())], dim=-1).reshape(-1, 2, 1, 1)
    like = flow.sample_latents([0])
    inside = flow.decode(like.with_flat(z.reshape(-1, 2))).reshape(-1, 2)
    low, high = inside.min(0).values, inside.max(0).values
    low, high = low - 0.2 * (high - low), high + 0.2 * (high - low)
    sides = (high - low) / cells
    axes = [low[i] + sides[i] * (torch.arange(cells, dtype=torch.float64) + 0.5) for i in range(2)]
    points = torch.cartesian_prod(*axes).reshape(-1, 2, 1, 1)
    return points, torch.cat([flow.log_prob(part) for part in points.split(1 << 17)]).exp(), sides


@pytest.mark.parametrize("name", FLOWS)
@torch.no_grad()
def test_integral_is_one_and_points_drawn_by_it_have_latents_of_the_prior(name):
    flow = flow_of_a_plane(name)
    points, density, sides = grid(flow, FINE_CELLS if name == "realnvp_logit" else CELLS)
    assert abs(float(density.sum() * sides.prod()) - 1) <= 1e-4
    chosen = torch.multinomial(density, 4000, replacement=True)
    drawn = points[chosen] + (torch.rand(4000, 2, 1, 1, dtype=torch.float64) - 0.5) * sides.reshape(1, 2, 1, 1)
    latents = flow.encode(drawn).flatten().numpy()
    distribution = "norm" if flow.prior == "gaussian" else "logistic"
    for values in latents.T:
        assert stats.kstest(values, distribution).pvalue > 1e-3
    assert abs(stats.spearmanr(*latents.T).statistic) < 0.06


@pytest.mark.parametrize("name", ["3x8x8-affine-conv1x1_lu", "realnvp-per-level", "nice-1x4x6"])
@torch.no_grad()
def test_latents_of_a_models_own_samples_follow_its_prior(name):
    flow = model(name).float()
    latents = flow.sample_latents(range(200))
    again = flow.encode(flow.decode(latents))
    assert (again.flatten() - latents.flatten()).abs().max() <= 1e-4
    distribution = "norm" if again.prior == "gaussian" else "logistic"
    for level in again.levels:
        assert stats.kstest(level.flatten().numpy(), distribution).pvalue > 1e-3


def test_a_prior_of_one_value_a_channel_counts_every_position():
    config = SimpleNamespace(channels=1, height_width=(4, 6), n_bits=8)
    flow = Flow(config, [Level(Squeeze(), [], None)], TopPrior((4, 1, 1))).double()
    torch.nn.init.normal_(flow.top_prior.stats)
    x = torch.rand(3, 1, 4, 6, dtype=torch.float64)
    mean, log_std = flow.top_prior.stats
    z = torch.nn.functional.pixel_unshuffle(x - 0.5, 2)
    expected = torch.distributions.Normal(mean, log_std.exp()).log_prob(z).sum(dim=(1, 2, 3))
    assert (flow.log_prob(x) - expected).abs().max() <= 1e-10
    assert (flow.decode(flow.encode(x)) - x).abs().max() <= 1e-12


def test_logistic_noise_of_an_exact_zero_is_finite(monkeypatch):
    """One draw in 2^53 is 0, whose logit is minus infinity."""
    monkeypatch.setattr(torch, "rand", lambda shape, **options: torch.zeros(shape, dtype=torch.float64))
    noise = draw_noise((3, 2, 2), torch.Generator(), "logistic")
    assert torch.allclose(noise, torch.full((3, 2, 2), -54 * math.log(2)))
