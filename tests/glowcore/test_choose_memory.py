"""What ``--memory auto`` chooses."""

import torch

from glowcore import GlowConfig, RealNVPConfig, build
from glowcore.memory import choose_memory, saved_bytes


def small_flow():
    return build(GlowConfig(image_size=8, num_levels=2, steps_per_level=5, hidden_channels=6))


def test_auto_takes_full_where_it_fits(monkeypatch):
    flow = small_flow()
    assert choose_memory(flow, 4) == "full"
    monkeypatch.setattr("glowcore.memory.free_bytes", lambda device: saved_bytes(flow, 4))
    assert choose_memory(flow, 4) == "reversible"
    assert flow.memory == "full"


def test_auto_takes_checkpoint_where_steps_cannot_be_recovered(monkeypatch):
    flow = build(
        RealNVPConfig(
            image_size=8, num_levels=1, steps_per_level=1, hidden_channels=4, residual_blocks=1, norm="batchnorm"
        )
    )
    monkeypatch.setattr("glowcore.memory.free_bytes", lambda device: 0)
    assert choose_memory(flow, 4) == "checkpoint"


def test_auto_takes_full_where_networks_would_not_repeat_themselves(monkeypatch):
    flow = small_flow().train()
    net = flow.levels[0].steps[0].coupling.net
    net.conv_mid = torch.nn.Sequential(net.conv_mid, torch.nn.Dropout(0.3))
    monkeypatch.setattr("glowcore.memory.free_bytes", lambda device: 0)
    assert flow.nondeterministic == ["Dropout"]
    assert choose_memory(flow, 4) == "full"
