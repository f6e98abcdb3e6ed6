"""The fused form is the model itself, only faster."""

import importlib.util
import math

import pytest
import torch

from glowcore import ConfigError, GlowConfig, build
from glowcore.exact import ExactFlow
from glowcore.fused import FusedFlow
from glowcore.fused.onnx_backend import OnnxBackend
from glowcore.networks import CouplingNet, ZeroConv2d
from glowcore.priors import Split
from glowcore.transforms.actnorm import ActNorm
from glowcore.transforms.coupling import AffineCoupling
from glowcore.transforms.partition import ChannelHalves
from glowcore.transforms.step import FlowStep

SETTINGS = {
    "affine": {},
    "floor_position": {"scale_min": 0.2, "position_channels": 3},
    "additive": {"coupling": "additive", "permutation": "conv1x1"},
    "shuffle": {"permutation": "shuffle", "learned_prior": False},
}


def model_of(name="affine", **more):
    torch.manual_seed(0)
    config = GlowConfig(
        image_size=(16, 24), num_levels=3, steps_per_level=3, hidden_channels=16, **(SETTINGS[name] | more)
    )
    flow = build(config)
    flow.initialize(torch.rand(32, 3, 16, 24))
    with torch.no_grad():
        for p in flow.parameters():
            p.add_(torch.randn_like(p) * 0.03)
    return flow.eval()


