"""The VAE: its bound on the likelihood holds, and every command handles or refuses it."""

import json
import math
from dataclasses import asdict

import numpy as np
import pytest
import torch

import glowcore
from glowcore.baselines import VAE, VAEConfig
from glowcore.baselines.discretised_logistic import bin_log_prob
from glowcore.cli import main
from glowcore.errors import ConfigError
from glowcore.evaluation import evaluate
from glowcore.grids import grid
from glowcore.images import to_uint8
from glowcore.latents import Latents
from glowcore.memory import choose_memory
from glowcore.metadata import recommended_temperature
from tests.glowcore import tiny
from tests.glowcore.command_line import read

SETTINGS = ["--model", "vae", "--image-size", "8", "--num-levels", "1", "--hidden-channels", "8", "--latent-dims", "4"]


def vae(**settings) -> VAE:
    """Return a VAE without the zeros of its initialisation."""
    torch.manual_seed(0)
    model = glowcore.build(
        VAEConfig(**{"image_size": 8, "num_levels": 2, "hidden_channels": 4, "latent_dims": 5, **settings})
    )
    for parameter in model.parameters():
        parameter.data.add_(0.05 * torch.randn_like(parameter))
    return model.eval()


@pytest.mark.parametrize("n_bits", [1, 3, 5, 8])
@pytest.mark.parametrize(("mean", "log_scale"), [(0.5, -3.0), (-0.4, -6.5), (1.3, 1.0), (0.26, -7.0)])
def test_bins_of_a_value_share_a_probability_of_one(n_bits, mean, log_scale):
    k = torch.arange(2**n_bits)
    stats = torch.full((2, 2**n_bits), 0.0, dtype=torch.float64)
    stats[0], stats[1] = mean, log_scale
    log_prob = bin_log_prob(k, stats[0], stats[1], n_bits)
    assert log_prob.isfinite().all()
    assert float(log_prob.exp().sum()) == pytest.approx(1, abs=1e-12)


def test_a_bin_has_the_probability_between_its_edges():
    mean, scale = torch.tensor(0.4, dtype=torch.float64), 0.07
    for k in range(8):
        low = 0.0 if k == 0 else torch.sigmoid((k / 8 - mean) / scale)
        high = 1.0 if k == 7 else torch.sigmoid(((k + 1) / 8 - mean) / scale)
        found = bin_log_prob(torch.tensor(k), mean, torch.tensor(math.log(scale)).double(), 3)
        assert float(found.exp()) == pytest.approx(float(high - low), abs=1e-9)


@torch.no_grad()
def test_bits_per_dim_bound_the_true_code_length():
    """With two latent dimensions the marginal likelihood is a sum over a grid, which the bound must not exceed."""
    model = vae(latent_dims=2, channels=1, n_bits=2).double()
    k = tiny.pictures(3, channels=1, seed=3)
    axis = torch.linspace(-7, 7, 101, dtype=torch.float64)
    z = torch.stack(torch.meshgrid(axis, axis, indexing="ij"), dim=-1).reshape(-1, 2)
    mean, log_scale = model.predict(z)
    prior = -0.5 * z.square().sum(1) - math.log(2 * math.pi) + 2 * math.log(float(axis[1] - axis[0]))
    for picture in k:
        joint = bin_log_prob(picture >> 6, mean, log_scale, 2).sum(dim=(1, 2, 3)) + prior
        true = -float(joint.logsumexp(0)) / (model.num_dims * math.log(2))
        batch = picture[None].repeat(1000, 1, 1, 1)
        bounds = model.bits_per_dim(batch, generator=torch.Generator().manual_seed(1))
        assert true - 1e-3 < float(bounds.mean()) < true + 1.0
        # Likelihoods weighted by prior and posterior, which each bound is the logarithm of, have the true one as mean.
        mean_log = float((-bounds * model.num_dims * math.log(2)).logsumexp(0)) - math.log(len(bounds))
        assert -mean_log / (model.num_dims * math.log(2)) == pytest.approx(true, abs=0.02)


