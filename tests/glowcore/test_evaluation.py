"""What an evaluation reports is what is there."""

import json
import math
from dataclasses import asdict

import pytest
import torch

from glowcore import ConfigError, build
from glowcore.baselines import VAEConfig
from glowcore.evaluation.held_out import evaluate, noisy_bits_per_dim
from glowcore.evaluation.ood_probes import PROBE_KINDS, ood_probes
from glowcore.training.held_out_metrics import health
from tests.glowcore import rough
from tests.glowcore.tiny import model, pictures


@torch.no_grad()
def test_numbers_are_those_of_the_definition():
    flow, batch = model(), pictures(7)
    found = evaluate(flow, batch)
    bpd = torch.cat(
        [
            flow.bits_per_dim(picture[None], generator=torch.Generator().manual_seed(index))
            for index, picture in enumerate(batch)
        ]
    ).double()
    back = flow.decode(flow.encode(batch))
    assert found.images == 7
    assert found.n_bits == 5
    assert found.bits_per_dim == pytest.approx(float(bpd.mean()), rel=1e-6)
    assert found.bits_per_dim_std_error == pytest.approx(float(bpd.std()) / math.sqrt(7), rel=1e-4)
    assert found.reconstruction_max_abs_error == pytest.approx(float((back - batch / 255).abs().max()), abs=1e-6)
    assert found.reconstruction_max_abs_error < 1e-4
    assert (found.pixels_changed, found.reconstructions_finite) == (0, 1.0)
    json.dumps(asdict(found), allow_nan=False)


def test_batch_size_changes_nothing_and_the_seed_only_the_noise():
    flow, batch = model(), pictures(7)
    whole = evaluate(flow, batch, batch_size=50)
    for size in (1, 3, 7):
        assert evaluate(flow, batch, batch_size=size).bits_per_dim == pytest.approx(whole.bits_per_dim, rel=1e-5)
    other = evaluate(flow, batch, seed=1)
    assert other.bits_per_dim != whole.bits_per_dim
    assert other.bits_per_dim == pytest.approx(whole.bits_per_dim, abs=0.1)


def test_changed_pixels_are_counted_as_pixels(monkeypatch):
    flow, batch = model(), pictures(5)
    decode = flow.decode

    def decode_off(latents):
        images = decode(latents)
        images[:, :2, 3, 4] += torch.where(images[:, :2, 3, 4] > 0.5, -1.0, 1.0) / 255  # two values of one pixel
        images[0, 2, 0, 0] += 0.4 / 255 if images[0, 2, 0, 0] < 0.5 else -0.4 / 255  # rounds back
        return images

    monkeypatch.setattr(flow, "decode", decode_off)
    found = evaluate(flow, batch, batch_size=2)
    assert found.pixels_changed == 5
    assert found.reconstruction_max_abs_error == pytest.approx(1 / 255, rel=1e-3)


def test_a_broken_reconstruction_is_not_hidden(monkeypatch):
    flow, batch = model(), pictures(4)
    decode = flow.decode

    def decode_nan(latents):
        images = decode(latents)
        images[0, 0, 0, 0] = torch.nan
        return images

    monkeypatch.setattr(flow, "decode", decode_nan)
    found = evaluate(flow, batch, batch_size=2)
    assert found.reconstruction_max_abs_error == math.inf
    assert found.reconstructions_finite == 0.5


def test_what_is_too_much_for_float32_is_counted_and_left_as_float32_has_it():
    batch = torch.cat([pictures(2, rough.SIZE), rough.noise()])
    found = evaluate(rough.model(), batch)
    assert found.beyond_float32 == 1
    assert found.reconstruction_max_abs_error > 0.005
    assert found.pixels_changed > 0
    assert evaluate(rough.model(), batch[:2]).beyond_float32 == 0
    assert evaluate(rough.model(0.12), batch).beyond_float32 == 2  # one of them not finite
    compressor = build(VAEConfig(image_size=8, num_levels=2, hidden_channels=4, latent_dims=5)).eval()
    assert evaluate(compressor, pictures(2)).beyond_float32 is None


def test_class_conditional_models_are_evaluated_with_their_labels():
    flow, batch = model(num_classes=3), pictures(6)
    labels = torch.tensor([0, 1, 2, 2, 1, 0])
    found = evaluate(flow, batch, labels=labels, batch_size=4)
    wrong = evaluate(flow, batch, labels=(labels + 1) % 3, batch_size=4)
    assert found.pixels_changed == 0
    assert found.bits_per_dim != wrong.bits_per_dim


def test_noise_belongs_to_the_picture_not_to_the_batch():
    flow, batch = model(), pictures(6)
    whole = noisy_bits_per_dim(flow, batch, 3, first=10)
    part = noisy_bits_per_dim(flow, batch[2:4], 3, first=12)
    assert torch.allclose(whole[2:4], part, rtol=1e-5)


@pytest.mark.parametrize("settings", [{}, {"coupling": "additive", "permutation": "shuffle"}, {"channels": 1}])
def test_health_of_a_sound_model(settings):
    flow = model(**settings)
    found = health(flow, pictures(4, channels=flow.config.channels))
    assert found["round_trip"] < 1e-4
    assert found["round_trip_ood"] < 1e-4
    probes = torch.from_numpy(ood_probes((flow.config.channels, *flow.image_size), len(PROBE_KINDS))[1])
    with torch.no_grad():
        errors = (flow.decode(flow.encode(probes)) - probes / 255).abs()
    assert found["round_trip_ood"] == pytest.approx(float(errors.max()), rel=1e-6)
    assert found["samples_finite"] == 1
    assert 1 <= found["condition"] < 10


def test_health_shows_a_matrix_about_to_become_singular():
    flow = model(permutation="conv1x1")
    with torch.no_grad():
        weight = next(p for name, p in flow.named_parameters() if p.ndim == 2 and p.shape[0] == p.shape[1])
        u, s, v = torch.linalg.svd(weight)
        s[-1] = 1e-5
        weight.copy_(u @ s.diag() @ v)
    found = health(flow, pictures(4))
    assert found["condition"] > 1e4
    assert found["round_trip"] > 1e-5


def test_one_picture_has_no_standard_error():
    assert math.isnan(evaluate(model(), pictures(1)).bits_per_dim_std_error)


def test_health_of_a_model_that_has_diverged_is_infinite_not_an_error():
    flow = model()
    flow.levels[0].steps[0].permutation.log_s.data[0] = torch.nan
    assert health(flow, pictures(4))["condition"] == math.inf


@pytest.mark.parametrize("wrong", [lambda x: x / 255, lambda x: x.long(), lambda x: x[:0]])
def test_other_pictures_than_bytes_are_refused(wrong):
    """Of floats, the error of a round trip would be taken against values 255 times too small."""
    with pytest.raises(ConfigError, match=r"the pictures are \d of torch.*, expected 1 or more of uint8"):
        evaluate(model(), wrong(pictures(4)))