@pytest.fixture
def pictures():
    return torch.rand(3, 3, 16, 24, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("backend", ["torch", "onnxruntime"])
@pytest.mark.parametrize("name", SETTINGS)
def test_equals_the_module(name, backend, pictures):
    flow = model_of(name)
    fast = FusedFlow(flow, backend=backend)
    with torch.no_grad():
        expected = flow.encode(pictures)
        for batch in (1, 3):
            found = fast.encode(pictures[:batch])
            assert (found.flatten() - expected.flatten()[:batch]).abs().max() <= 1e-5
            assert (found.log_prob - expected.log_prob[:batch]).abs().max() <= 1e-2
            assert (fast.decode(found) - pictures[:batch]).abs().max() <= 1e-5
        generators = [[torch.Generator().manual_seed(i) for i in range(3)] for _ in range(2)]
        bpd = [f.bits_per_dim(pictures, generator=g) for f, g in zip((flow, fast), generators, strict=True)]
        assert (bpd[0] - bpd[1]).abs().max() <= 1e-5
        assert torch.equal(fast.sample([1, 2], 0.7), flow.sample([1, 2], 0.7))


@pytest.mark.parametrize("backend", ["torch", "onnxruntime"])
def test_inputs_stay_as_they_are(backend, pictures):
    fast = FusedFlow(model_of(), backend=backend)
    before = pictures.clone()
    latents = fast.encode(pictures)
    kept = [level.clone() for level in latents.levels]
    fast.decode(latents)
    assert torch.equal(pictures, before)
    assert all(torch.equal(a, b) for a, b in zip(latents.levels, kept, strict=True))


def test_auto_answers_at_once_and_then_by_onnxruntime(pictures):
    fast = model_of().fused()
    first = fast.decode(fast.encode(pictures))
    fast._onnx.wait()
    assert fast._runner(fast._onnx.INTERACTIVE) is fast._onnx
    assert fast._runner(fast._onnx.INTERACTIVE + 1) is fast._torch
    assert (fast.decode(fast.encode(pictures)) - first).abs().max() <= 1e-5


@pytest.fixture
def builds(monkeypatch):
    """What has been begun of onnxruntime, in order."""
    begun = []
    init = OnnxBackend.__init__

    def noted(self, *given):
        begun.append(self)
        init(self, *given)

    monkeypatch.setattr(OnnxBackend, "__init__", noted)
    return begun


@pytest.mark.parametrize("backend", ["auto", "onnxruntime"])
def test_weights_that_go_on_changing_start_no_build(monkeypatch, builds, pictures, backend):
    monkeypatch.setattr(FusedFlow, "SETTLED", 3600.0)
    flow = model_of()
    fast = FusedFlow(flow, backend=backend)
    for _ in range(5):
        with torch.no_grad():
            flow.levels[0].steps[0].actnorm.bias.add_(0.1)
        latents = fast.encode(pictures[:1])
        assert (fast.decode(latents) - pictures[:1]).abs().max() <= 1e-5
        assert torch.equal(latents.flatten(), FusedFlow(flow, backend="torch").encode(pictures[:1]).flatten())
    assert len(builds) == 1  # of the weights it was made with


@pytest.mark.parametrize("backend", ["auto", "onnxruntime"])
def test_weights_that_have_settled_are_built_once(monkeypatch, builds, pictures, backend):
    monkeypatch.setattr(FusedFlow, "SETTLED", 0.0)
    flow = model_of()
    fast = FusedFlow(flow, backend=backend)
    with torch.no_grad():
        flow.levels[0].steps[0].actnorm.bias.add_(0.1)
    expected = fast.encode(pictures[:1]).flatten()
    assert len(builds) == 1
    for _ in range(3):
        found = fast.encode(pictures[:1]).flatten()
        fast._onnx.wait()
        assert (found - expected).abs().max() <= 1e-4
    assert len(builds) == 2
    assert fast._runner(1) is fast._onnx


@pytest.mark.parametrize("inputs", [1, 3])  # of the session that encodes, of the one that decodes
def test_auto_falls_back_where_results_differ_by_a_hundredth(monkeypatch, pictures, inputs):
    run = OnnxBackend._run

    def wrong(self, session, given):
        return [1.01 * result if len(given) == inputs else result for result in run(self, session, given)]

    monkeypatch.setattr(OnnxBackend, "_run", wrong)
    flow = model_of()
    fast = flow.fused()
    with pytest.raises(ConfigError, match="differ from PyTorch's"):
        fast._onnx.wait()
    assert not fast._onnx.ready
    assert (fast.decode(fast.encode(pictures)) - pictures).abs().max() <= 1e-5


class SmoothNet(CouplingNet):
    def forward(self, x):
        return self.conv_out(torch.tanh(self.conv_mid(torch.tanh(self.conv_in(x)))))


def derived_net(flow):
    for step in flow.levels[1].steps:
        step.coupling.net.__class__ = SmoothNet


def derived_step(flow):
    class Twice(FlowStep):
        def forward(self, x, mixing=None):
            z, logdet = super().forward(x, mixing)
            return 2 * z, logdet + z[0].numel() * math.log(2)

    flow.levels[0].steps[1].__class__ = Twice


def other_half(flow):
    flow.levels[0].steps[1].coupling.partition = ChannelHalves(swap=True)


def other_net(flow):
    flow.levels[0].steps[0].coupling.net = torch.nn.Conv2d(6, 12, 3, padding=1)


def conv(place, *sizes, **settings):
    """A change that puts another convolution (of so many channels) in the place of one."""

    def change(flow):
        setattr(flow.levels[0].steps[0].coupling.net, place, torch.nn.Conv2d(*sizes, **settings))

    return change


CONVOLUTIONS = [
    pytest.param(change, id=name)
    for name, change in {
        "reflected": conv("conv_in", 6, 16, 3, padding=1, padding_mode="reflect"),
        "dilated": conv("conv_in", 6, 16, 3, padding=2, dilation=2),
        "grouped": conv("conv_in", 6, 16, 3, padding=1, groups=2),
        "wide": conv("conv_in", 6, 16, 5, padding=2),
        "narrow": conv("conv_in", 6, 16, 1),
        "unbiased": conv("conv_in", 6, 16, 3, padding=1, bias=False),
        "wide in the middle": conv("conv_mid", 16, 16, 3, padding=1),
        "grouped in the middle": conv("conv_mid", 16, 16, 1, groups=4),
        "plain at the end": conv("conv_out", 16, 12, 3, padding=1),
    }.items()
]


def zero_conv_first(flow):
    first = ZeroConv2d(6, 16)
    for parameter in first.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    flow.levels[0].steps[0].coupling.net.conv_in = first


def plain_conv_in_split(flow):
    flow.levels[0].split.conv = torch.nn.Conv2d(6, 12, 3, padding=1)


def derived_actnorm(flow):
    class Flipped(ActNorm):
        def forward(self, x):
            return super().forward(-x)

    flow.levels[0].steps[0].actnorm.__class__ = Flipped


def derived_coupling(flow):
    class Flipped(AffineCoupling):
        def move(self, x_b, h):
            return super().move(-x_b, h)

    flow.levels[0].steps[0].coupling.__class__ = Flipped


def plain_split(flow):
    flow.levels[0].split = Split(12, (8, 12), learned=False)


def hook(flow):
    flow.levels[0].steps[0].coupling.net.register_forward_hook(lambda net, given, result: 0 * result)


def pre_hook(flow):
    flow.levels[0].steps[0].coupling.net.conv_in.register_forward_pre_hook(lambda conv, given: (0 * given[0],))


@pytest.mark.parametrize("kind", [FusedFlow, ExactFlow])
@pytest.mark.parametrize("change", [
    derived_net, derived_step, other_half, other_net, *CONVOLUTIONS, zero_conv_first, plain_conv_in_split,
    derived_actnorm, derived_coupling, plain_split, hook, pre_hook,
])  # fmt: skip
def test_a_model_with_parts_of_its_own_answers_as_the_module_does(change, kind, pictures):
    flow = model_of()
    with torch.no_grad():
        before = flow.encode(pictures).flatten()
        change(flow)
        expected = flow.encode(pictures)
        found = kind(flow, backend="torch").encode(pictures)
    assert (expected.flatten() - before).abs().max() > 1e-2
    assert torch.equal(found.flatten(), expected.flatten())
    assert torch.equal(found.log_prob, expected.log_prob)


def test_bfloat16_is_near_but_not_exact(pictures):
    """A round trip can be exact by chance: both ways round the same values."""
    flow = model_of()
    fast = FusedFlow(flow, dtype="bfloat16")
    with torch.no_grad():
        expected, found = flow.encode(pictures), fast.encode(pictures)
        assert 1e-3 < (found.flatten() - expected.flatten()).abs().max() <= 0.1
        assert 1e-4 < (fast.decode(expected) - pictures).abs().max() <= 0.05
    assert (fast.decode(found) - pictures).abs().max() <= 0.05


def test_float64_models_stay_float64(pictures):
    flow = model_of().double()
    fast = flow.fused()
    latents = fast.encode(pictures.double())
    assert latents.log_prob.dtype == torch.float64
    assert (fast.decode(latents) - pictures).abs().max() <= 1e-12


@pytest.mark.parametrize("backend", ["torch", "onnxruntime"])
def test_a_program_that_computes_in_float64_folds_in_the_dtype_of_the_model(pictures, backend):
    flow = model_of()
    expected = FusedFlow(flow, backend=backend).encode(pictures).flatten()
    torch.set_default_dtype(torch.float64)
    try:
        found = FusedFlow(flow, backend=backend).encode(pictures).flatten()
    finally:
        torch.set_default_dtype(torch.float32)
    assert torch.equal(found, expected)


def test_class_conditional(pictures):
    flow = model_of(num_classes=3)
    with torch.no_grad():
        flow.top_prior.class_stats.normal_()
    y = torch.tensor([0, 1, 2])
    fast = FusedFlow(flow, backend="torch")
    assert (fast.log_prob(pictures, y) - flow.log_prob(pictures, y)).abs().max() <= 1e-2
    assert (fast.decode(fast.encode(pictures, y)) - pictures).abs().max() <= 1e-5


def test_graphs_are_refused_where_there_is_no_cuda():
    with pytest.raises(ConfigError, match="needs a Glow on CUDA; this is glow float32 on cpu"):
        FusedFlow(model_of(), backend="cudagraphs")


@pytest.mark.parametrize(
    ("make", "dtype", "found"),
    [
        (lambda: model_of().double(), "float32", "glow float64 on cpu"),
        (model_of, "bfloat16", "glow bfloat16 on cpu"),
        (lambda: model_of(norm="batchnorm"), "float32", "glow float32 on cpu, with parts that cannot be folded"),
    ],
)
def test_onnxruntime_is_refused_with_what_the_model_is(make, dtype, found):
    with pytest.raises(ConfigError, match=f"needs a float32 Glow on the CPU and .*; this is {found}$"):
        FusedFlow(make(), dtype=dtype, backend="onnxruntime")


def test_onnxruntime_is_refused_with_the_package_that_is_not_installed(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "onnx" else object())
    with pytest.raises(ConfigError, match=r"this is glow float32 on cpu, and onnx is not installed$"):
        FusedFlow(model_of(), backend="onnxruntime")


@pytest.mark.parametrize(("argument", "value"), [("dtype", "float16"), ("backend", "openvino")])
def test_unknown_choices_are_refused(argument, value):
    with pytest.raises(ConfigError, match="is not one of"):
        FusedFlow(model_of(), **{argument: value})
