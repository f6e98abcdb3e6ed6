"""What is particular to NICE and Real NVP; what all models share is in the tests over every config."""

import json
import math

import numpy as np
import pytest
import torch
from torch.optim.swa_utils import AveragedModel

import glowcore
from glowcore import ConfigError, NICEConfig, RealNVPConfig, build
from glowcore.cli import main
from glowcore.images import to_png_bytes
from glowcore.mlp import MLP
from glowcore.residual_net import ResidualNet, WeightNormConv2d
from glowcore.transforms.batchnorm import BatchNorm
from glowcore.transforms.diagonal_scale import DiagonalScale
from glowcore.transforms.logit import Logit
from glowcore.transforms.partition import ChannelHalves, Checkerboard, OddEven
from tests.glowcore.bijections import TRANSFORMS, model, perturb

SMALL_NVP = {"image_size": 8, "num_levels": 2, "hidden_channels": 4, "residual_blocks": 1}


@pytest.mark.parametrize("name", ["channels", "checkerboard", "vector"])
def test_two_couplings_move_everything_and_each_leaves_its_own_half(name):
    x = torch.randn(2, 4, 4, 2, dtype=torch.float64)
    moved = []
    for each in (name, f"{name}_swap"):
        z, _ = perturb(TRANSFORMS[each]())(x)
        moved.append(z != x)
        assert moved[-1].sum() == x.numel() // 2
    assert torch.equal(moved[0], ~moved[1])


def test_partitions_are_those_of_the_papers():
    x = torch.arange(1.0, 9).reshape(1, 2, 2, 2)
    assert Checkerboard((2, 2)).halve(x)[0].tolist() == [[[[1, 0], [0, 4]], [[5, 0], [0, 8]]]]
    assert OddEven((2, 2, 2)).halve(x)[0].tolist() == [[1, 3, 5, 7]]
    assert OddEven((2, 2, 2), swap=True).halve(x)[0].tolist() == [[2, 4, 6, 8]]
    assert ChannelHalves(swap=True).halve(x)[0].tolist() == [[[[5, 6], [7, 8]]]]


def test_masks_are_no_weights_and_move_with_the_model():
    flow = build(RealNVPConfig(**SMALL_NVP))
    boards = [module for module in flow.modules() if isinstance(module, Checkerboard)]
    assert not any("stays" in name for name in flow.state_dict())
    assert {board.size for board in boards} == {(8, 8), (4, 4)}
    assert {board.stays.device.type for board in boards} == {"cpu"}
    flow.double().to("meta")
    assert {(board.stays.device.type, board.stays.dtype) for board in boards} == {("meta", torch.bool)}


def test_a_checkerboard_first_seen_in_inference_mode_serves_training():
    flow = build(RealNVPConfig(**{**SMALL_NVP, "image_size": (8, 24)}))  # a size of no other test
    x = torch.rand(2, 3, 8, 24)
    with torch.inference_mode():
        flow.log_prob(x)
    flow.log_prob(x).sum().backward()
    assert flow.levels[0].steps[0].net.conv_in.direction.grad.isfinite().all()


@pytest.mark.filterwarnings("ignore:.*(instantiated|leaf Tensor)")
def test_a_checkerboard_can_be_compiled():
    board = Checkerboard((4, 2))
    x, y = torch.randn(2, 3, 4, 4, 2)
    expected = board.join(board.halve(x)[0], y)
    assert torch.equal(torch.compile(lambda x, y: board.join(board.halve(x)[0], y), backend="eager")(x, y), expected)


def test_logit_is_the_papers_for_every_picture_and_a_line_beyond():
    logit, x = Logit(0.05), torch.linspace(-0.5, 0.5, 101, dtype=torch.float64).reshape(1, 1, 1, -1)
    z, _ = logit(x)
    u = 0.05 + 0.9 * (x + 0.5)
    assert (z - (u.log() - (1 - u).log())).abs().max() <= 1e-12
    far = torch.tensor([-1e4, -30.0, 30.0, 1e4]).reshape(1, 1, 1, 4)
    x, logdet = logit.inverse(far)
    assert (logit(x)[0] / far - 1).abs().max() <= 1e-5
    assert logdet.isfinite().all()
    odd = logit(torch.tensor([-3.0, -0.55, 0.55, 3.0]).reshape(1, 1, 1, 4))[0]
    assert (odd.flatten().diff() > 0).all()


