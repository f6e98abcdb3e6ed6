"""Likelihoods against two implementations that share no code with glowcore: numpy from the paper, and normflows."""

import numpy as np
import pytest
import torch

from glowcore import GlowConfig, build
from glowcore.likelihood import dequantise
from tests.glowcore import numpy_glow
from tests.glowcore.bijections import CONFIGS, labels, model, perturb

# The reference knows the paper's actnorm only.
GLOWS = [name for name, c in CONFIGS.items() if isinstance(c, GlowConfig) and c.norm == "actnorm"]


def reference(flow, images, y=None):
    """Bits per dimension by the numpy reference, of the points that ``bits_per_dim`` with seed 0 sees."""
    weights = {name: value.double().numpy() for name, value in flow.state_dict().items()}
    weights |= {name: value.numpy() for name, value in flow.state_dict().items() if name.endswith("order")}
    x = dequantise(images, flow.config.n_bits, torch.Generator().manual_seed(0), flow.dtype).double().numpy()
    y = None if y is None else y.numpy()
    return numpy_glow.bits_per_dim(weights, x, flow.config.n_bits, scale_min=flow.config.scale_min, y=y)


@pytest.mark.parametrize("name", GLOWS)
@torch.no_grad()
def test_bits_per_dim_is_that_of_the_numpy_reference(name):
    flow = model(name)
    images = torch.randint(0, 256, (4, flow.config.channels, *flow.image_size), dtype=torch.uint8)
    y = labels(flow, 4)
    found = flow.bits_per_dim(images, y, generator=torch.Generator().manual_seed(0))
    assert np.abs(found.numpy() - reference(flow, images, y)).max() <= 1e-10
    found = flow.float().bits_per_dim(images, y, generator=torch.Generator().manual_seed(0))
    assert np.abs(found.double().numpy() - reference(flow, images, y)).max() <= 1e-4


@pytest.mark.parametrize("n_bits", [1, 3, 8])
@torch.no_grad()
def test_bits_are_counted_at_every_depth(n_bits):
    flow = build(GlowConfig(image_size=4, num_levels=1, steps_per_level=1, hidden_channels=4, n_bits=n_bits)).double()
    perturb(flow, 0.1)
    images = torch.randint(0, 256, (4, 3, 4, 4), dtype=torch.uint8)
    found = flow.bits_per_dim(images, generator=torch.Generator().manual_seed(0))
    assert np.abs(found.numpy() - reference(flow, images)).max() <= 1e-10


def normflows_block(step, channels, hidden):
    """A ``GlowBlock`` of normflows with the weights of one of our steps.

    Its direction is ours turned round (its inverse encodes), its coupling subtracts the shift, its shifts and raw
    scales take turns along the channels, and its actnorm is ``(x - t) exp(-s)``.
    """
    nf = pytest.importorskip("normflows")
    affine = step.coupling.OUTPUTS == 2
    block = nf.flows.GlowBlock(channels, hidden, scale=affine, use_lu=hasattr(step.permutation, "log_s")).double()
    coupling, mixing, actnorm = block.flows
    net, theirs = step.coupling.net, coupling.flows[1].param_map.net
    for ours, layer in ((net.conv_in, theirs[0]), (net.conv_mid, theirs[2])):
        layer.load_state_dict(ours.state_dict())
    weight, bias = net.conv_out.folded()
    half = channels // 2
    if affine:
        order = torch.stack([torch.arange(half), torch.arange(half, channels)], dim=1).flatten()
        sign = torch.tensor([-1.0, 1.0]).repeat(half).double()
    else:
        order, sign = torch.arange(half), -torch.ones(half).double()
    theirs[4].weight.copy_(weight[order] * sign.reshape(-1, 1, 1, 1))
    theirs[4].bias.copy_(bias[order] * sign)
    if mixing.use_lu:
        mixing.P.copy_(step.permutation.p)
        mixing.sign_S.copy_(step.permutation.sign)
        mixing.L.copy_(step.permutation.lower)
        mixing.U.copy_(step.permutation.upper)
        mixing.log_S.copy_(step.permutation.log_s)
    else:
        mixing.W.copy_(step.permutation.matrix)
    actnorm.s.copy_(-step.actnorm.log_scale.reshape(1, -1, 1, 1))
    actnorm.t.copy_(-step.actnorm.bias.reshape(1, -1, 1, 1))
    actnorm.data_dep_init_done.fill_(1)
    return block


@pytest.mark.filterwarnings("ignore:torch.lu is deprecated:UserWarning")  # normflows' own
@pytest.mark.parametrize("coupling", ["affine", "additive"])
@pytest.mark.parametrize("permutation", ["conv1x1", "conv1x1_lu"])
@torch.no_grad()
def test_likelihood_is_that_of_normflows_with_the_same_weights(coupling, permutation):
    nf = pytest.importorskip("normflows")
    config = GlowConfig(
        image_size=(8, 4),
        num_levels=2,
        steps_per_level=3,
        hidden_channels=6,
        coupling=coupling,
        permutation=permutation,
    )
    flow = build(config).double()
    flow.initialize(torch.rand(16, 3, 8, 4))
    perturb(flow, 0.05)
    for prior in (flow.levels[0].split.conv, flow.top_prior):  # normflows' is a standard Gaussian
        for parameter in prior.parameters():
            parameter.zero_()
    flows, shapes = [], flow.latent_shapes()
    for level, channels in zip(flow.levels, (12, 24), strict=True):
        blocks = [normflows_block(step, channels, 6) for step in level.steps]
        flows.insert(0, [*reversed(blocks), nf.flows.Squeeze()])
    base = [nf.distributions.DiagGaussian(shape, trainable=False).double() for shape in reversed(shapes)]
    theirs = nf.MultiscaleFlow(base, flows, [nf.flows.Merge()], class_cond=False)
    x = torch.rand(5, 3, 8, 4, dtype=torch.float64)
    dims = flow.num_dims
    difference = (flow.log_prob(x) - theirs.log_prob(x - 0.5, None)) / (dims * np.log(2))
    assert difference.abs().max() <= 1e-10
    latents = flow.encode(x)
    z, _ = theirs.inverse_and_log_det(x - 0.5)
    for ours, their in zip(reversed(latents.levels), z, strict=True):
        assert (ours - their).abs().max() <= 1e-10
