"""Properties that hold for every flow, over configs, shapes, dtypes and layouts that hypothesis makes up."""

from dataclasses import dataclass

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from glowcore import Flow, GlowConfig, NICEConfig, RealNVPConfig, build
from glowcore.priors import noise_log_prob
from tests.glowcore.bijections import log_abs_det_jacobian, perturb

#: Examples a property in `make test`, and in `make proof`.
FEW, MANY = 12, 250


@dataclass
class Case:
    """A perturbed model in eval mode, and a batch for it."""

    flow: Flow
    x: torch.Tensor

    @property
    def tolerance(self) -> float:
        return 1e-9 if self.x.dtype == torch.float64 else 2e-3


@st.composite
def cases(draw) -> Case:
    levels = draw(st.integers(1, 2))
    block = 2**levels
    shape = {
        "image_size": (block * draw(st.integers(1, 8 // block)), block * draw(st.integers(1, 8 // block))),
        "channels": draw(st.integers(1, 3)),
        "n_bits": draw(st.integers(1, 8)),
        "hidden_channels": draw(st.integers(1, 6)),
    }
    depth = draw(st.integers(1, 3))
    kind = draw(st.sampled_from(["glow", "realnvp", "nice"]))
    if kind == "glow":
        config = GlowConfig(
            **shape,
            num_levels=levels,
            steps_per_level=depth,
            coupling=draw(st.sampled_from(["affine", "additive"])),
            permutation=draw(st.sampled_from(["conv1x1_lu", "conv1x1", "reverse", "shuffle"])),
            scale_min=draw(st.sampled_from([0.0, 0.3])),
            position_channels=draw(st.integers(0, 2)),
        )
    elif kind == "realnvp":
        config = RealNVPConfig(
            **shape,
            num_levels=levels,
            steps_per_level=depth,
            residual_blocks=draw(st.integers(0, 1)),
            norm=draw(st.sampled_from(["actnorm", "batchnorm"])),
            logit_alpha=draw(st.sampled_from([0.0, 0.05])),
            learned_prior=draw(st.booleans()),
        )
    else:
        config = NICEConfig(
            **shape,
            steps_per_level=2 + depth,
            hidden_layers=draw(st.integers(1, 3)),
            prior=draw(st.sampled_from(["logistic", "gaussian"])),
        )
    torch.manual_seed(draw(st.integers(0, 2**31)))
    flow = build(config).double().eval()
    flow.initialize(torch.rand(16, config.channels, *flow.image_size))
    flow = perturb(flow, 0.03).to(draw(st.sampled_from([torch.float64, torch.float32])))
    return Case(flow, torch.rand(draw(st.integers(1, 4)), config.channels, *flow.image_size, dtype=flow.dtype))


def invertible(case: Case) -> None:
    assert (case.flow.decode(case.flow.encode(case.x)) - case.x).abs().max() <= case.tolerance


def logdet_is_of_the_jacobian(case: Case) -> None:
    flow, x = case.flow.double(), case.x.double()[:1]
    latents = flow.encode(x)
    noise = sum(noise_log_prob(level, latents.prior) for level in latents.levels)
    expected = log_abs_det_jacobian(lambda v: flow.encode(v).flatten(), x)
    assert abs(latents.log_prob - noise - expected) <= 1e-9


def finite(case: Case) -> None:
    flow, x = case.flow, case.x
    for odd in (torch.zeros_like(x), torch.ones_like(x), x.round(), x):
        latents = flow.encode(odd)
        assert latents.flatten().isfinite().all()
        assert latents.log_prob.isfinite().all()
        assert flow.decode(latents).isfinite().all()
        assert flow.bits_per_dim(odd, generator=torch.Generator().manual_seed(0)).isfinite().all()
    assert flow.sample(range(2), 1.0).isfinite().all()


def independent_of_the_batch(case: Case) -> None:
    whole = case.flow.encode(case.x)
    for i in range(len(case.x)):
        alone = case.flow.encode(case.x[i : i + 1])
        assert (alone.flatten() - whole.flatten()[i]).abs().max() <= case.tolerance
        assert torch.allclose(alone.log_prob, whole.log_prob[i], rtol=1e-4, atol=case.tolerance)


def keeps_dtype(case: Case) -> None:
    latents = case.flow.encode(case.x)
    assert {level.dtype for level in latents.levels} == {case.x.dtype}
    assert latents.log_prob.dtype == case.flow.decode(latents).dtype == case.x.dtype


def any_memory_layout(case: Case) -> None:
    x = case.x
    expected = case.flow.encode(x)
    strided = x.new_zeros(len(x), 2 * x.shape[1], x.shape[2], 2 * x.shape[3])[:, ::2, :, ::2].copy_(x)
    for other in (x.contiguous(memory_format=torch.channels_last), strided):
        before = other.clone()
        found = case.flow.encode(other)
        assert (found.flatten() - expected.flatten()).abs().max() <= case.tolerance
        assert torch.equal(other, before)


def deterministic(case: Case) -> None:
    assert torch.equal(case.flow.encode(case.x).flatten(), case.flow.encode(case.x).flatten())
    assert torch.equal(case.flow.sample([5]), case.flow.sample([5]))


PROPERTIES = [
    invertible,
    logdet_is_of_the_jacobian,
    finite,
    independent_of_the_batch,
    keeps_dtype,
    any_memory_layout,
    deterministic,
]
properties = pytest.mark.parametrize("holds", PROPERTIES, ids=lambda function: function.__name__)


def check(holds, examples: int) -> None:
    @settings(
        max_examples=examples,
        derandomize=True,
        deadline=None,
        database=None,
        print_blob=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(cases())
    def over_all(case: Case) -> None:
        with torch.set_grad_enabled(holds is logdet_is_of_the_jacobian):
            holds(case)

    over_all()


@properties
def test_property(holds):
    check(holds, FEW)


@pytest.mark.proof
@properties
def test_property_over_many(holds):
    check(holds, MANY)
