"""Networks that do something else at their second evaluation: refused where training would need it."""

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from glowcore import ConfigError
from glowcore.memory import saved_bytes
from glowcore.transforms.batchnorm import BatchNorm
from tests.glowcore.test_extensions import assert_one_gradient, pictures
from tests.glowcore.test_reversible import flow_of, gradients


class OfSequences(nn.Module):
    """A layer of sequences ``[B, N, C]``, applied to the positions of a picture."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        positions = x.flatten(2).mT
        inputs = 3 * [positions] if isinstance(self.layer, nn.MultiheadAttention) else [positions]
        return self.layer(*inputs)[0].mT.reshape(x.shape)


class Counting(nn.Module):
    """Replaces its buffer instead of changing it in place."""

    def __init__(self):
        super().__init__()
        self.register_buffer("calls", torch.tensor(0.0))

    def forward(self, x):
        if self.training:
            self.calls = self.calls + 1
        return x / (1 + self.calls)


class Tallying(nn.Module):
    """Counts its calls, and keeps a value of the first in a buffer that it replaces."""

    def __init__(self):
        super().__init__()
        self.register_buffer("calls", torch.tensor(0))
        self.register_buffer("first", torch.tensor(0.0))

    def forward(self, x):
        if not self.calls:
            self.first = x.detach().abs().mean()
        self.calls += 1
        return x / self.first


def attention(dropout):
    return OfSequences(nn.MultiheadAttention(6, 2, dropout=dropout, batch_first=True))


def recurrence(dropout):
    return OfSequences(nn.GRU(6, 6, 2, dropout=dropout, batch_first=True))


UNSTEADY = {
    "dropout": (lambda: nn.Dropout(0.3), "Dropout"),
    "dropout_of_channels": (lambda: nn.Dropout2d(0.3), "Dropout2d"),
    "batch_norm": (lambda: nn.BatchNorm2d(6), "BatchNorm2d"),
    "instance_norm": (lambda: nn.InstanceNorm2d(6, track_running_stats=True), "InstanceNorm2d"),
    "attention_with_dropout": (lambda: attention(0.2), "MultiheadAttention"),
    "recurrence_with_dropout": (lambda: recurrence(0.2), "GRU"),
}
STEADY = {
    "dropout_of_nothing": lambda: nn.Dropout(0.0),
    "dropout_in_evaluation": lambda: nn.Dropout(0.3).eval(),
    "batch_norm_in_evaluation": lambda: nn.BatchNorm2d(6).eval(),
    "batch_norm_of_the_batch": lambda: nn.BatchNorm2d(6, track_running_stats=False),
    "group_norm": lambda: nn.GroupNorm(2, 6),
    "attention": lambda: attention(0.0),
    "recurrence": lambda: recurrence(0.0),
    "calls_counted": Tallying,
    "spectral_norm_in_evaluation": lambda: spectral_norm(nn.Conv2d(6, 6, 1)).eval(),
}
MOVING = {
    "spectral_norm": (lambda: spectral_norm(nn.Conv2d(6, 6, 1)), "_SpectralNorm"),
    "replaced_buffer": (Counting, "Counting"),
}


def zero(module):
    for parameter in module.parameters(recurse=False):
        nn.init.zeros_(parameter)


def with_layer(layer):
    flow = flow_of(steps=3)
    coupling = flow.levels[1].steps[1].coupling
    net = coupling.net
    coupling.net = nn.Sequential(net.conv_in, layer.double(), nn.ReLU(), net.conv_mid, nn.ReLU(), net.conv_out)
    return flow


@pytest.mark.parametrize("memory", ["checkpoint", "reversible"])
@pytest.mark.parametrize("name", UNSTEADY)
def test_networks_that_would_do_something_else_the_second_time_are_refused(name, memory):
    make, kind = UNSTEADY[name]
    flow = with_layer(make())
    with pytest.raises(ConfigError, match=f"^memory '{memory}' evaluates networks twice, and in training {kind} .*$"):
        flow.memory = memory
    assert flow.memory == "full"
    flow.log_prob(pictures()).sum().backward()
    flow.eval().memory = memory
    expected = gradients(flow, "full")
    assert (gradients(flow, memory) - expected).norm() <= 1e-10 * expected.norm()
    kept = flow.levels[0].steps[0].train()  # one part in training already
    with pytest.raises(ConfigError, match="use 'full'"):
        flow.train()
    assert {module for module in flow.modules() if module.training} == set(kept.modules())


@pytest.mark.parametrize("memory", ["checkpoint", "reversible"])
@pytest.mark.parametrize("name", MOVING)
def test_networks_whose_buffers_change_as_they_are_evaluated_are_refused(name, memory):
    make, kind = MOVING[name]
    flow = with_layer(make())
    gradients(flow, "full")
    flow.memory = memory
    latents = flow.sample_latents([0]).requires_grad_()
    for evaluate in (lambda: flow.log_prob(pictures()), lambda: flow.decode(latents)):
        with pytest.raises(ConfigError, match=f"the second result differs, since buffers of {kind} change;"):
            evaluate()
    flow.levels[1].steps[1].coupling.net[-1].requires_grad_(False).apply(zero)
    with pytest.raises(ConfigError, match=f"buffers of {kind}"):  # as at a first step, when the last weights are 0
        flow.log_prob(pictures())
    flow.eval()
    assert_one_gradient(flow)


def test_a_model_that_cannot_be_trained_can_be_evaluated():
    flow = flow_of(steps=3)
    flow.memory = "reversible"
    flow.levels[0].steps[0].actnorm = BatchNorm(12).double()
    assert flow.eval().training is False
    with pytest.raises(ConfigError, match="cannot undo BatchNorm"):
        flow.train()
    assert not any(module.training for module in flow.modules())


@pytest.mark.parametrize("name", STEADY)
def test_networks_that_do_the_same_twice_are_not(name):
    assert_one_gradient(with_layer(STEADY[name]()))


def test_measuring_memory_leaves_the_statistics_of_networks_alone():
    flow = with_layer(nn.BatchNorm2d(6))
    before = {name: value.clone() for name, value in flow.state_dict().items()}
    assert saved_bytes(flow, 2) > 0
    assert all(torch.equal(value, before[name]) for name, value in flow.state_dict().items())
