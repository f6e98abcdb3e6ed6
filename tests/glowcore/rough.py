"""A model that float32 is not enough for: noise does not come back from its latents, but in float64 it does."""

from __future__ import annotations

from dataclasses import replace

import torch

from glowcore import Flow, GlowConfig, build
from tests.glowcore.tiny import pictures, vectors

SIZE = 32


def model(factor: float = 0.08, reach: float = 1e-11, **settings) -> Flow:
    """A Glow whose coupling networks end in weights of size ``factor``; its attributes move by ``reach`` at strength 1.

    At a factor of 0.08 noise is too much for float32, and an edit of it bears little; at 0.12 for float64 too, and at
    0.22 whatever there is.
    """
    torch.manual_seed(0)
    config = GlowConfig(image_size=SIZE, num_levels=2, steps_per_level=4, hidden_channels=8, **settings)
    flow = build(config)
    flow.initialize(pictures(16, SIZE))
    with torch.no_grad():
        for parameter in flow.parameters():
            if parameter.ndim == 4 and not parameter.any():
                parameter.normal_(0, factor)
    found = vectors(flow)
    flow.attributes = replace(found, covariance=reach**2 * found.covariance)
    return flow.eval()


def noise(count: int = 1) -> torch.Tensor:
    """Noise, uint8 [count, 3, SIZE, SIZE]."""
    generator = torch.Generator().manual_seed(5)
    return torch.randint(0, 256, (count, 3, SIZE, SIZE), dtype=torch.uint8, generator=generator)
