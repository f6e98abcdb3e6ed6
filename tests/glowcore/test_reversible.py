"""Three ways to remember, one gradient."""

import copy
import math

import pytest
import torch

from glowcore import ConfigError, GlowConfig, NICEConfig, RealNVPConfig, build
from glowcore.benchmarks.configs import noise_pictures, ready_model
from glowcore.memory import saved_bytes
from glowcore.reversible import DriftMeter, run_steps
from glowcore.transforms.coupling import AffineCoupling
from glowcore.transforms.step import FlowStep
from tests.glowcore.bijections import perturb

SHAPE = {"image_size": (8, 4), "hidden_channels": 6}
SETTINGS = {
    "affine_lu": (GlowConfig, {"num_levels": 2}),
    "additive_plain": (GlowConfig, {"num_levels": 2, "coupling": "additive", "permutation": "conv1x1"}),
    "shuffle_position": (
        GlowConfig,
        {"num_levels": 2, "permutation": "shuffle", "position_channels": 2, "scale_min": 0.1},
    ),
    "realnvp": (RealNVPConfig, {"num_levels": 3, "residual_blocks": 1}),
    "nice": (NICEConfig, {"hidden_layers": 2}),
}


def flow_of(name="affine_lu", steps=5):
    torch.manual_seed(0)
    kind, settings = SETTINGS[name]
    flow = build(kind(**SHAPE, steps_per_level=steps, **settings)).double()
    flow.initialize(torch.rand(16, 3, 8, 4))
    return perturb(flow, 0.05)


def gradients(flow, memory, anchor_every=0, parts=1):
    """All gradients as one vector, the picture's first, of a loss that reaches every latent and the log-determinant."""
    flow.memory, flow.anchor_every = memory, anchor_every
    flow.zero_grad()
    x = torch.rand(4, 3, 8, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1)).requires_grad_()
    for part in x.chunk(parts):
        latents = flow.encode(part)
        (latents.log_prob.sum() + sum(level.pow(3).sum() for level in latents.levels)).backward()
    return torch.cat([x.grad.flatten(), *(p.grad.flatten() for p in flow.parameters() if p.requires_grad)])


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize(("memory", "anchor_every"), [("checkpoint", 0), ("reversible", 0), ("reversible", 2)])
def test_gradients_equal_those_of_full(name, memory, anchor_every):
    flow = flow_of(name, steps=3)
    expected = gradients(flow, "full")
    found = gradients(flow, memory, anchor_every)
    assert (found - expected).norm() <= 1e-10 * expected.norm()


def test_accumulation_equals_one_batch():
    flow = flow_of()
    expected = gradients(flow, "full")
    assert (gradients(flow, "reversible", parts=4) - expected).norm() <= 1e-10 * expected.norm()


def test_gradcheck_of_the_reversible_operator():
    flow = flow_of(steps=2)
    flow.memory = "reversible"
    x = torch.rand(1, 3, 8, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda v: (flow.encode(v).flatten(), flow.log_prob(v)), (x,), fast_mode=True)
    params = tuple(flow.levels[0].steps[0].parameters())
    assert torch.autograd.gradcheck(lambda *_: flow.log_prob(x.detach()), params, fast_mode=True)


@pytest.mark.parametrize("name", ["affine_lu", "realnvp", "nice"])
def test_saved_bytes_do_not_grow_with_depth_in_reversible_mode_only(name):
    grown = {}
    for memory in ("full", "checkpoint", "reversible"):
        sizes = []
        for steps in (3, 12):
            flow = flow_of(name, steps=steps)
            flow.memory = memory
            sizes.append(saved_bytes(flow, 8))
        grown[memory] = sizes[1] / sizes[0]
    assert grown["reversible"] <= 1.01
    assert grown["full"] >= 2
    assert grown["checkpoint"] >= 2


def test_batch_norm_cannot_be_undone_and_says_so():
    flow = build(RealNVPConfig(image_size=4, num_levels=1, hidden_channels=4, norm="batchnorm"))
    with pytest.raises(ConfigError, match="cannot undo BatchNorm"):
        flow.memory = "reversible"
    flow.memory = "checkpoint"
    flow.bits_per_dim(torch.rand(4, 3, 4, 4)).mean().backward()


