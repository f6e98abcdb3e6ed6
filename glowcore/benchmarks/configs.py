"""The models of the benchmarks, and their preparation."""

from __future__ import annotations

import torch
from torch import Tensor

from glowcore.flow import Flow
from glowcore.models import GlowConfig, build

#: A: the size of CIFAR-10 at a width for CPUs; B: faces; C: the width of the Glow paper.
BENCH_CONFIGS: dict[str, GlowConfig] = {
    "A": GlowConfig(image_size=32, num_levels=3, steps_per_level=16, hidden_channels=128),
    "B": GlowConfig(image_size=64, num_levels=4, steps_per_level=16, hidden_channels=128),
    "C": GlowConfig(image_size=32, num_levels=3, steps_per_level=32, hidden_channels=512),
}


def noise_pictures(config: GlowConfig, batch: int, seed: int = 0) -> Tensor:
    """Return uint8 pictures of smooth noise, ``[batch, C, H, W]``, which is closer to photos than white noise."""
    height, width = config.height_width
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(batch, config.channels, 4, 4, generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, (height, width), mode="bicubic", align_corners=False)
    grain = torch.randn(batch, config.channels, height, width, generator=generator) * 0.03
    return ((smooth + grain).clamp(0, 1) * 255).round().to(torch.uint8)


def ready_model(config: GlowConfig, *, steps: int = 0, memory: str = "full") -> Flow:
    """Return an initialised model after a few training steps, so that its couplings are not the identity.

    The learning rate is low: without warm-up, 1e-3 costs a model of a hundred steps or more its exact inverse.
    """
    torch.manual_seed(0)
    flow = build(config).to(memory_format=torch.channels_last)
    flow.initialize(noise_pictures(config, 64))
    flow.memory = memory
    optimizer = torch.optim.Adam(flow.parameters(), lr=1e-5)
    for step in range(steps):
        optimizer.zero_grad()
        generator = torch.Generator().manual_seed(step)
        flow.bits_per_dim(noise_pictures(config, 8, seed=step), generator=generator).mean().backward()
        optimizer.step()
    flow.zero_grad(set_to_none=True)
    return flow
