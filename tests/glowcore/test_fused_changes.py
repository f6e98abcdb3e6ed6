"""The fast form follows its model when that changes."""

import copy
import threading

import pytest
import torch

from glowcore.exact import ExactFlow
from glowcore.flow import Flow
from glowcore.fused import FusedFlow, fused_flow
from tests.glowcore.model_folders import small_model

SETTINGS = {"num_levels": 3, "steps_per_level": 3}


@pytest.fixture
def pictures():
    return torch.rand(3, 3, 8, 8)


def test_follows_a_change_of_weights(pictures):
    flow = small_model(**SETTINGS)
    fast = FusedFlow(flow, backend="torch")
    before = fast.encode(pictures).flatten()
    with torch.no_grad():
        flow.levels[0].steps[0].coupling.net.conv_mid.weight.mul_(1.5)
        after = fast.encode(pictures).flatten()
        assert (after - before).abs().max() > 1e-4
        assert (after - flow.encode(pictures).flatten()).abs().max() <= 1e-5


def scale_data(flow):
    for tensor in flow.parameters():
        tensor.data.mul_(1.1)


def swap_data(flow):
    """As the averaged weights of training are swapped in."""
    for tensor, other in zip(flow.parameters(), small_model(**SETTINGS).parameters(), strict=True):
        tensor.data.copy_(other + 0.01)


def other_data(flow):
    weight = flow.levels[1].steps[2].coupling.net.conv_mid.weight
    weight.data = 1.5 * weight.data


def other_parameter(flow):
    net = flow.levels[2].steps[0].coupling.net
    net.conv_mid.weight = torch.nn.Parameter(1.5 * net.conv_mid.weight.detach())


def other_module(flow):
    flow.levels[0].steps[1].coupling.net = small_model(**SETTINGS).levels[0].steps[0].coupling.net


def loaded(flow):
    flow.load_state_dict({name: 1.1 * t if t.is_floating_point() else t for name, t in flow.state_dict().items()})


def smallest_value(flow):
    """Autograd counts it, and the largest value stays."""
    weight = flow.levels[0].steps[0].coupling.net.conv_in.weight
    with torch.no_grad():
        weight.flatten()[weight.abs().argmin()] = 0.9 * weight.abs().max()


def one_tensor_to_zero(flow):
    flow.levels[0].steps[0].actnorm.bias.data.zero_()


def appended_step(flow):
    flow.levels[0].steps.append(copy.deepcopy(flow.levels[0].steps[0]))


def hook(flow):
    flow.levels[0].steps[0].coupling.net.register_forward_hook(lambda net, given, result: 0 * result)


def own_forward(flow):
    net = flow.levels[0].steps[0].coupling.net
    net.forward = lambda x, forward=net.forward: 0 * forward(x)


@pytest.mark.parametrize(
    "change",
    [
        scale_data,
        smallest_value,
        swap_data,
        other_data,
        other_parameter,
        other_module,
        loaded,
        one_tensor_to_zero,
        appended_step,
        hook,
        own_forward,
    ],
)
def test_sees_every_usual_way_of_changing_weights(change, pictures):
    flow = small_model(**SETTINGS)
    fast = FusedFlow(flow, backend="torch")
    before, folded = fast.encode(pictures).flatten(), fast._torch
    assert torch.equal(fast.encode(pictures).flatten(), before)
    assert fast._torch is folded  # nothing has changed, nothing is folded again
    change(flow)
    after = fast.encode(pictures).flatten()
    assert (after - before).abs().max() > 1e-4
    assert torch.equal(after, FusedFlow(flow, backend="torch").encode(pictures).flatten())


def test_sees_a_hook_that_comes_after_one_elsewhere(pictures):
    flow = small_model(**SETTINGS)
    flow.register_forward_hook(lambda *given: None)
    flow.top_prior.register_forward_pre_hook(lambda *given: None)
    fast = FusedFlow(flow, backend="torch")
    before = fast.encode(pictures).flatten()
    assert "cannot be folded" not in fast.describe()
    hook(flow)
    after = fast.encode(pictures).flatten()
    assert (after - before).abs().max() > 1e-2
    with torch.no_grad():
        assert torch.equal(after, flow.encode(pictures).flatten())


def test_follows_a_tensor_of_one_value_that_another_of_the_same_value_replaced(pictures):
    flow = small_model(**SETTINGS, hidden_channels=1)
    fast = FusedFlow(flow, backend="torch")
    net = flow.levels[0].steps[0].coupling.net
    net.conv_in.bias = torch.nn.Parameter(net.conv_in.bias.detach().clone())
    before = fast.encode(pictures).flatten()
    net.conv_in.bias.data.add_(1.0)
    after = fast.encode(pictures).flatten()
    assert (after - before).abs().max() > 1e-4
    assert (after - flow.encode(pictures).flatten()).abs().max() <= 1e-5


def test_folds_again_when_the_last_hook_is_gone():
    flow = small_model(**SETTINGS)
    handle = flow.levels[0].steps[0].register_forward_hook(lambda module, args, out: None)
    fast = FusedFlow(flow)
    assert "cannot be folded" in fast.describe()
    handle.remove()
    fast.decode(flow.sample_latents([0]))
    assert "cannot be folded" not in fast.describe()


