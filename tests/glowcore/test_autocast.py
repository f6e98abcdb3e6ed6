"""Under autocast only the networks inside couplings change precision, in the backward pass as in the forward one."""

import torch

from glowcore.classes import ClassHead
from glowcore.priors import Split
from tests.glowcore.tiny import model, pictures


def filled(module, seed=0):
    """A module whose weights are as random as its input, so that bfloat16 shows."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(0.3 * torch.randn(parameter.shape, generator=generator))
    return module


def bfloat16():
    return torch.autocast("cpu", torch.bfloat16)


def test_the_prior_of_a_split_is_computed_in_the_dtype_of_its_input():
    split, x = filled(Split(8, (4, 4), position_bias=True)), torch.randn(2, 8, 4, 4)
    kept, eps, logdet = split(x)
    with bfloat16():
        found = split(x)
        back = split.inverse(kept, eps)
    assert all(torch.equal(a, b) for a, b in zip(found, (kept, eps, logdet), strict=True))
    assert torch.equal(back, split.inverse(kept, eps))


def test_the_classification_head_is_computed_in_the_dtype_of_its_input():
    head, z = filled(ClassHead(16, 5)), torch.randn(3, 16, 2, 2)
    expected = head(z)
    with bfloat16():
        found = head(z)
    assert found.dtype == torch.float32
    assert torch.equal(found, expected)


def test_a_backward_pass_outside_autocast_runs_under_that_of_the_forward_pass():
    """What it evaluates again must be what was evaluated, or the recovered inputs drift from the true ones."""

    def gradients(inside):
        flow = model(steps_per_level=3, hidden_channels=16).train()
        flow.memory = "reversible"
        with bfloat16():
            loss = flow.bits_per_dim(pictures(4), generator=torch.Generator().manual_seed(0)).mean()
            if inside:
                loss.backward()
        if not inside:
            loss.backward()
        return [p.grad for p in flow.parameters() if p.grad is not None]

    assert all(torch.equal(a, b) for a, b in zip(gradients(True), gradients(False), strict=True))
