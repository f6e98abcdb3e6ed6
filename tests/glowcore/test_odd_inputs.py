"""Out-of-distribution pictures: all results are finite, and decoding restores the pictures."""

from pathlib import Path

import pytest
import torch

import glowcore
from glowcore.baselines import VAEConfig
from glowcore.classes import any_classes
from glowcore.evaluation.ood_probes import ood_probes
from tests.glowcore.bijections import model

SHIPPED = sorted(path.parent for path in Path(__file__).parents[2].glob("pretrained/*/model.safetensors"))


def of(flow, count, seed=0):
    _, pictures = ood_probes((flow.config.channels, *flow.image_size), count, seed)
    return torch.from_numpy(pictures)


@pytest.mark.parametrize("name", ["3x8x8-affine-conv1x1_lu", "per-level", "realnvp-per-level", "nice-3x8x8"])
@torch.no_grad()
def test_odd_pictures_come_back_in_float32(name):
    flow = model(name).float()
    pictures = of(flow, 60)
    latents = flow.encode(pictures)
    assert latents.flatten().isfinite().all()
    assert latents.log_prob.isfinite().all()
    assert (flow.decode(latents) - pictures / 255).abs().max() <= 0.5 / 255


def check_compressor(model):
    """Check that a model without an exact inverse gives finite figures and pictures in [0, 1]."""
    for part in of(model, 1000, seed=1).split(50):
        latents = model.encode(part)
        back = model.decode(latents)
        assert latents.flatten().isfinite().all()
        assert model.bits_per_dim(part, generator=torch.Generator().manual_seed(0)).isfinite().all()
        assert back.min() >= 0
        assert back.max() <= 1


@torch.no_grad()
def test_odd_pictures_are_numbers_to_a_vae():
    torch.manual_seed(0)
    check_compressor(glowcore.build(VAEConfig(image_size=8, num_levels=2, hidden_channels=4, latent_dims=5)).eval())


@pytest.mark.proof
@pytest.mark.parametrize("folder", SHIPPED, ids=lambda folder: folder.name)
@torch.no_grad()
def test_a_thousand_odd_pictures_give_nothing_that_is_not_finite(folder):
    """Float64 restores the pictures that float32 does not; the application falls back to it."""
    flow = glowcore.load(folder, device="cpu")
    if not isinstance(flow, glowcore.Flow):
        check_compressor(flow)
        return
    missed = []
    for part in of(flow, 1000, seed=1).split(50):
        latents = flow.encode(part, any_classes(flow, len(part)))
        back = flow.decode(latents)
        assert latents.flatten().isfinite().all()
        assert latents.log_prob.isfinite().all()
        error = (back - part / 255).abs().amax(dim=(1, 2, 3))
        missed.append(part[~(error <= 0.5 / 255)])  # a NaN is a miss too
    flow.double()
    for part in filter(len, missed):
        back = flow.decode(flow.encode(part, any_classes(flow, len(part))))
        assert (back - part.double() / 255).abs().max() <= 0.5 / 255
