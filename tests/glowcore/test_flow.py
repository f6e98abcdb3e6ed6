"""Whole models: exact likelihood, exact inverse, initialisation, sampling, refusals."""

import pytest
import torch

import glowcore
from glowcore import ConfigError, Flow, GlowConfig, NICEConfig, RealNVPConfig, build
from glowcore.baselines import VAEConfig
from glowcore.levels import Level
from glowcore.priors import Split, TopPrior, noise_log_prob
from glowcore.transforms.squeeze import Squeeze
from tests.glowcore.bijections import CONFIGS, labels, log_abs_det_jacobian, model

models = pytest.mark.parametrize("name", CONFIGS)


def pictures(flow, batch=2) -> torch.Tensor:
    return torch.rand(batch, flow.config.channels, *flow.image_size, dtype=torch.float64)


@models
def test_log_prob_is_the_change_of_variables(name):
    flow = model(name)
    x, y = pictures(flow), labels(flow, 2)
    latents = flow.encode(x, y)
    for i in range(2):
        label = None if y is None else y[i : i + 1]
        logdet = log_abs_det_jacobian(lambda v, label=label: flow.encode(v, label).flatten(), x[i : i + 1])
        noise = sum(noise_log_prob(level[i : i + 1], latents.prior) for level in latents.levels)
        assert abs(latents.log_prob[i] - noise[0] - logdet) <= 1e-9


@models
def test_decode_inverts_encode(name):
    flow = model(name)
    x, y = pictures(flow), labels(flow, 2)
    latents = flow.encode(x, y)
    assert [tuple(level.shape[1:]) for level in latents.levels] == flow.latent_shapes()
    assert latents.num_dims == flow.num_dims
    assert (flow.decode(latents) - x).abs().max() <= 1e-10
    again = flow.encode(flow.decode(flow.sample_latents([1, 2], y=y)), y)
    assert (again.flatten() - flow.sample_latents([1, 2], y=y).flatten()).abs().max() <= 1e-9


def test_float32_keeps_its_dtype_and_is_nearly_as_exact():
    torch.manual_seed(0)
    flow = build(GlowConfig(image_size=16, num_levels=2, steps_per_level=8, hidden_channels=16))
    x = torch.rand(4, 3, 16, 16)
    flow.initialize(x)
    latents = flow.encode(x)
    assert latents.log_prob.dtype == torch.float32
    assert (flow.decode(latents) - x).abs().max() <= 1e-5
    exact = flow.double().encode(x.double())
    assert exact.log_prob.dtype == torch.float64
    assert (exact.log_prob - latents.log_prob).abs().max() <= 1e-2


def test_uint8_is_v_over_255():
    flow = model("per-level")
    v = torch.randint(0, 256, (2, 3, 8, 8), dtype=torch.uint8)
    assert torch.equal(flow.encode(v).flatten(), flow.encode(v.double() / 255).flatten())


def test_initialize_is_idempotent_and_stored():
    torch.manual_seed(0)
    flow = build(GlowConfig(image_size=8, num_levels=2, steps_per_level=2, hidden_channels=8))
    batch = torch.randint(0, 256, (32, 3, 8, 8), dtype=torch.uint8)
    flow.initialize(batch)
    state = {name: value.clone() for name, value in flow.state_dict().items()}
    flow.initialize(255 - batch)
    assert all(torch.equal(value, state[name]) for name, value in flow.state_dict().items())
    loaded = build(flow.config)
    loaded.load_state_dict(state)
    loaded.initialize(255 - batch)
    assert torch.equal(loaded.encode(batch).flatten(), flow.encode(batch).flatten())


TRAINED = {
    "glow": GlowConfig(image_size=8, num_levels=2, steps_per_level=2, hidden_channels=8),
    "glow-batchnorm": GlowConfig(image_size=8, num_levels=1, steps_per_level=2, hidden_channels=8, norm="batchnorm"),
    "realnvp": RealNVPConfig(image_size=8, num_levels=2, steps_per_level=1, hidden_channels=4, norm="batchnorm"),
    "nice": NICEConfig(image_size=8, hidden_channels=8),
}


