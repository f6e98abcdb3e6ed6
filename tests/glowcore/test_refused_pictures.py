"""Pictures that a model would misread are refused in one sentence."""

from pathlib import Path

import numpy as np
import pytest
import torch

import glowcore
from glowcore import ConfigError, GlowConfig, build
from glowcore.baselines import VAEConfig
from tests.glowcore.tiny import model, pictures

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def flow():
    return model()


@pytest.mark.parametrize("kind", ["glow", "vae"])
@pytest.mark.parametrize(
    ("pixels", "told"),
    [
        ((0.0, 255.0), "from 0 to 255"),
        ((-1.0, 1.0), "from -1 to 1"),
        ((0.25, torch.inf), "from 0.25 to inf"),
        ((0.25, torch.nan), "from nan to nan"),
    ],
)
def test_floats_that_are_no_picture_are_refused_where_they_would_be_clamped(flow, kind, pixels, told):
    images = torch.full((2, 3, 8, 8), pixels[0])
    images[1, 0, 0, 0] = pixels[1]
    config = GlowConfig(image_size=8, num_levels=1, steps_per_level=1, hidden_channels=4)
    fresh = build(config if kind == "glow" else VAEConfig(image_size=8, num_levels=1, hidden_channels=4))
    calls = [fresh.bits_per_dim, fresh]
    if kind == "glow":
        calls += [fresh.initialize, fresh.encode_dequantised, flow.fused(backend="torch").bits_per_dim]
    for call in calls:
        with pytest.raises(ConfigError) as error:
            call(images)
        assert str(error.value) == f"pictures have values {told}, expected floats in [0, 1] or uint8"
    assert fresh.encode(images).flatten().isfinite().all() == np.isfinite(pixels[1])  # taken as they are


@pytest.mark.parametrize("vae", [False, True])
def test_a_reconstruction_that_strays_a_little_is_a_picture(flow, vae):
    model = build(VAEConfig(image_size=8, num_levels=1, hidden_channels=4)) if vae else flow
    images = torch.linspace(-0.2, 1.3, 192).reshape(1, 3, 8, 8)
    strayed, clamped = (model(x, generator=torch.Generator().manual_seed(0)) for x in (images, images.clamp(0, 1)))
    assert torch.equal(strayed, clamped)


@pytest.mark.parametrize("vae", [False, True])
def test_pictures_around_0_are_refused(flow, vae):
    """As the code of the Glow paper has them; clamped to [0, 1] they would seem to need fewer bits."""
    model = build(VAEConfig(image_size=8, num_levels=1, hidden_channels=4)) if vae else flow
    images = pictures(4) / 255 - 0.5
    with pytest.raises(ConfigError, match=r"^pictures have values from -0\.\d+ to 0\.\d+, expected floats in \[0, 1\]"):
        model(images)


@pytest.mark.parametrize("name", ["digits", "faces64"])
def test_samples_are_pictures_at_a_high_temperature(name):
    shipped = glowcore.load(ROOT / "pretrained" / name, device="cpu")
    y = torch.arange(8) if name == "digits" else None
    with torch.no_grad():
        samples = shipped.decode(shipped.sample_latents(range(8), 1.2, y))
        assert samples.min() < -0.1
        assert shipped(samples, y).isfinite().all()


@pytest.mark.parametrize("vae", [False, True])
def test_values_that_a_transform_of_torch_func_hides_become_nan(flow, vae):
    model = build(VAEConfig(image_size=8, num_levels=1, hidden_channels=4)) if vae else flow
    images = torch.stack([torch.full((3, 8, 8), value) for value in (0.5, 255.0)])
    noise = torch.func.vmap(lambda image: model(image[None])[0], randomness="different")
    assert noise(images).isnan().tolist() == [False, True]


@pytest.mark.parametrize("vae", [False, True])
def test_pictures_around_0_that_are_not_read_become_nan(flow, vae):
    model = build(VAEConfig(image_size=8, num_levels=1, hidden_channels=4)) if vae else flow
    images = pictures(4) / 255
    compiled = torch.compile(model, backend="eager")
    assert compiled(images - 0.5).isnan().all()
    assert compiled(images - 0.05).isfinite().all()


@pytest.mark.parametrize("vae", [False, True])
def test_pictures_whose_gradient_rounding_would_cut_off_are_refused(flow, vae):
    model = build(VAEConfig(image_size=8, num_levels=1, hidden_channels=4)) if vae else flow
    images = torch.rand(2, 3, 8, 8, requires_grad=True)
    with pytest.raises(ConfigError, match=r"^pictures require a gradient, .*; use log_prob, or detach the pictures$"):
        model(images)
    assert model(images.detach()).requires_grad
    with torch.no_grad():
        assert model(images).shape == (2,)


def test_pictures_that_are_no_tensor(flow):
    for call in (flow.log_prob, flow.encode, flow.bits_per_dim, flow.fused(backend="torch").encode):
        with pytest.raises(ConfigError, match=r"^pictures are of type ndarray, expected a tensor \[B, 3, 8, 8\]$"):
            call(np.zeros((2, 3, 8, 8), np.float32))