def test_a_model_with_a_forward_assigned_to_a_module_is_run_as_it_is(pictures):
    flow = small_model(**SETTINGS)
    before = flow.encode(pictures).flatten()
    own_forward(flow)
    fast = FusedFlow(flow)
    assert "cannot be folded" in fast.describe()
    with torch.no_grad():
        assert torch.equal(fast.encode(pictures).flatten(), flow.encode(pictures).flatten())
        assert (fast.encode(pictures).flatten() - before).abs().max() > 1e-2


def test_refresh_folds_what_cannot_be_seen(pictures):
    flow = small_model(**SETTINGS)
    fast = FusedFlow(flow, backend="torch")
    weight = flow.levels[0].steps[0].coupling.net.conv_mid.weight
    row, column, *_ = torch.unravel_index(weight.abs().argmin(), weight.shape)
    weight.data[row, column] = float(weight.detach().abs().max()) / 2
    fast.refresh()
    with torch.no_grad():
        assert (fast.encode(pictures).flatten() - flow.encode(pictures).flatten()).abs().max() <= 1e-5


def higher_floor(coupling):
    coupling.scale_min = 0.5


def other_half(coupling):
    coupling.partition.swap = True


def wider_reach(coupling):
    coupling.net.conv_in.dilation = coupling.net.conv_in.padding = (2, 2)


@pytest.mark.parametrize("change", [higher_floor, other_half, wider_reach])
def test_refresh_folds_settings_that_are_no_tensors(change, pictures):
    flow = small_model(**SETTINGS)
    fast = FusedFlow(flow, backend="torch")
    before = fast.encode(pictures).flatten()
    change(flow.levels[0].steps[0].coupling)
    fast.refresh()
    after = fast.encode(pictures).flatten()
    assert (after - before).abs().max() > 1e-3
    with torch.no_grad():
        assert (after - flow.encode(pictures).flatten()).abs().max() <= 1e-5


def test_a_model_loaded_in_inference_mode_is_followed_too(pictures):
    with torch.inference_mode():
        flow = small_model(**SETTINGS)
        fast = FusedFlow(flow, backend="torch")
        before = fast.encode(pictures).flatten()
        scale_data(flow)
        after = fast.encode(pictures).flatten()
        assert (after - before).abs().max() > 1e-4
        assert (after - flow.encode(pictures).flatten()).abs().max() <= 1e-4


def test_a_bfloat16_model_is_followed_too():
    flow = small_model().bfloat16()
    latents = flow.sample_latents([1])
    fast = flow.fused()
    before, folded = fast.decode(latents), fast._torch
    assert before.dtype == torch.bfloat16
    fast.decode(latents)
    assert fast._torch is folded
    scale_data(flow)
    assert (fast.decode(latents) - before).abs().max() > 1e-2
    assert fast._torch is not folded


def test_a_thread_that_folded_older_weights_does_not_have_the_last_word(monkeypatch, pictures):
    flow = small_model()
    fast = FusedFlow(flow, backend="torch")
    folded, overtaken = threading.Event(), threading.Event()
    fold = fused_flow.fold

    def slow_fold(given):
        levels = fold(given)
        if threading.current_thread() is slow:
            folded.set()
            overtaken.wait(0.5)  # where folding is one at a time, nobody overtakes
        return levels

    def change():
        with torch.no_grad():
            flow.levels[0].steps[0].actnorm.bias.add_(0.1)

    monkeypatch.setattr(fused_flow, "fold", slow_fold)
    slow = threading.Thread(target=fast.encode, args=(pictures,))
    change()
    slow.start()
    assert folded.wait(10)
    change()
    fast.encode(pictures)
    overtaken.set()
    slow.join()
    with torch.no_grad():
        assert (fast.encode(pictures).flatten() - flow.encode(pictures).flatten()).abs().max() <= 1e-5


class Darker(Flow):
    """Sees pictures at half their brightness."""

    def encode_cube(self, x, y):
        return super().encode_cube(0.5 * x - 0.25, y)

    def decode(self, latents):
        return 2 * super().decode(latents)


class Tempered(Flow):
    """Has methods of its own at the surface alone."""

    def encode(self, images, y=None):
        return super().encode(images / 2, y)

    def log_prob(self, images, y=None):
        return super().log_prob(images, y) / 2

    def bits_per_dim(self, images, y=None, *, generator=None):
        return super().bits_per_dim(images, y, generator=generator) + 1

    def sample(self, seeds, temperature=1.0, y=None):
        return 1 - super().sample(seeds, temperature, y)


@pytest.mark.parametrize("form", [FusedFlow, ExactFlow])
@pytest.mark.parametrize("kind", [Darker, Tempered])
def test_what_a_subclass_does_otherwise_is_done_so(kind, form, pictures):
    flow = small_model(**SETTINGS)
    flow.__class__ = kind
    fast = form(flow, backend="torch")
    assert "cannot be folded" in fast.describe()
    with torch.no_grad():
        assert torch.equal(fast.encode(pictures).flatten(), flow.encode(pictures).flatten())
        assert torch.equal(fast.log_prob(pictures), flow.log_prob(pictures))
        assert torch.equal(fast.decode(fast.encode(pictures)), flow.decode(flow.encode(pictures)))
        bits = [f.bits_per_dim(pictures, generator=torch.Generator().manual_seed(0)) for f in (fast, flow)]
        assert torch.equal(*bits)
        bits = [f(pictures, generator=torch.Generator().manual_seed(0)) for f in (fast, flow)]
        assert torch.equal(*bits)
        assert torch.equal(fast.sample([0, 1], 0.05), flow.sample([0, 1], 0.05))