@pytest.mark.parametrize(
    "config",
    [
        RealNVPConfig(**SHAPE, num_levels=2, steps_per_level=1, residual_blocks=1, norm="batchnorm"),
        GlowConfig(**SHAPE, num_levels=2, steps_per_level=2, norm="batchnorm"),
    ],
)
def test_batch_norm_moves_its_statistics_once_a_step_in_both_modes(config):
    x = torch.rand(4, 3, 8, 4, dtype=torch.float64)
    flow = build(config).double()
    flow.initialize(torch.rand(16, 3, 8, 4))
    found = {}
    for memory in ("full", "checkpoint"):
        copied = copy.deepcopy(flow)
        copied.memory = memory
        copied.log_prob(x).sum().backward()
        gradients = [p.grad.flatten() for p in copied.parameters() if p.requires_grad]
        found[memory] = torch.cat([p.detach().flatten() for p in copied.parameters()]), torch.cat(gradients)
    assert not torch.equal(found["full"][0], torch.cat([p.detach().flatten() for p in flow.parameters()]))
    assert torch.equal(found["checkpoint"][0], found["full"][0])
    assert (found["checkpoint"][1] - found["full"][1]).norm() <= 1e-12 * found["full"][1].norm()


def test_frozen_parameters_are_left_alone():
    flow = flow_of()
    frozen = flow.levels[0].steps[1].coupling.net.conv_mid.weight.requires_grad_(False)
    flow.memory = "reversible"
    flow.log_prob(torch.rand(2, 3, 8, 4)).sum().backward()
    assert frozen.grad is None
    assert all(p.grad is not None for p in flow.parameters() if p.requires_grad)


