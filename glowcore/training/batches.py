"""Which pictures a training step sees, and with which noise: a function of the seed and the step alone.

Nothing about the order of data or the state of a generator has to be saved, and a resumed run sees exactly what the
uninterrupted one would have seen.
"""

from __future__ import annotations

import functools

import torch
from torch import Tensor


def step_generator(seed: int, step: int, rank: int = 0, device: torch.device | str = "cpu") -> torch.Generator:
    """Return the generator of one training step (flips, dequantisation noise) of one process."""
    # torch's CPU generator takes the lowest 32 bits of its seed and mixes them. An odd factor maps these one to one, so
    # no two steps share their noise; distinct factors keep seeds and processes apart.
    value = (seed * 0x9E3779B97F4A7C15 + step * 0xBF58476D1CE4E5B9 + rank * 0x94D049BB133111EB) % 2**63
    return torch.Generator(device).manual_seed(value)


def batch_indices(
    num_pictures: int, batch_size: int, seed: int, step: int, rank: int = 0, world_size: int = 1
) -> Tensor:
    """Return the indices of the pictures of ``step`` (from 0), int64 ``[batch_size]``.

    Every epoch is a new permutation of all pictures; a batch runs over the end of an epoch into the next. With several
    processes each takes its own share of the joint batch of ``world_size * batch_size``.
    """
    first = (step * world_size + rank) * batch_size
    positions = torch.arange(first, first + batch_size, device="cpu")
    epochs = positions // num_pictures
    picked = [
        _permutation(num_pictures, seed, int(epoch))[positions[epochs == epoch] % num_pictures]
        for epoch in epochs.unique()
    ]
    return torch.cat(picked)


def random_flip(images: Tensor, generator: torch.Generator) -> Tensor:
    """Mirror each picture of ``[B, C, H, W]`` with probability one half."""
    flip = torch.rand(len(images), 1, 1, 1, generator=generator, device=generator.device).to(images.device) < 0.5
    return torch.where(flip, images.flip(3), images)


@functools.lru_cache(maxsize=2)
def _permutation(num_pictures: int, seed: int, epoch: int) -> Tensor:
    """Return the order of one epoch; kept, since nearly every step asks for the same."""
    generator = torch.Generator().manual_seed((seed * 0x9E3779B97F4A7C15 + epoch * 0xD6E8FEB86659FD93 + 1) % 2**63)
    return torch.randperm(num_pictures, generator=generator, device="cpu")
