"""Every transform: log-determinant against autograd, exact inverse, gradients, initialisation, nothing in place."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn.utils import spectral_norm
from torch.nn.utils.parametrizations import weight_norm
from torch.nn.utils.prune import random_unstructured
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from glowcore.mlp import MLP
from glowcore.models import GlowConfig, build
from glowcore.transforms.actnorm import ActNorm
from glowcore.transforms.affine_move import affine_move
from glowcore.transforms.base import Transform
from glowcore.transforms.batchnorm import BatchNorm
from glowcore.transforms.conv1x1 import ChannelLinear, InvertibleConv1x1, InvertibleConv1x1LU
from glowcore.transforms.coupling import AffineCoupling
from glowcore.transforms.mixing import Mixing
from glowcore.transforms.permutation import shuffle
from tests.glowcore.bijections import CHANNELS, SIZE, TRANSFORMS, log_abs_det_jacobian, net, perturb

transforms = pytest.mark.parametrize("name", TRANSFORMS)


def pictures(batch: int = 3) -> torch.Tensor:
    return torch.randn(batch, CHANNELS, *SIZE, dtype=torch.float64)


@transforms
def test_logdet_is_that_of_the_jacobian(name):
    transform, x = perturb(TRANSFORMS[name]()), pictures()
    z, logdet = transform(x)
    _, logdet_back = transform.inverse(z)
    assert logdet.shape == logdet_back.shape == (3,)
    for i in range(3):
        expected = log_abs_det_jacobian(lambda v: transform(v)[0], x[i : i + 1])
        assert abs(logdet[i] - expected) <= 1e-9
        assert abs(logdet_back[i] + expected) <= 1e-9


@transforms
def test_inverse_is_exact(name):
    transform, x = perturb(TRANSFORMS[name]()), pictures()
    back, _ = transform.inverse(transform(x)[0])
    assert (back - x).abs().max() <= 1e-10
    z, _ = transform(transform.inverse(x)[0])
    if name != "squeeze":  # its latent has another shape
        assert (z - x).abs().max() <= 1e-10


@transforms
def test_input_stays_and_layout_does_not_matter(name):
    transform, x = perturb(TRANSFORMS[name]()), pictures()
    before = x.clone()
    z, _ = transform(x)
    transform.inverse(z)
    assert torch.equal(x, before)
    strided = torch.randn(3, 2 * CHANNELS, *SIZE, dtype=torch.float64)[:, ::2].copy_(x)
    for other in (x.contiguous(memory_format=torch.channels_last), strided):
        assert (transform(other)[0] - z).abs().max() <= 1e-12


@transforms
def test_pulling_back_from_the_output_is_what_autograd_does_from_the_input(name):
    transform, x = perturb(TRANSFORMS[name]()), pictures().requires_grad_()
    if not isinstance(transform, Transform) or not transform.RECOVERABLE:
        pytest.skip("its input is not recovered from its output")
    params = [p for p in transform.parameters() if p.requires_grad]
    outputs = transform(x)
    generator = torch.Generator().manual_seed(0)
    grads = [torch.randn(out.shape, generator=generator, dtype=out.dtype) for out in outputs]
    pairs = [(out, grad) for out, grad in zip(outputs, grads, strict=True) if out.requires_grad]
    outs, given = zip(*pairs, strict=True)
    expected = torch.autograd.grad(outs, [x, *params], given, allow_unused=True)
    found_x, grad_x, of_params = transform.pull_back(outputs[0].detach(), *grads)
    assert (found_x - x).abs().max() <= 1e-10
    for found, wanted in zip([grad_x, *of_params], expected, strict=True):
        assert (found is None) == (wanted is None)
        assert wanted is None or (found - wanted).abs().max() <= 1e-9


@transforms
def test_gradients(name):
    transform = perturb(TRANSFORMS[name]())
    x = pictures(1).requires_grad_()
    params = [p for p in transform.parameters() if p.requires_grad]
    assert torch.autograd.gradcheck(lambda v, *_: transform(v), (x, *params), fast_mode=True)
    z = transform(x)[0].detach().requires_grad_()
    assert torch.autograd.gradcheck(lambda v, *_: transform.inverse(v), (z, *params), fast_mode=True)
    z, logdet = transform(x)
    (z.square().sum() + logdet.sum()).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in params)


def test_actnorm_initialises_to_zero_mean_unit_std_once():
    actnorm = ActNorm(3)
    x = torch.randn(8, 3, 6, 5) * torch.tensor([0.1, 2.0, 30.0]).reshape(3, 1, 1) + 7
    actnorm.initialize(x)
    z, _ = actnorm(x)
    std, mean = torch.std_mean(z, dim=(0, 2, 3), correction=0)
    assert mean.abs().max() <= 1e-5
    assert (std - 1).abs().max() <= 5e-5
    before = actnorm.log_scale.clone()
    actnorm.initialize(100 * x)
    assert torch.equal(actnorm.log_scale, before)


def test_actnorm_enlarges_a_constant_channel_not_at_all_and_others_a_thousand_times_at_most():
    actnorm = ActNorm(3)
    x = torch.stack([torch.full((4, 5, 5), 0.25), torch.randn(4, 5, 5), 1e-5 * torch.randn(4, 5, 5)], dim=1)
    actnorm.initialize(x)
    scale = actnorm.log_scale.exp()
    assert scale[0] == 1
    assert abs(scale[2] - 1000) <= 0.01
    assert (actnorm.inverse(actnorm(x)[0])[0] - x).abs().max() <= 1e-6


class NoFloat64(TorchDispatchMode):
    """Refuses float64 on mps, which has none."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            assert not isinstance(tensor, torch.Tensor) or (tensor.device.type, tensor.dtype) != ("mps", torch.float64)
        return result