@torch.no_grad()
def test_the_bound_is_tight_where_the_posterior_is_true(monkeypatch):
    """With a decoder that ignores z and q = p the bound is exact for every draw of z."""
    model = vae().double()
    model.decoder.first.weight.zero_()
    batch, standard = tiny.pictures(6), torch.zeros(6, 5, dtype=torch.float64)
    monkeypatch.setattr(model, "posterior", lambda values: (standard, standard))
    mean, log_scale = model.predict(standard)
    exact = -bin_log_prob(batch >> 3, mean, log_scale, 5).sum(dim=(1, 2, 3)) / (model.num_dims * math.log(2))
    for seed in range(2):
        found = model.bits_per_dim(batch, generator=torch.Generator().manual_seed(seed))
        assert torch.allclose(found, exact, atol=1e-12)


@torch.no_grad()
def test_noise_of_a_picture_does_not_depend_on_its_batch():
    model, batch = vae(), tiny.pictures(7)
    whole = evaluate(model, batch)
    assert evaluate(model, batch, batch_size=2).bits_per_dim == pytest.approx(whole.bits_per_dim, rel=1e-5)
    assert evaluate(model, batch, seed=1).bits_per_dim != whole.bits_per_dim


@torch.no_grad()
def test_a_picture_comes_back_changed_and_is_counted_so():
    model, batch = vae(), tiny.pictures(5)
    found = evaluate(model, batch)
    back = model.decode(model.encode(batch))
    assert back.shape == batch.shape
    assert back.min() >= 0
    assert back.max() <= 1
    assert found.pixels_changed > 5 * 60
    assert found.reconstruction_mean_abs_error == pytest.approx(float((back - batch / 255).abs().mean()), rel=1e-5)
    assert found.reconstruction_max_abs_error > found.reconstruction_mean_abs_error > 0
    json.dumps(asdict(found), allow_nan=False)


def test_shapes_seeds_and_temperature():
    model = vae(channels=1, image_size=(8, 12))
    assert model.encode(torch.rand(3, 1, 8, 12)).levels[0].shape == (3, 5, 1, 1)
    both = model.sample(seeds=[3, 4], temperature=0.7)
    assert both.shape == (2, 1, 8, 12)
    assert torch.allclose(both[1:], model.sample(seeds=[4], temperature=[0.7]), atol=1e-6)
    assert not torch.allclose(both, model.sample(seeds=[3, 4], temperature=0.1))
    with pytest.raises(ConfigError, match=r"this model takes \[B, 1, 8, 12\]"):
        model.encode(torch.rand(3, 1, 12, 8))
    with pytest.raises(ConfigError, match="latents have levels"):
        model.decode(Latents([torch.zeros(1, 3, 1, 1)]))


def test_only_full_memory():
    model = vae()
    assert choose_memory(model, 1_000_000_000, "float32") == "full"
    with pytest.raises(ConfigError, match="memory 'reversible' is for flows"):
        model.memory = "reversible"
    assert not hasattr(model, "anchor_every")


@pytest.mark.parametrize("steps", ["-5", "0", "8"])
def test_anchors_are_for_flows(steps, tmp_path, capsys):
    data = tiny.write_pictures(tmp_path / "data")
    command = ["train", "--data", str(data), *SETTINGS, "--steps", "1", "--quiet", "--out", str(tmp_path / "run")]
    assert main([*command, "--anchor-every", steps]) == 2
    assert capsys.readouterr().err.endswith(f"error: --anchor-every {steps} is for flows, expected none for a vae\n")
    assert not (tmp_path / "run").exists()


def test_saved_and_loaded_it_is_the_same(tmp_path):
    model, batch = vae(), tiny.pictures(4)
    model.metadata = {"note": "kept"}
    glowcore.save(model, tmp_path / "vae")
    loaded = glowcore.load(tmp_path / "vae", device="cpu")
    assert isinstance(loaded, VAE)
    assert loaded.config == model.config
    assert loaded.metadata == {"note": "kept"}
    assert torch.equal(loaded.decode(loaded.encode(batch)), model.decode(model.encode(batch)))


