"""Parts of a user's own in the place of the library's: obeyed in every memory mode, or refused in one line."""

import math
import re

import pytest
import torch
from torch import nn

from glowcore.errors import ConfigError
from glowcore.mlp import MLP
from glowcore.transforms.actnorm import ActNorm
from glowcore.transforms.base import Transform
from glowcore.transforms.conv1x1 import InvertibleConv1x1LU
from glowcore.transforms.coupling import AdditiveCoupling, AffineCoupling, Coupling, TanhCoupling
from glowcore.transforms.partition import Checkerboard, OddEven
from tests.glowcore.bijections import log_abs_det_jacobian, perturb
from tests.glowcore.test_reversible import flow_of, gradients


def pictures(batch=4):
    return torch.rand(batch, 3, 8, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def assert_one_gradient(flow):
    expected = gradients(flow, "full")
    for memory in ("checkpoint", "reversible"):
        assert (gradients(flow, memory) - expected).norm() <= 1e-10 * expected.norm()


class DoubledActNorm(ActNorm):
    def forward(self, x):
        z, logdet = super().forward(x)
        return 2 * z, logdet + z[0].numel() * math.log(2)

    def inverse(self, z):
        x, logdet = super().inverse(z / 2)
        return x, logdet - z[0].numel() * math.log(2)


class NegatedConvolution(InvertibleConv1x1LU):
    def forward(self, x):
        z, logdet = super().forward(x)
        return -z, logdet

    def inverse(self, z):
        return super().inverse(-z)


class HalvedConvolution(InvertibleConv1x1LU):
    def weight(self):
        return super().weight() / 2

    def log_abs_det(self):
        return super().log_abs_det() - len(self.log_s) * math.log(2)


class TransposedConvolution(InvertibleConv1x1LU):
    """By the documented way: another ``compose``, and nothing else."""

    @classmethod
    def compose(cls, convolutions):
        weights, logdets = super().compose(convolutions)
        return weights.mT, logdets


@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.parametrize(("part", "kind"), [
    ("actnorm", DoubledActNorm), ("permutation", NegatedConvolution), ("permutation", HalvedConvolution),
    ("permutation", TransposedConvolution),
])  # fmt: skip
def test_parts_of_a_step_that_compute_something_else_are_obeyed(part, kind, steps):
    flow = flow_of(steps=3)
    before = flow.encode(pictures()).flatten()
    for step in flow.levels[0].steps[:steps]:
        step.get_submodule(part).__class__ = kind
    latents = flow.encode(pictures())
    assert (latents.flatten() - before).abs().max() >= 0.1
    assert (flow.decode(latents) - pictures()).abs().max() <= 1e-9
    step = flow.levels[0].steps[0]
    x = torch.randn(1, 12, 4, 2, dtype=torch.float64)
    expected = step.coupling(step.permutation(step.actnorm(x)[0])[0])[0]
    assert (step(x)[0] - expected).abs().max() <= 1e-12
    assert abs(step(x)[1] - log_abs_det_jacobian(lambda v: step(v)[0], x)) <= 1e-9
    assert_one_gradient(flow)


class Chain(Transform):
    """Several transforms as one."""

    def __init__(self, *parts):
        super().__init__()
        self.parts = nn.ModuleList(parts)

    def forward(self, x):
        logdet = x.new_zeros(len(x))
        for part in self.parts:
            x, more = part(x)
            logdet = logdet + more
        return x, logdet

    def inverse(self, z):
        logdet = z.new_zeros(len(z))
        for part in reversed(self.parts):
            z, more = part.inverse(z)
            logdet = logdet + more
        return z, logdet


def test_hooks_inside_a_transform_of_several_are_obeyed():
    flow = flow_of(steps=3)
    step = flow.levels[0].steps[0]
    flow.levels[0].steps[0] = Chain(step.actnorm, step.permutation, step.coupling)
    assert_one_gradient(flow)
    step.actnorm.register_forward_hook(lambda module, args, out: (2 * out[0], out[1]))
    assert_one_gradient(flow)


class Gated(AffineCoupling):
    """Moves by what another convolution makes of the network's output, and of the network's own bias."""

    def __init__(self, net, channels):
        super().__init__(net, 0.1)
        self.gate = nn.Conv2d(channels, channels, 1)

    def gated(self, h):
        return self.gate(h) + 0.1 * self.net.conv_out.bias.reshape(-1, 1, 1)

    def move(self, x_b, h):
        return super().move(x_b, self.gated(h))

    def move_back(self, z_b, h):
        return super().move_back(z_b, self.gated(h))


class Unused(AffineCoupling):
    """Has a part that it never calls."""

    def __init__(self, net):
        super().__init__(net)
        self.spare = nn.Linear(2, 2)


class Constant(nn.Module):
    """A network that does not look at its input."""

    def __init__(self, channels):
        super().__init__()
        self.out = nn.Parameter(torch.randn(1, channels, 4, 2))

    def forward(self, x):
        return self.out.expand(len(x), -1, -1, -1)


class Thirds(AffineCoupling):
    """Has a network of three outputs, two of which are added up to the shift."""

    OUTPUTS = 3

    def summed(self, h):
        first, second, raw = h.chunk(3, dim=1)
        return torch.cat([first + second, raw], dim=1)

    def move(self, x_b, h):
        return super().move(x_b, self.summed(h))

    def move_back(self, z_b, h):
        return super().move_back(z_b, self.summed(h))


OWN_COUPLINGS = {
    "gated": lambda net: Gated(net, 12),
    "constant": lambda net: AffineCoupling(Constant(12)),
    "constant_additive": lambda net: AdditiveCoupling(Constant(6)),
    "vectors": lambda net: AffineCoupling(MLP(48, 6, 1, 96), 0.1, OddEven((12, 4, 2))),
    "vectors_tanh": lambda net: TanhCoupling(MLP(48, 6, 1, 96), 48, OddEven((12, 4, 2), swap=True)),
}  # fmt: skip


@pytest.mark.parametrize("alone", [False, True])
@pytest.mark.parametrize("name", OWN_COUPLINGS)
def test_couplings_of_ones_own_have_one_gradient(name, alone):
    flow = flow_of(steps=3)
    step = flow.levels[0].steps[1]
    step.coupling = perturb(OWN_COUPLINGS[name](step.coupling.net), 0.05)
    if alone:
        flow.levels[0].steps[1] = step.coupling
    x = torch.randn(1, 12, 4, 2, dtype=torch.float64)
    z, logdet = step.coupling(x)
    assert (step.coupling.inverse(z)[0] - x).abs().max() <= 1e-12
    assert abs(logdet - log_abs_det_jacobian(lambda v: step.coupling(v)[0], x)) <= 1e-9
    assert_one_gradient(flow)


class Reshaped(nn.Module):
    """A network that passes its output through a function."""

    def __init__(self, net, function):
        super().__init__()
        self.net, self.function = net, function

    def forward(self, x):
        return self.function(self.net(x))


WRONG_OUTPUTS = {
    "half": (lambda h: h[:, : h.shape[1] // 2], r"\[2, 6, 4, 2\]"),
    "pooled": (lambda h: h.mean(dim=(2, 3), keepdim=True), r"\[2, 12, 1, 1\]"),
    "one picture": (lambda h: h[:1], r"\[1, 12, 4, 2\]"),
    "without rows": (lambda h: h[:, :, 0], r"\[2, 12, 2\]"),
    "tuple": (lambda h: h.chunk(2, dim=1), "a tuple"),
    "nothing": (lambda h: None, "a NoneType"),
}


@pytest.mark.parametrize("memory", ["full", "checkpoint", "reversible"])
@pytest.mark.parametrize("name", WRONG_OUTPUTS)
def test_a_network_whose_output_would_broadcast_is_refused(name, memory):
    function, found = WRONG_OUTPUTS[name]
    flow = flow_of(steps=3)
    coupling = flow.levels[0].steps[1].coupling
    coupling.net = Reshaped(coupling.net, function)
    flow.memory = memory
    latents, x = flow.sample_latents([1, 2]), pictures(2).requires_grad_()
    told = rf"^the network of AffineCoupling returned {found} for \[2, 6, 4, 2\], expected \[2, 12, 4, 2\] \(2 for each"
    for call in (lambda: flow.log_prob(x), lambda: flow.decode(latents)):
        with pytest.raises(ConfigError, match=told):
            call()


@pytest.mark.parametrize(("kind", "shape", "expected"), [
    (lambda: AdditiveCoupling(nn.AdaptiveAvgPool2d(1)), [2, 2, 1, 1], [2, 2, 4, 2]),
    (lambda: TanhCoupling(nn.Conv2d(2, 2, 1), 2), [2, 2, 4, 2], [2, 4, 4, 2]),
    (lambda: TanhCoupling(nn.Conv2d(4, 2, 1), 4, Checkerboard((4, 2))), [2, 2, 4, 2], [2, 8, 4, 2]),
    (lambda: AffineCoupling(nn.Conv2d(4, 4, 1), partition=Checkerboard((4, 2))), [2, 4, 4, 2], [2, 8, 4, 2]),
    (lambda: AdditiveCoupling(nn.Linear(16, 1), OddEven((4, 4, 2))), [2, 1], [2, 16]),
    (lambda: Thirds(nn.Conv2d(2, 4, 1)), [2, 4, 4, 2], [2, 6, 4, 2]),
])  # fmt: skip
def test_every_coupling_checks_what_its_network_returns(kind, shape, expected):
    coupling, x = kind(), torch.randn(2, 4, 4, 2)
    told = re.escape(f"the network of {type(coupling).__name__} returned {shape} for ")
    told += f".*, expected {re.escape(str(expected))} "
    for call in (coupling, coupling.inverse, lambda x: coupling.pull_back(x, x, x.new_ones(2))):
        with pytest.raises(ConfigError, match=told):
            call(x)


@pytest.mark.parametrize("outputs", [3, None])
def test_a_coupling_says_itself_how_much_its_network_returns(outputs):
    coupling = Thirds(nn.Conv2d(2, 6, 1)).double()
    coupling.OUTPUTS = outputs
    x = torch.randn(1, 4, 4, 2, dtype=torch.float64)
    z, logdet = coupling(x)
    assert (coupling.inverse(z)[0] - x).abs().max() <= 1e-12
    assert abs(logdet - log_abs_det_jacobian(lambda v: coupling(v)[0], x)) <= 1e-9


def test_a_parameter_that_nothing_uses_gets_no_gradient_in_any_mode():
    flow = flow_of(steps=3)
    step = flow.levels[0].steps[1]
    step.coupling = Unused(step.coupling.net).double()
    for memory in ("full", "checkpoint", "reversible"):
        flow.memory = memory
        flow.zero_grad()
        flow.log_prob(pictures()).sum().backward()
        assert step.coupling.spare.weight.grad is None
        assert step.coupling.net.conv_mid.weight.grad.norm() > 0


@pytest.mark.parametrize(("kind", "name", "method", "args"), [
    (Transform, "Transform", "forward", 1), (Transform, "Transform", "inverse", 1),
    (lambda: Coupling(nn.Identity()), "Coupling", "move", 2),
    (lambda: Coupling(nn.Identity()), "Coupling", "move_back", 2),
])  # fmt: skip
def test_a_method_that_a_subclass_lacks_is_named_with_its_class(kind, name, method, args):
    with pytest.raises(NotImplementedError, match=f"^{name} defines no {method}$"):
        getattr(kind(), method)(*[torch.zeros(1, 2, 2, 2)] * args)