def test_mps_is_asked_for_no_float64():
    """Pretended tensors, so only where they end up: no machine of ours has mps."""
    with FakeTensorMode(), NoFloat64():
        matrix = torch.empty(4, 4, device="mps")
        back = Mixing(matrix, torch.empty(4, device="mps"), torch.empty((), device="mps")).inverse()
        convolution = SimpleNamespace(matrix=matrix, weight=lambda: matrix)
        inverse = ChannelLinear.inverse_weight(convolution)
        weight, logdet = InvertibleConv1x1.compose([convolution, convolution])
        found = [*back, weight, logdet]
    assert {(t.device.type, t.dtype) for t in found} == {("mps", torch.float32)}
    assert (inverse.device.type, inverse.dtype) == ("cpu", torch.float64)


def test_actnorm_flag_survives_the_state_dict():
    actnorm = ActNorm(2)
    actnorm.initialize(torch.randn(4, 2, 3, 3))
    fresh = ActNorm(2)
    fresh.load_state_dict(actnorm.state_dict())
    fresh.initialize(torch.randn(4, 2, 3, 3) * 9)
    assert torch.equal(fresh.bias, actnorm.bias)


def test_lu_keeps_permutation_signs_and_masks_as_buffers():
    conv = InvertibleConv1x1LU(6)
    assert {"p", "sign", "lower_mask"} <= set(dict(conv.named_buffers()))
    rotation = conv.weight()
    assert (rotation @ rotation.T - torch.eye(6)).abs().max() <= 1e-6
    assert abs(conv.log_abs_det()) <= 1e-6
    with torch.no_grad():  # what lies outside the triangles must not matter
        conv.lower.add_(torch.ones(6, 6).triu())
        conv.upper.add_(torch.ones(6, 6).tril())
    assert torch.equal(conv.weight(), rotation)


def test_shuffle_is_the_same_everywhere():
    assert shuffle(8, seed=5).order.tolist() == shuffle(8, seed=5).order.tolist()
    assert sorted(shuffle(8, seed=5).order.tolist()) == list(range(8))
    assert shuffle(8, seed=5).order.tolist() != shuffle(8, seed=6).order.tolist()


@pytest.mark.parametrize("scale_min", [0.0, 0.1])
def test_affine_scale_is_stable_far_out(scale_min):
    raw = torch.tensor([-200.0, -30.0, 0.0, 30.0, 200.0]).reshape(5, 1, 1, 1)
    s, log_s = affine_move(torch.ones_like(raw), torch.cat([torch.zeros_like(raw), raw], dim=1), scale_min)
    exact = scale_min + (1 - scale_min) * torch.sigmoid(raw.double() + 2)
    assert log_s.isfinite().all()
    assert (s - exact).abs().max() <= 1e-7
    reachable = exact > 0
    assert (log_s.double() - exact.log())[reachable].abs().max() <= 1e-5
    assert s.min() >= scale_min


@pytest.mark.parametrize("scale_min", [0.0, 0.1])
def test_the_written_out_gradient_of_an_affine_move(scale_min):
    x_b, h = torch.randn(2, 3, 2, 2).double().requires_grad_(), torch.randn(2, 6, 2, 2).double().requires_grad_()
    assert torch.autograd.gradcheck(affine_move, (x_b, h, scale_min))
    assert torch.autograd.gradgradcheck(affine_move, (x_b, h, scale_min))