@pytest.mark.parametrize("way", ["as it is", "saved", "state_dict"])
@pytest.mark.parametrize("name", TRAINED)
def test_initialize_leaves_weights_that_were_trained_without_it_and_warns(tmp_path, name, way):
    torch.manual_seed(0)
    flow = build(TRAINED[name])
    batch = torch.randint(0, 256, (16, 3, 8, 8), dtype=torch.uint8)
    optimizer = torch.optim.Adam(flow.parameters(), lr=1e-3)
    flow(batch).mean().backward()
    optimizer.step()
    assert not flow.initialized
    state = {name: value.clone() for name, value in flow.state_dict().items()}
    if way == "saved":
        glowcore.save(flow, tmp_path)
        flow = glowcore.load(tmp_path, device="cpu")
    if way == "state_dict":
        flow = build(flow.config)
        flow.load_state_dict(state)
    with pytest.warns(UserWarning, match="not initialised") as warned:
        flow.initialize(batch)
    assert warned[0].filename == __file__
    assert all(torch.equal(value, state[name]) for name, value in flow.state_dict().items())


@pytest.mark.parametrize("name", TRAINED)
def test_a_fresh_model_that_was_saved_is_initialized(tmp_path, name):
    torch.manual_seed(0)
    glowcore.save(build(TRAINED[name]), tmp_path)
    flow = glowcore.load(tmp_path, device="cpu")
    before = flow.encode(torch.rand(2, 3, 8, 8)).flatten()
    flow.initialize(torch.rand(16, 3, 8, 8))
    assert flow.initialized
    assert (flow.encode(torch.rand(2, 3, 8, 8)).flatten() - before).abs().max() > 0.1


@pytest.mark.parametrize("config", [TRAINED["glow"], VAEConfig(image_size=8, num_levels=1, hidden_channels=8)])
def test_a_call_of_the_model_is_its_training_loss_and_runs_its_hooks(config):
    torch.manual_seed(0)
    flow, seen = build(config), []
    batch = torch.rand(3, 3, 8, 8)
    flow.register_forward_hook(lambda module, args, loss: seen.append(loss))
    loss = flow(batch, generator=torch.Generator().manual_seed(0))
    assert torch.equal(loss, flow.bits_per_dim(batch, generator=torch.Generator().manual_seed(0)))
    assert loss.shape == (3,)
    assert len(seen) == 1


def test_a_model_can_be_exported():
    flow = model("per-level").float()
    batch = torch.rand(2, 3, 8, 8)
    exported = torch.export.export(flow, (batch,)).module()
    assert (exported(batch) - flow(batch)).abs().max() < 1  # the noise differs


def test_every_parameter_gets_a_gradient():
    flow = model("per-level")
    flow.bits_per_dim(pictures(flow), generator=torch.Generator().manual_seed(0)).mean().backward()
    assert [name for name, p in flow.named_parameters() if p.grad is None or not p.grad.abs().sum()] == []


def test_a_seed_gives_the_same_picture_in_any_batch():
    flow = model("per-level")
    one = flow.sample_latents([7], temperature=0.8)
    many = flow.sample_latents([3, 7, 9], temperature=0.8)
    assert torch.equal(one.flatten()[0], many.flatten()[1])
    top_only = flow.sample_latents([7], temperature=[0, 0, 0.8])
    assert torch.equal(top_only.levels[-1], one.levels[-1])
    assert top_only.levels[0].abs().max() == 0


def test_samples_are_shown_at_bin_centres():
    flow = model("per-level")
    flow = flow.float()
    shown = flow.sample([1, 2], temperature=0.5) * 255
    assert shown.min() >= 0
    assert shown.max() <= 255
    assert ((shown - 3.5) / 8 - ((shown - 3.5) / 8).round()).abs().max() <= 1e-4


def test_classes_change_the_density_and_are_required():
    flow = model("classes")
    x = pictures(flow)
    assert not torch.allclose(flow.log_prob(x, 0), flow.log_prob(x, 1))
    assert (flow.decode(flow.encode(x, 2)) - x).abs().max() <= 1e-10
    with pytest.raises(ConfigError, match="class-conditional"):
        flow.log_prob(x)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"image_size": 50, "num_levels": 4}, "48 or 64"),
        ({"image_size": (64, 40), "num_levels": 4}, "32 or 48"),
        ({"image_size": 64, "n_bits": 9}, "n_bits is 9"),
        ({"image_size": 64, "coupling": "spline"}, "affine, additive"),
        ({"image_size": 64, "steps_per_level": (4, 4)}, "expected 1 or 4"),
        ({"image_size": 64, "scale_min": 1.0}, r"\[0, 1\)"),
        ({"image_size": 64, "hidden_channels": 10**9}, "hidden_channels"),
        ({"image_size": 64, "channels": True}, "channels"),
    ],
)
def test_impossible_configs_are_refused_with_what_would_do(settings, message):
    with pytest.raises(ConfigError, match=message):
        GlowConfig(**settings)


