"""The pictures of a training step and the generator of its noise, both functions of the seed and the step alone.

Neither the order of the data nor the state of a generator has to be saved: a resumed run sees the same pictures and
noise as an uninterrupted one.
"""

from __future__ import annotations

import functools

import torch
from torch import Tensor

#: Bounds on the pictures that weights are initialised on: their number, and their pixels in total if they are more than
#: a batch. 256 large pictures would not fit on a GPU, and fewer already give reliable statistics.
FIRST_PICTURES, FIRST_PIXELS = 256, 256 * 64 * 64


def step_generator(seed: int, step: int, rank: int = 0, device: torch.device | str = "cpu") -> torch.Generator:
    """Return the generator for the flips and the dequantisation noise of one step in one process."""
    # torch's CPU generator uses the lowest 32 bits of its seed. Multiplication by an odd factor permutes them, so no
    # two steps share their noise; distinct factors separate seeds and processes.
    value = (seed * 0x9E3779B97F4A7C15 + step * 0xBF58476D1CE4E5B9 + rank * 0x94D049BB133111EB) % 2**63
    return torch.Generator(device).manual_seed(value)


def batch_indices(
    num_pictures: int, batch_size: int, seed: int, step: int, rank: int = 0, world_size: int = 1
) -> Tensor:
    """Return the indices of the pictures of ``step`` (from 0), int64 ``[batch_size]``.

    Every epoch is a new permutation of all pictures; a batch may extend over the end of an epoch into the next. With
    several processes, each takes its own share of the joint batch of ``world_size * batch_size``.
    """
    first = (step * world_size + rank) * batch_size
    positions = torch.arange(first, first + batch_size, device="cpu")
    epochs = positions // num_pictures
    parts = [
        _permutation(num_pictures, seed, int(epoch))[positions[epochs == epoch] % num_pictures]
        for epoch in epochs.unique()
    ]
    return torch.cat(parts)


def first_indices(shape: torch.Size, batch_size: int, seed: int) -> Tensor:
    """Return the indices of the pictures that weights are initialised on, int64.

    They are at most :data:`FIRST_PICTURES`, and of large pictures a batch or as many as have :data:`FIRST_PIXELS`
    pixels in total, whichever is more. ``shape`` is that of the training pictures, ``[N, C, H, W]``.
    """
    count, _, height, width = shape
    limit = max(batch_size, FIRST_PIXELS // (height * width))
    return batch_indices(count, min(FIRST_PICTURES, limit, count), seed, 0)


def random_flip(images: Tensor, generator: torch.Generator) -> Tensor:
    """Mirror each picture of ``[B, C, H, W]`` with probability one half."""
    flip = torch.rand(len(images), 1, 1, 1, generator=generator, device=generator.device).to(images.device) < 0.5
    return torch.where(flip, images.flip(3), images)


@functools.lru_cache(maxsize=2)
def _permutation(num_pictures: int, seed: int, epoch: int) -> Tensor:
    """Return the permutation of one epoch, cached because consecutive steps use the same one."""
    generator = torch.Generator().manual_seed((seed * 0x9E3779B97F4A7C15 + epoch * 0xD6E8FEB86659FD93 + 1) % 2**63)
    return torch.randperm(num_pictures, generator=generator, device="cpu")
