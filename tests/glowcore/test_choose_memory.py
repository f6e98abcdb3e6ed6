"""What ``--memory auto`` chooses."""

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from glowcore import GlowConfig, RealNVPConfig, build
from glowcore.memory import FULL_SHARE, choose_memory, saved_bytes, saved_for_any_and_each
from tests.glowcore.test_changing_networks import Tallying


def small_flow():
    return build(GlowConfig(image_size=8, num_levels=2, steps_per_level=5, hidden_channels=6))


def test_auto_takes_full_where_it_fits(monkeypatch):
    flow = small_flow()
    assert choose_memory(flow, 4) == "full"
    monkeypatch.setattr("glowcore.memory.free_bytes", lambda device: saved_bytes(flow, 4))
    assert choose_memory(flow, 4) == "reversible"
    assert flow.memory == "full"


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_bytes_of_a_batch_are_those_of_any_and_of_each_picture(precision):
    flow = small_flow()
    fixed, each = saved_for_any_and_each(flow, precision)
    assert fixed + 9 * each == saved_bytes(flow, 9, precision)


def test_bfloat16_may_be_what_fits(monkeypatch):
    flow = small_flow()
    needed = [saved_bytes(flow, 64, precision) for precision in ("bfloat16", "float32")]
    assert needed[0] < 0.9 * needed[1]
    monkeypatch.setattr("glowcore.memory.free_bytes", lambda device: sum(needed) / 2 / FULL_SHARE)
    assert choose_memory(flow, 64, "bfloat16") == "full"
    assert choose_memory(flow, 64, "float32") == "reversible"


def test_auto_takes_checkpoint_where_steps_cannot_be_recovered(monkeypatch):
    flow = build(
        RealNVPConfig(
            image_size=8, num_levels=1, steps_per_level=1, hidden_channels=4, residual_blocks=1, norm="batchnorm"
        )
    )
    monkeypatch.setattr("glowcore.memory.free_bytes", lambda device: 0)
    assert choose_memory(flow, 4, "float32") == "checkpoint"


@pytest.mark.parametrize(
    ("layer", "named", "chosen"),
    [
        (lambda: nn.Dropout(0.3), ["Dropout"], "full"),
        (lambda: spectral_norm(nn.Conv2d(6, 6, 1)), [], "full"),
        (Tallying, [], "reversible"),
    ],
)
def test_auto_takes_full_where_networks_would_not_repeat_themselves(monkeypatch, layer, named, chosen):
    flow = small_flow().train()
    net = flow.levels[0].steps[0].coupling.net
    net.conv_mid = nn.Sequential(net.conv_mid, layer())
    before = {name: value.clone() for name, value in flow.state_dict().items()}
    monkeypatch.setattr("glowcore.memory.free_bytes", lambda device: 0)
    assert flow.nondeterministic == named
    assert choose_memory(flow, 4) == chosen
    assert flow.memory == "full"
    if chosen == "full":  # the other replaces a buffer
        assert all(torch.equal(value, before[name]) for name, value in flow.state_dict().items())