def test_wrong_pictures_and_latents_are_refused():
    flow = model("per-level")
    with pytest.raises(ConfigError, match=r"takes \[B, 3, 8, 8\]"):
        flow.encode(torch.rand(1, 3, 16, 16))
    with pytest.raises(ConfigError, match="expected uint8"):
        flow.encode(torch.zeros(1, 3, 8, 8, dtype=torch.int64))
    with pytest.raises(ConfigError, match="this model's are"):
        flow.decode(model("3x8x8-affine-conv1x1").encode(pictures(flow)))
    with pytest.raises(ConfigError, match="memory is 'none'"):
        flow.memory = "none"


def test_autocast_leaves_the_bijection_in_float32():
    torch.manual_seed(0)
    flow = build(GlowConfig(image_size=8, num_levels=2, steps_per_level=2, hidden_channels=8))
    x = torch.rand(4, 3, 8, 8)
    flow.initialize(x)
    with torch.no_grad():
        for p in flow.parameters():
            p.add_(torch.randn_like(p) * 0.05)
    seen = {}
    coupling = flow.levels[0].steps[0].coupling
    coupling.net.register_forward_hook(lambda _m, _i, out: seen.update(net=out.dtype))
    with torch.autocast("cpu", torch.bfloat16):
        low = flow.encode(x)
    assert seen["net"] == torch.bfloat16
    assert {level.dtype for level in low.levels} == {torch.float32}
    exact = flow.bits_per_dim(x, generator=torch.Generator().manual_seed(0))
    with torch.autocast("cpu", torch.bfloat16):
        near = flow.bits_per_dim(x, generator=torch.Generator().manual_seed(0))
        assert (flow.decode(flow.encode(x)) - x).abs().max() <= 0.05
    assert 0 < (near - exact).abs().max() <= 0.01


@pytest.mark.parametrize("batch", [3, 9])
def test_autocast_leaves_the_fused_form_as_it_is(batch):
    flow = model("3x8x8-affine-conv1x1_lu").float()
    x = pictures(flow, batch)
    expected = flow.fused(backend="torch").encode(x)
    with torch.autocast("cpu", torch.bfloat16):
        fast = flow.fused(backend="torch")  # the weights are folded in float32 as well
        found = fast.encode(x)
        back = fast.decode(found)
    assert torch.equal(found.flatten(), expected.flatten())
    assert torch.equal(found.log_prob, expected.log_prob)
    assert (back - x).abs().max() <= 1e-5


def test_a_seed_is_one_picture_for_good_its_noise_drawn_top_level_first():
    """Addresses and galleries name pictures by their seeds: another order would change all of them."""
    flow = build(GlowConfig(image_size=8, num_levels=2, steps_per_level=1, hidden_channels=4))
    levels = flow.sample_latents([7, 8]).levels
    finest, top = ([float(value) for value in level[0].flatten()[:3]] for level in levels)
    assert top == pytest.approx([-0.820134521, 0.395631164, 0.898908496], abs=1e-6)
    assert finest == pytest.approx([-0.536822438, 0.828882635, 1.057069778], abs=1e-6)


def flow_of_splits(steps, *splits):
    """A flow of one level for each split; the steps of the first are ``steps``."""
    levels = [Level(Squeeze(), [] if index else steps, split) for index, split in enumerate(splits)]
    return Flow(GlowConfig(8, channels=1, num_levels=1), levels, TopPrior((16, 2, 2)))


@pytest.mark.parametrize(
    ("splits", "told"),
    [
        ((None, None), "level 1 of 2 has no split"),
        ((Split(4, (4, 4)), Split(8, (2, 2))), "level 2 of 2 has a split"),
        ((Split(4, (4, 4)),), "level 1 of 1 has a split"),
    ],
)
def test_levels_without_their_splits_are_refused(splits, told):
    with pytest.raises(ConfigError, match=told + ", expected one in every level but the last"):
        flow_of_splits([], *splits)


def test_one_level_may_squeeze_twice():
    flow = flow_of_splits([Squeeze()], None)
    x = torch.rand(2, 1, 8, 8)
    assert flow.latent_shapes() == [(16, 2, 2)]
    assert (flow.decode(flow.encode(x)) - x).abs().max() <= 1e-6
