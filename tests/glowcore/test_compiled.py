"""``torch.compile`` of a model gives its losses and gradients, in every memory mode."""

import pytest
import torch

from glowcore import Flow
from tests.glowcore.test_reversible import flow_of


@pytest.mark.filterwarnings("ignore:.*(instantiated|leaf Tensor)")
@pytest.mark.parametrize("memory", ["checkpoint", "reversible"])
def test_compiled_steps_pass_for_unchanged(memory):
    flow = flow_of(steps=2)
    flow.memory = memory
    x = torch.rand(2, 3, 8, 4, dtype=torch.float64, requires_grad=True)
    (expected,) = torch.autograd.grad(flow.log_prob(x).sum(), x)
    compiled = torch.compile(flow.log_prob, backend="aot_eager")
    (found,) = torch.autograd.grad(compiled(x).sum(), x)
    assert (found - expected).norm() <= 1e-10 * expected.norm()


@pytest.mark.filterwarnings("ignore:.*(instantiated|leaf Tensor)")
@pytest.mark.parametrize("memory", ["full", "checkpoint", "reversible"])
def test_a_compiled_loss_takes_batches_of_any_size(memory):
    """As the last one of a DataLoader is smaller."""
    flow = flow_of(steps=2)
    flow.memory = memory
    compiled = torch.compile(flow, backend="aot_eager")
    for batch in (8, 3):
        images = torch.randint(0, 256, (batch, 3, 8, 4), dtype=torch.uint8)
        losses, grads = [], []
        for call in (flow, compiled):
            flow.zero_grad()
            torch.manual_seed(1)
            losses.append(call(images))
            losses[-1].mean().backward()
            grads.append(torch.cat([p.grad.flatten() for p in flow.parameters() if p.requires_grad]))
        assert torch.allclose(*losses, rtol=1e-10)
        assert (grads[0] - grads[1]).norm() <= 1e-10 * grads[0].norm()


def test_a_flow_can_be_made_of_compiled_levels():
    flow, x = flow_of(steps=2), torch.rand(2, 3, 8, 4, dtype=torch.float64)
    levels = [torch.compile(level, backend="eager") for level in flow.levels]
    compiled = Flow(flow.config, levels, flow.top_prior).double()
    torch.testing.assert_close(compiled.log_prob(x), flow.log_prob(x))