CHANGES = {
    "moved": lambda flow: [p.mul_(1.1) for p in flow.levels[0].steps.parameters()],
    "frozen": lambda flow: flow.levels[0].requires_grad_(False),
    "unfrozen": lambda flow: flow.levels[0].steps[1].requires_grad_(True),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("memory", ["checkpoint", "reversible"])
@pytest.mark.parametrize("name", ["affine_lu", "realnvp"])
def test_parameters_that_change_before_backward_are_refused(name, memory, change):
    flow = flow_of(name, steps=3)
    flow.levels[0].steps[1].requires_grad_(change != "unfrozen")
    flow.memory = memory
    loss = flow.log_prob(torch.rand(2, 3, 8, 4)).sum()
    with torch.no_grad():
        CHANGES[change](flow)
    with pytest.raises(RuntimeError, match=r"^parameters were changed.*call backward before that$"):
        loss.backward()


@pytest.mark.parametrize("memory", ["checkpoint", "reversible"])
def test_parameters_of_a_functional_call_that_is_over_are_missed(memory):
    flow = flow_of(steps=2)
    flow.memory = memory
    x = torch.rand(2, 3, 8, 4, dtype=torch.float64)
    substitutes = {name: (p.detach() * 1.3).requires_grad_() for name, p in flow.levels[0].steps.named_parameters()}
    steps = Run(flow.levels[0].steps, memory)
    h = flow.levels[0].squeeze(x)[0]
    z, _ = torch.func.functional_call(steps, {f"steps.{name}": p for name, p in substitutes.items()}, (h,))
    with pytest.raises(RuntimeError, match="replaced"):
        z.sum().backward()


class Run(torch.nn.Module):
    """The steps of a level as a module."""

    def __init__(self, steps, memory):
        super().__init__()
        self.steps, self.memory = steps, memory

    def forward(self, x):
        return run_steps(self.steps, x, self.memory, 0, DriftMeter())


def share_steps(steps):
    steps[1] = steps[0]


def share_mixing(steps):
    steps[1].actnorm, steps[1].permutation = steps[0].actnorm, steps[0].permutation


def share_one_parameter(steps):
    steps[1].actnorm.bias = steps[0].actnorm.bias


def share_coupling(steps):
    steps[1].coupling = steps[0].coupling


@pytest.mark.parametrize("share", [share_steps, share_mixing, share_one_parameter, share_coupling])
def test_what_steps_share_gets_its_gradient_once(share):
    flow = flow_of(steps=3)
    share(flow.levels[0].steps)
    expected = gradients(flow, "full")
    assert (gradients(flow, "reversible") - expected).norm() <= 1e-10 * expected.norm()


class Twice(FlowStep):
    def forward(self, x, *mixing):
        z, logdet = super().forward(x, *mixing)
        return 2 * z, logdet + z[0].numel() * math.log(2)

    def inverse(self, z, *unmixing):
        x, logdet = super().inverse(z / 2, *unmixing)
        return x, logdet - z[0].numel() * math.log(2)


class Negated(AffineCoupling):
    def forward(self, x):
        z, logdet = super().forward(x)
        return -z, logdet

    def inverse(self, z):
        return super().inverse(-z)


class Moved(AffineCoupling):
    def move(self, x_b, h):
        z_b, logdet = super().move(x_b, h)
        return 3 * z_b, logdet + z_b[0].numel() * math.log(3)

    def move_back(self, z_b, h):
        x_b, logdet = super().move_back(z_b / 3, h)
        return x_b, logdet - z_b[0].numel() * math.log(3)


@pytest.mark.parametrize("name", ["affine_lu", "shuffle_position"])
@pytest.mark.parametrize("kind", [Twice, Negated, Moved])
def test_subclasses_that_compute_something_else_get_its_gradient(name, kind):
    flow = flow_of(name, steps=3)
    step = flow.levels[0].steps[1]
    (step if kind is Twice else step.coupling).__class__ = kind
    expected = gradients(flow, "full")
    assert (gradients(flow, "reversible") - expected).norm() <= 1e-10 * expected.norm()


@pytest.mark.parametrize("name", SETTINGS)
def test_decoding_has_the_same_gradients_and_keeps_less_in_the_other_modes(name):
    flow = flow_of(name)
    found = {}
    for memory in ("full", "checkpoint", "reversible"):
        flow.memory = memory
        flow.zero_grad()
        kept = []
        z = flow.sample_latents(range(2)).requires_grad_()
        with torch.autograd.graph.saved_tensors_hooks(lambda t, kept=kept: kept.append(t.numel()) or t, lambda t: t):
            images = flow.decode(z)
        images.pow(3).sum().backward()
        grads = [level.grad for level in z.levels] + [p.grad for p in flow.parameters() if p.grad is not None]
        found[memory] = sum(kept), torch.cat([grad.flatten() for grad in grads])
    (most, expected), *others = found.values()
    for size, grads in others:
        assert size <= 0.6 * most
        assert (grads - expected).norm() <= 1e-10 * expected.norm()


def test_second_derivatives_are_refused_clearly():
    flow = flow_of()
    flow.memory = "reversible"
    x = torch.rand(1, 3, 8, 4, dtype=torch.float64, requires_grad=True)
    with pytest.raises(RuntimeError, match="no second derivative"):
        torch.autograd.grad(flow.log_prob(x).sum(), x, create_graph=True)


def test_drift_is_measured_at_anchors():
    flow = flow_of().float()
    flow.memory, flow.anchor_every = "reversible", 2
    flow.log_prob(torch.rand(2, 3, 8, 4)).sum().backward()
    assert 0 < flow.drift.read() <= 1e-4
    assert flow.drift.read() is None


def test_no_grad_needs_no_memory():
    flow = flow_of()
    flow.memory = "reversible"
    with torch.no_grad():
        assert flow.log_prob(torch.rand(2, 3, 8, 4)).grad_fn is None


@pytest.mark.proof
def test_gradients_of_a_deep_model_after_training():
    """64 steps a level: 1e-9 in float64; 1e-4 in float32 with anchors."""
    config = GlowConfig(image_size=16, num_levels=2, steps_per_level=64, hidden_channels=32)
    flow = ready_model(config, steps=20)
    images = noise_pictures(config, 8, seed=99)
    for double, anchor_every, bound in ((False, 8, 1e-4), (True, 0, 1e-9)):
        flow = flow.double() if double else flow
        found = {}
        for memory in ("full", "reversible"):
            flow.memory, flow.anchor_every = memory, anchor_every
            flow.zero_grad()
            flow.bits_per_dim(images, generator=torch.Generator().manual_seed(0)).mean().backward()
            found[memory] = torch.cat([p.grad.flatten() for p in flow.parameters()])
        assert (found["reversible"] - found["full"]).norm() <= bound * found["full"].norm()


def test_mixings_can_be_frozen_as_a_whole():
    flow = flow_of()
    for step in flow.levels[0].steps:
        for parameter in (*step.actnorm.parameters(), *step.permutation.parameters()):
            parameter.requires_grad_(False)
    expected = gradients(flow, "full")
    assert torch.allclose(gradients(flow, "reversible"), expected, rtol=1e-9, atol=1e-9 * float(expected.abs().max()))


def test_measuring_memory_leaves_running_statistics_alone():
    flow = build(GlowConfig(image_size=8, num_levels=1, steps_per_level=2, hidden_channels=8, norm="batchnorm")).train()
    before = {name: value.clone() for name, value in flow.state_dict().items()}
    assert saved_bytes(flow, 2) > 0
    assert all(torch.equal(value, before[name]) for name, value in flow.state_dict().items())
