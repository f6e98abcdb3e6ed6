"""The pictures of a step: each once per epoch, divided among processes, a function of seed and step alone."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from glowcore.training.batches import batch_indices, random_flip, step_generator


@settings(max_examples=40, deadline=None)
@given(
    count=st.integers(1, 50),
    batch_size=st.integers(1, 17),
    world_size=st.integers(1, 4),
    seed=st.integers(0, 2**31),
)
def test_every_epoch_covers_every_picture_exactly_once(count, batch_size, world_size, seed):
    epochs = 3
    steps = -(-epochs * count // (batch_size * world_size))
    stream = torch.cat(
        [
            batch_indices(count, batch_size, seed, step, rank, world_size)
            for step in range(steps)
            for rank in range(world_size)
        ]
    )
    for epoch in stream[: epochs * count].reshape(epochs, count):
        assert epoch.sort().values.tolist() == list(range(count))


def test_epochs_and_seeds_have_different_orders():
    orders = {tuple(batch_indices(40, 40, seed, step).tolist()) for seed in (0, 1, 2) for step in range(5)}
    assert len(orders) == 15


@pytest.mark.parametrize(("batch_size", "world_size"), [(4, 2), (3, 3), (5, 4)])
def test_processes_share_a_joint_batch_without_overlap(batch_size, world_size):
    for step in range(10):
        joint = batch_indices(1000, batch_size * world_size, 7, step)
        shares = [batch_indices(1000, batch_size, 7, step, rank, world_size) for rank in range(world_size)]
        assert torch.equal(torch.cat(shares), joint)
        assert len(set(joint.tolist())) == batch_size * world_size


def test_a_step_depends_on_nothing_before_it():
    late = batch_indices(40, 16, 3, 1000)
    for step in range(100):
        batch_indices(40, 16, 3, step)
    assert torch.equal(batch_indices(40, 16, 3, 1000), late)


def test_a_batch_may_be_larger_than_the_set():
    assert batch_indices(3, 8, 0, 0).bincount().tolist() in ([3, 3, 2], [3, 2, 3], [2, 3, 3])


def test_noise_differs_between_steps_processes_and_seeds_and_repeats():
    keys = [(seed, step, rank) for seed in (0, 1, 2, 2**32 - 1) for step in range(200) for rank in range(4)]
    draws = {key: float(torch.rand((), generator=step_generator(*key), dtype=torch.float64)) for key in keys}
    assert len(set(draws.values())) == len(keys)
    assert float(torch.rand((), generator=step_generator(1, 50, 2), dtype=torch.float64)) == draws[1, 50, 2]


def test_flips_are_per_picture_exact_and_about_half():
    images = torch.arange(400 * 2 * 3 * 4).reshape(400, 2, 3, 4)
    before = images.clone()
    flipped = random_flip(images, torch.Generator().manual_seed(0))
    assert torch.equal(images, before)
    same = (flipped == images).flatten(1).all(1)
    mirrored = (flipped == images.flip(3)).flatten(1).all(1)
    assert (same ^ mirrored).all()
    assert 160 < int(mirrored.sum()) < 240