def test_command_line_trains_evaluates_and_refuses_what_needs_a_flow(tmp_path, capsys):
    data, out = tiny.write_pictures(tmp_path / "data", count=60, table=True), str(tmp_path / "vae")
    assert (
        main(
            [
                "train",
                "--data",
                str(data),
                *SETTINGS,
                "--steps",
                "60",
                "--batch-size",
                "16",
                "--warmup-steps",
                "10",
                "--learning-rate",
                "0.01",
                "--ema-decay",
                "0.9",
                "--eval-pictures",
                "12",
                "--quiet",
                "--out",
                out,
            ]
        )
        == 0
    )
    told = capsys.readouterr().err
    assert "no longer come back exactly" not in told
    assert main(["train", "--data", str(data), "--steps", "61", "--resume", "--quiet", "--out", out]) == 0
    capsys.readouterr()
    assert main(["evaluate", "--model", out, "--data", str(data), "--quiet", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert "evidence lower bound" in found["bound"]
    assert found["bits_per_dim"] < 5.5  # 7.8 untrained
    assert found["pixels_changed"] > 0
    assert main(["info", "--model", out]) == 0
    assert "no flow: vae is a baseline" in capsys.readouterr().out
    picture = str(next((data / "images").glob("*.png")))
    assert main(["sample", "--model", out, "--seeds", "0:4", "--scale", "1", "--out", str(tmp_path / "s.png")]) == 0
    trained = glowcore.load(out, device="cpu")
    with torch.no_grad():
        mean = trained.decode(trained.sample_latents(range(4), recommended_temperature(trained)))
    assert np.array_equal(read(tmp_path / "s.png"), grid(to_uint8(mean), columns=2))  # not the centres of bins
    assert torch.equal(trained.sample(range(4), recommended_temperature(trained)), mean)
    assert main(["reconstruct", "--model", out, "--image", picture, "--out", str(tmp_path / "r.png"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["pictures"][0]["pixels_changed"] > 0
    for command in (
        ["edit", "--image", picture, "--set", "Smiling=1", "--out", str(tmp_path / "e.png")],
        ["interpolate", "--from", picture, "--to", picture, "--out", str(tmp_path / "i.png")],
        ["attributes", "--data", str(data), "--quiet"],
        ["check"],
    ):
        assert main([command[0], "--model", out, *command[1:]]) == 2
        told = capsys.readouterr().err
        assert told.count("\n") == 1
        assert f"which has no exact latents; {command[0]} needs a flow (glow, realnvp or nice)" in told


@torch.no_grad()
def test_bounded_statistics_are_near_what_the_networks_say_and_never_stop_moving():
    """The bounds keep a gradient everywhere, so that training can return from outside."""
    model = vae().double()
    values = torch.rand(3, 3, 8, 8, dtype=torch.float64)
    model.encoder.out.weight.zero_()
    for raw, low, high in ((0.0, -0.05, 0.0), (-3.0, -3.05, -2.95), (30.0, 3.9, 4.001), (-30.0, -8.001, -7.9)):
        model.encoder.out.bias.fill_(raw)
        found = model.posterior(values)[1]
        assert low <= float(found.min()) <= float(found.max()) <= high
    with torch.enable_grad():
        model.encoder.out.bias.data.fill_(12.0)
        model.posterior(values)[1].sum().backward()
    assert (model.encoder.out.bias.grad[5:] > 1e-4).all()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (([],), "seeds are empty"),
        (([0.5],), "expected a list of whole numbers"),
        (([0], -1.0), "temperature is -1.0"),
        (([0], [1.0, 1.0]), "temperature has 2 values, expected 1$"),
        (([0], 1.0, torch.tensor([1])), "has no classes"),
    ],
)
def test_sampling_refuses_what_a_flow_refuses(arguments, told):
    with pytest.raises(ConfigError, match=told):
        vae().sample(*arguments)


@pytest.mark.parametrize("call", ["__call__", "bits_per_dim", "encode"])
def test_classes_are_refused(call):
    with pytest.raises(ConfigError, match=r"^y is tensor\(\[0, 1\]\), but a VAE has no classes$"):
        getattr(vae(), call)(tiny.pictures(2), torch.tensor([0, 1]))
