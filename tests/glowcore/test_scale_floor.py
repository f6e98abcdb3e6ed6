"""A trained Glow gets another floor under its scales: a small change, and one that bounds what decoding magnifies."""

import numpy as np
import pytest
import torch

from glowcore import ConfigError, GlowConfig, build
from glowcore.models.scale_floor import set_scale_min
from glowcore.transforms.affine_move import affine_move
from glowcore.transforms.coupling import AffineCoupling


def moved(**settings):
    torch.manual_seed(0)
    flow = build(GlowConfig(image_size=8, num_levels=2, steps_per_level=2, hidden_channels=8, **settings)).double()
    with torch.no_grad():
        for p in flow.parameters():
            p.add_(torch.randn_like(p) * 0.05)
    return flow.eval()


def couplings(flow):
    return [module for module in flow.modules() if isinstance(module, AffineCoupling)]


@pytest.mark.parametrize(("before", "after"), [(0.1, 0.5), (0.0, 0.3), (0.5, 0.0)])
def test_scale_and_slope_stay_where_raw_scales_are_zero(before, after):
    flow = moved(scale_min=before)
    eps = 1e-5
    old = torch.tensor([-1.0, 0.0, eps, 1.0], dtype=torch.float64)
    probe = couplings(flow)[0].net.conv_out
    channels = len(probe.bias) // 2
    raw_before, bias_before = probe.folded()
    set_scale_min(flow, after)
    raw_after, bias_after = probe.folded()
    factor = (raw_after[channels:] / raw_before[channels:]).mean()
    assert torch.allclose(raw_after[channels:], raw_before[channels:] * factor, rtol=1e-12)
    assert torch.equal(raw_after[:channels], raw_before[:channels])
    assert torch.equal(bias_after[:channels], bias_before[:channels])
    offset = (bias_after[channels:] - bias_before[channels:] * factor).mean()

    def scale(raw, floor):
        h = torch.stack([torch.zeros_like(raw), raw]).reshape(1, 2, 1, -1)
        return affine_move(torch.ones_like(h[:, :1]), h, floor)[0].flatten()

    was, now = scale(old, before), scale(old * factor + offset, after)
    assert abs(was[1] - now[1]) <= 1e-12
    assert abs((was[2] - was[1]) - (now[2] - now[1])) / eps <= 1e-5
    assert (was - now).abs().max() <= 0.1
    assert flow.config.scale_min == after
    assert {coupling.scale_min for coupling in couplings(flow)} == {after}


def test_likelihoods_of_a_model_with_ordinary_scales_hardly_change():
    flow = moved(scale_min=0.1)
    pictures = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (16, 3, 8, 8), dtype=np.uint8))

    def bits():
        generators = [torch.Generator().manual_seed(i) for i in range(16)]
        with torch.no_grad():
            return flow.bits_per_dim(pictures, generator=generators)

    before = bits()
    set_scale_min(flow, 0.5)
    assert (bits() - before).abs().max() <= 0.01


def test_decoding_magnifies_less():
    flow = moved(scale_min=0.1)
    with torch.no_grad():
        for coupling in couplings(flow):
            coupling.net.conv_out.bias[len(coupling.net.conv_out.bias) // 2 :] = -20  # every scale is the smallest
    latents = flow.sample_latents([0], 0.7)
    with torch.no_grad():
        before = flow.decode(latents).abs().max()
        set_scale_min(flow, 0.5)
        assert flow.decode(latents).abs().max() < before / 100


@pytest.mark.parametrize("floor", [0.9, 1.0, -0.1])
def test_a_floor_above_where_scales_start_is_refused_and_changes_nothing(floor):
    flow = moved(scale_min=0.1)
    before = {name: value.clone() for name, value in flow.state_dict().items()}
    with pytest.raises(ConfigError, match=str(floor)):
        set_scale_min(flow, floor)
    assert flow.config.scale_min == 0.1
    assert all(torch.equal(value, before[name]) for name, value in flow.state_dict().items())