def test_a_coupling_starts_as_the_constant_scale_of_the_paper():
    x = torch.randn(2, CHANNELS, *SIZE)
    coupling = AffineCoupling(net(2))
    z, logdet = coupling(x)
    scale = torch.sigmoid(torch.tensor(2.0))
    assert torch.allclose(z[:, CHANNELS // 2 :], x[:, CHANNELS // 2 :] * scale)
    assert torch.allclose(logdet, scale.log() * (CHANNELS // 2) * SIZE[0] * SIZE[1])


def test_a_coupling_initialises_its_network_on_what_it_sees():
    x = torch.randn(64, CHANNELS, *SIZE) * torch.tensor([1.0, 1.0, 50.0, 50.0]).reshape(-1, 1, 1)
    coupling = AffineCoupling(net(2))
    coupling.initialize(x)
    h = coupling.net.conv_in(x[:, : CHANNELS // 2])
    assert (h.std(dim=(0, 2, 3), correction=0) - 1).abs().max() <= 1e-4


def test_network_initialisation_normalises_hidden_layers():
    network = net(2)
    x = torch.randn(64, CHANNELS // 2, *SIZE) * 5 + 3
    network.initialize(x)
    h = network.conv_in(x)
    assert h.mean(dim=(0, 2, 3)).abs().max() <= 1e-5
    assert (h.std(dim=(0, 2, 3), correction=0) - 1).abs().max() <= 1e-4


@pytest.mark.parametrize("computed", [weight_norm, spectral_norm, lambda layer: random_unstructured(layer, "bias", 1)])
@pytest.mark.parametrize("kind", ["convolutions", "linear"])
def test_network_initialisation_leaves_a_layer_whose_weight_or_bias_is_computed(computed, kind):
    if kind == "linear":
        network, x = MLP(7, 16, 2, 3).eval(), torch.randn(64, 7) * 5 + 3
        first, second = network.hidden
    else:
        network, x = net(2).eval(), torch.randn(64, CHANNELS // 2, *SIZE) * 5 + 3
        first, second = network.conv_in, network.conv_mid
    computed(first)
    before = first(x)
    network.initialize(x)
    assert torch.equal(first(x), before)
    h = second(torch.relu(before)).transpose(0, 1).flatten(1)
    assert (h.std(dim=1, correction=0) - 1).abs().max() <= 1e-4


def test_function_transforms_see_through_an_affine_move():
    torch.manual_seed(0)
    x, h = torch.randn(1, 2, 2, 2, dtype=torch.float64), torch.randn(1, 4, 2, 2, dtype=torch.float64)
    for reach in (0.0, 0.5):
        given = torch.func.jacrev(lambda v, m=reach: affine_move(v, h, m)[0].flatten())(x).reshape(8, 8)
        scale = reach + (1 - reach) * torch.sigmoid(h[:, 2:] + 2)
        assert torch.allclose(given, torch.diag(scale.flatten()), atol=1e-12)


def test_a_coupling_takes_a_net_that_has_nothing_to_initialise():
    model = build(GlowConfig(image_size=8, num_levels=1, steps_per_level=2, hidden_channels=4))
    first, second = (step.coupling for step in model.levels[0].steps)
    first.net = torch.nn.Conv2d(6, 12, 3, padding=1)
    weight, other = first.net.weight.clone(), second.net.conv_in.weight.clone()
    model.initialize(torch.rand(8, 3, 8, 8))
    assert torch.equal(first.net.weight, weight)
    assert not torch.equal(second.net.conv_in.weight, other)
    assert bool(model.initialized)


def test_a_determinant_is_taken_in_float64():
    """Of an ill-conditioned matrix float32 loses three digits, which every position of every picture would count."""
    torch.manual_seed(0)
    left, right = InvertibleConv1x1(48), InvertibleConv1x1(48)
    with torch.no_grad():
        left.matrix.copy_(left.matrix * torch.logspace(-3, 3, 48) @ right.matrix)
        expected = np.linalg.slogdet(left.matrix.double().numpy())[1]
        assert abs(float(left.log_abs_det()) - expected) < 1e-7
        assert abs(float(torch.linalg.slogdet(left.matrix).logabsdet) - expected) > 1e-5


def test_running_statistics_move_a_tenth_of_the_way_to_those_of_a_batch():
    norm = BatchNorm(2).train()
    x = 3 + 2 * torch.randn(16, 2, 4, 4)
    norm(x)
    variance, mean = torch.var_mean(x, dim=(0, 2, 3), correction=0)
    assert torch.allclose(norm.mean, 0.1 * mean, rtol=1e-5)
    assert torch.allclose(norm.variance, 0.9 + 0.1 * variance, rtol=1e-5)