def test_couplings_start_as_the_identity():
    flow = build(RealNVPConfig(**SMALL_NVP)).double()
    x = torch.rand(3, 3, 8, 8, dtype=torch.float64)
    u = 0.05 + 0.9 * x
    eps = flow.encode(x).flatten()
    assert (eps.square().sum(1) - torch.logit(u).square().sum(dim=(1, 2, 3))).abs().max() <= 1e-9
    expected = (
        -0.5 * eps.square().sum(1)
        - 0.5 * 192 * math.log(2 * math.pi)
        + (math.log(0.9) - u.log() - (1 - u).log()).sum(dim=(1, 2, 3))
    )
    assert (flow.log_prob(x) - expected).abs().max() <= 1e-9


def test_shapes_of_the_levels():
    tall = build(RealNVPConfig(image_size=(16, 8), num_levels=3, hidden_channels=2, residual_blocks=0))
    assert tall.latent_shapes() == [(6, 8, 4), (12, 4, 2), (12, 4, 2)]
    assert build(RealNVPConfig(image_size=(5, 7), num_levels=1, hidden_channels=2)).latent_shapes() == [(3, 5, 7)]
    assert build(NICEConfig(image_size=(5, 6), hidden_channels=3)).latent_shapes() == [(3, 5, 6)]


def test_initialisation_brings_latents_to_the_spread_of_the_prior():
    images = torch.rand(64, 3, 8, 8, generator=torch.Generator().manual_seed(5))
    for config, spread in (
        (NICEConfig(image_size=8, hidden_channels=8), math.pi / math.sqrt(3)),
        (NICEConfig(image_size=8, hidden_channels=8, prior="gaussian"), 1.0),
        (RealNVPConfig(**SMALL_NVP), 1.0),
        (RealNVPConfig(**SMALL_NVP, norm="batchnorm"), 1.0),
    ):
        flow = build(config)
        flow.initialize(images)
        with torch.no_grad():
            assert flow.encode(images).flatten().std() == pytest.approx(spread, rel=0.05)


def test_nice_says_its_prior_and_samples_from_it():
    flow = model("nice-1x4x6")
    latents = flow.sample_latents(range(400))
    assert latents.prior == flow.encode(flow.decode(latents)).prior == "logistic"
    assert latents.flatten().std() == pytest.approx(math.pi / math.sqrt(3), rel=0.03)
    assert model("nice-3x8x8").sample_latents([0]).prior == "gaussian"


def test_a_nice_of_32x32_takes_less_than_15_mb(tmp_path):
    glowcore.save(build(NICEConfig()), tmp_path)
    assert (tmp_path / "model.safetensors").stat().st_size < 15e6


@pytest.mark.parametrize("name", ["realnvp-batchnorm", "realnvp-per-level", "nice-1x4x6"])
def test_save_and_load(name, tmp_path):
    flow = model(name)
    glowcore.save(flow, tmp_path)
    loaded = glowcore.load(tmp_path)
    x = torch.rand(2, flow.config.channels, *flow.image_size)
    assert loaded.config == flow.config
    assert torch.equal(loaded.encode(x).flatten(), flow.encode(x).flatten())
    assert torch.equal(loaded.sample([3]), flow.sample([3]))


def test_hidden_layers_are_normalised_at_the_start():
    x = torch.randn(64, 3, 6, 6) * 4 + 2
    conv = WeightNormConv2d(3, 5, 3)
    conv.initialize(x)
    h = conv(x)
    assert h.mean(dim=(0, 2, 3)).abs().max() <= 1e-5
    assert (h.std(dim=(0, 2, 3), correction=0) - 1).abs().max() <= 1e-4
    net = ResidualNet(3, 5, 2, blocks=2)
    net.initialize(x)
    assert net(x).abs().max() == 0
    mlp = MLP(108, 7, 2, 3)
    mlp.initialize(x.flatten(1))
    first = mlp.hidden[0](x.flatten(1))
    assert (first.std(dim=0, correction=0) - 1).abs().max() <= 1e-4
    for constant in (conv, mlp.hidden[0]):
        assert all(p.isfinite().all() for p in constant.parameters())


def test_diagonal_scale_survives_a_constant_value():
    scale = DiagonalScale((1, 2, 2))
    scale.initialize(torch.full((8, 1, 2, 2), 0.5))
    assert scale(torch.ones(1, 1, 2, 2))[0].isfinite().all()


