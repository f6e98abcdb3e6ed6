"""Hooks on modules and parameters, and a ``forward`` assigned to one module, are obeyed in every memory mode."""

import pytest
import torch

from glowcore.mlp import MLP
from glowcore.networks import CouplingNet
from glowcore.residual_net import ResidualNet
from tests.glowcore.bijections import perturb
from tests.glowcore.test_extensions import assert_one_gradient
from tests.glowcore.test_reversible import flow_of, gradients


@pytest.mark.parametrize("part", ["", "coupling", "actnorm", "permutation"])
def test_hooks_that_change_an_output_are_obeyed(part):
    flow = flow_of(steps=3)
    plain = gradients(flow, "full")
    flow.levels[0].steps[1].get_submodule(part).register_forward_hook(lambda module, args, out: (2 * out[0], out[1]))
    expected = gradients(flow, "full")
    assert (expected - plain).norm() >= 0.1 * plain.norm()
    assert_one_gradient(flow)


@pytest.mark.parametrize("memory", ["full", "checkpoint", "reversible"])
@pytest.mark.parametrize("part", ["", "actnorm", "permutation", "coupling", "coupling.net"])
def test_hooks_on_the_backward_pass_are_called(part, memory):
    flow = flow_of(steps=3)
    seen = []
    flow.levels[0].steps[1].get_submodule(part).register_full_backward_hook(lambda *given: seen.append(given[0]))
    gradients(flow, memory)
    assert len(seen) == 1


@pytest.mark.parametrize("memory", ["checkpoint", "reversible"])
@pytest.mark.parametrize("name", ["actnorm.bias", "permutation.log_s", "coupling.net.conv_mid.weight"])
def test_hooks_on_parameters_run_once(name, memory):
    flow = flow_of(steps=3)
    plain = gradients(flow, "full")
    calls = []
    flow.levels[0].steps[1].get_parameter(name).register_hook(lambda grad: (calls.append(1), 2 * grad)[1])
    expected = gradients(flow, "full")
    assert (expected - plain).norm() > 1e-3
    assert (gradients(flow, memory) - expected).norm() <= 1e-10 * expected.norm()
    assert len(calls) == 2


@pytest.mark.parametrize("part", ["", "actnorm", "permutation", "coupling"])
def test_a_forward_assigned_to_one_module_is_obeyed(part):
    flow = flow_of(steps=3)
    module = flow.levels[0].steps[1].get_submodule(part)
    plain, forward = gradients(flow, "full"), module.forward

    def doubled(*args):
        z, logdet = forward(*args)
        return 2 * z, logdet

    module.forward = doubled
    assert (gradients(flow, "full") - plain).norm() >= 0.1 * plain.norm()
    assert_one_gradient(flow)


NETWORKS = {
    "convolutions": lambda: CouplingNet(6, 5, 12, (4, 2)),
    "fully_connected": lambda: MLP(6, 5, 2, 12),
    "residual": lambda: ResidualNet(6, 5, 12, 1),
    "residual_without_blocks": lambda: ResidualNet(6, 5, 12, 0),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_hooks_on_the_layers_of_a_network_see_the_layers_own_output(name):
    net = perturb(NETWORKS[name](), 0.1).double()
    x = torch.randn(3, 6, dtype=torch.float64)
    x = x if name == "fully_connected" else x.reshape(3, 6, 1, 1).expand(3, 6, 4, 2)
    x.requires_grad_()
    inputs = [x, *net.parameters()]
    expected = torch.autograd.grad(net(x).pow(2).sum(), inputs)
    layers = [module for module in net.modules() if list(module.parameters(recurse=False))]
    outputs, backward = [], []
    for layer in layers:
        layer.register_forward_hook(lambda module, args, out: outputs.append((out, out.detach().clone())))
        layer.register_full_backward_hook(lambda module, *grads: backward.append(module))
    found = torch.autograd.grad(net(x).pow(2).sum(), inputs)
    assert all((a - b).abs().max() <= 1e-12 for a, b in zip(found, expected, strict=True))
    assert len(outputs) == len(layers)
    assert len(backward) == len(layers)
    assert set(backward) == set(layers)
    assert all(torch.equal(out, copied) for out, copied in outputs)
