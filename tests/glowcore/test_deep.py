"""A model of 128 steps, trained until it has learned something, still gives pictures back in float32."""

import pytest
import torch

from glowcore import GlowConfig
from glowcore.benchmarks.configs import noise_pictures, ready_model

STEPS, RATE, WARM_UP = 250, 1e-3, 100


@pytest.mark.proof
def test_a_trained_model_of_128_steps_gives_pictures_back():
    config = GlowConfig(image_size=16, num_levels=2, steps_per_level=64, hidden_channels=16)
    flow = ready_model(config)
    held_out = noise_pictures(config, 64, seed=10_000)

    def bits():
        with torch.no_grad():
            return flow.bits_per_dim(held_out, generator=torch.Generator().manual_seed(0)).mean()

    before = bits()
    flow.memory = "reversible"
    optimizer = torch.optim.Adam(flow.parameters(), lr=RATE)
    for step in range(STEPS):
        optimizer.param_groups[0]["lr"] = RATE * min(1, (step + 1) / WARM_UP)
        optimizer.zero_grad()
        generator = torch.Generator().manual_seed(step)
        flow.bits_per_dim(noise_pictures(config, 16, seed=step), generator=generator).mean().backward()
        torch.nn.utils.clip_grad_norm_(flow.parameters(), 50.0)
        optimizer.step()
    assert bits() <= before - 0.3
    with torch.no_grad():
        error = (flow.decode(flow.encode(held_out)) - held_out / 255).abs().max()
    assert error <= 1e-3  # half a step of 8 bits is 2e-3