def test_one_picture_leaves_the_scale_of_every_value_at_1():
    flow = build(NICEConfig(image_size=8, channels=1, n_bits=4, hidden_channels=8, hidden_layers=1))
    images = torch.randint(0, 256, (64, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    flow.initialize(images[:1])
    assert flow.levels[0].steps[-1].log_scale.abs().max() == 0
    assert flow(images).mean() <= 7  # bits; 4 are those of a uniform density


@pytest.mark.parametrize("name", ["nice", "batchnorm"])
def test_constants_are_not_trained_even_when_every_parameter_is_unfrozen(name):
    nice = NICEConfig(image_size=8, channels=1, hidden_channels=8, hidden_layers=1)
    real = RealNVPConfig(image_size=8, channels=1, num_levels=1, hidden_channels=4, residual_blocks=1, norm="batchnorm")
    flow = build(nice if name == "nice" else real)
    fixed = [p for p in flow.parameters() if not p.requires_grad]
    assert fixed
    flow.requires_grad_(False).requires_grad_(True)
    images = torch.randint(0, 256, (8, 1, 8, 8), dtype=torch.uint8)
    for _ in range(2):  # the second time in evaluation mode, where batch norm applies the running statistics
        flow(images).mean().backward()
        flow.decode(flow.sample_latents(range(2))).sum().backward()
        assert not any(p.grad is not None for p in fixed)
        assert any(p.grad is not None for p in flow.parameters())
        flow.eval()


def test_batch_norm_applies_the_statistics_that_its_logdet_is_of():
    norm, x = BatchNorm(3), torch.randn(8, 3, 5, 4) * 3 + 1
    norm.initialize(torch.randn(8, 3, 5, 4))
    before = norm.mean.clone()
    z, logdet = norm(x)
    variance = x.var(dim=(0, 2, 3), correction=0) + norm.EPSILON
    assert (z.std(dim=(0, 2, 3), correction=0) - 1).abs().max() <= 1e-4
    assert (logdet + 10 * variance.log().sum()).abs().max() <= 1e-3
    assert (norm.mean - before.lerp(x.mean(dim=(0, 2, 3)), norm.MOMENTUM)).abs().max() <= 1e-6
    with torch.no_grad():  # an evaluation in the middle of training
        z, logdet = norm(x)
        x_back, logdet_back = norm.inverse(z)
    assert (x_back - x).abs().max() <= 1e-5
    assert torch.equal(logdet, -logdet_back)


def test_an_average_of_the_weights_averages_the_statistics_too():
    flow = build(RealNVPConfig(**SMALL_NVP, norm="batchnorm"))
    average = AveragedModel(flow)
    flow.bits_per_dim(torch.rand(4, 3, 8, 8)).mean().backward()
    average.update_parameters(flow)
    assert torch.equal(average.module.levels[0].steps[1].mean, flow.levels[0].steps[1].mean)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RealNVPConfig(image_size=30, num_levels=3), "28 or 32"),
        (lambda: RealNVPConfig(norm="layernorm"), "actnorm, batchnorm"),
        (lambda: RealNVPConfig(logit_alpha=0.5), r"\[0, 0.5\)"),
        (lambda: RealNVPConfig(hidden_channels=(8, 8)), "expected 1 or 3"),
        (lambda: NICEConfig(steps_per_level=2), "from 3 to"),
        (lambda: NICEConfig(prior="laplace"), "logistic, gaussian"),
        (lambda: NICEConfig(image_size=(5, 5)), "odd number of values"),
    ],
)
def test_impossible_configs_are_refused_with_what_would_do(make, message):
    with pytest.raises(ConfigError, match=message):
        make()


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    for i in range(24):
        (folder / f"{i:02}.png").write_bytes(to_png_bytes(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)))
    return folder


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("realnvp", "--num-levels 2 --hidden-channels 4 --residual-blocks 1 --memory reversible"),
        ("realnvp", "--num-levels 2 --hidden-channels 4 --residual-blocks 1 --norm batchnorm"),
        ("nice", "--hidden-channels 8 --prior gaussian --steps-per-level 3"),
    ],
)
def test_training_from_the_command_line(name, settings, pictures, tmp_path):
    out = tmp_path / "run"
    common = f"--model {name} --image-size 8 --batch-size 8 --steps 4 --quiet --device cpu".split()
    assert main(["train", "--data", str(pictures), "--out", str(out), *common, *settings.split()]) == 0
    flow = glowcore.load(out)
    assert flow.config.model_name == name
    x = torch.rand(2, 3, 8, 8)
    assert (flow.decode(flow.encode(x)) - x).abs().max() <= 1e-5
    record = json.loads((out / "log.jsonl").read_text().splitlines()[-1])
    assert record["round_trip"] <= 1e-5
    assert math.isfinite(record["bits_per_dim"])


def test_a_setting_of_another_model_is_refused(pictures, tmp_path, capsys):
    out = ["--out", str(tmp_path / "run"), "--steps", "1"]
    assert main(["train", "--data", str(pictures), "--model", "nice", "--num-levels", "3", *out]) == 2
    assert "--num-levels is no setting of nice, expected among" in capsys.readouterr().err
