"""The same correctness on a CUDA device, skipped where there is none; test_pretend_cuda.py runs it everywhere.

Bounds are far below what TF32 would leave of a pass (1e-3), and above what other orders of summation do to it.
"""

import copy
import json

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from explorer.engines.turns import Turns
from explorer.engines.worker import Worker
from glowcore import GlowConfig, NICEConfig, RealNVPConfig, build, exact
from glowcore.attributes import fit_attributes
from glowcore.attributes.refinement import RefinementSettings
from glowcore.baselines import VAEConfig
from glowcore.cli import main
from glowcore.evaluation import checking, evaluate
from glowcore.exact import ExactFlow
from glowcore.fused import FusedFlow
from glowcore.fused.cuda_graphs import GraphedBackend
from glowcore.fused.folding import fold
from glowcore.fused.torch_backend import TorchBackend
from glowcore.memory import saved_bytes
from glowcore.training import Trainer, TrainSettings
from tests.glowcore import tiny
from tests.glowcore.test_direction_refinement import pictures as labelled

pytestmark = pytest.mark.cuda

SIZE = 16
MODELS = {
    "classes": GlowConfig(image_size=SIZE, num_levels=2, steps_per_level=2, hidden_channels=8, num_classes=3,
                          position_channels=2),
    "plain": GlowConfig(image_size=SIZE, num_levels=2, steps_per_level=2, hidden_channels=8, coupling="additive",
                        permutation="conv1x1"),
    "shuffle": GlowConfig(image_size=SIZE, num_levels=2, steps_per_level=2, hidden_channels=8, permutation="shuffle"),
    "realnvp": RealNVPConfig(image_size=SIZE, num_levels=2, steps_per_level=1, hidden_channels=4, residual_blocks=1),
    "nice": NICEConfig(image_size=SIZE, hidden_channels=16),
    "vae": VAEConfig(image_size=SIZE, num_levels=2, hidden_channels=8, latent_dims=16),
}  # fmt: skip


def moved(config):
    """A model on the CPU whose weights have left their start."""
    torch.manual_seed(0)
    model = build(config)
    model.initialize(torch.rand(64, 3, SIZE, SIZE))
    with torch.no_grad():
        for p in model.parameters():
            p.add_(torch.randn_like(p) * 0.01)
    return model.eval()


@pytest.fixture
def flow(cuda):
    return moved(GlowConfig(image_size=SIZE, num_levels=2, steps_per_level=6, hidden_channels=32, scale_min=0.1)).to(
        cuda
    )


def pictures(batch=4):
    return torch.rand(batch, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(1))


def test_what_mixes_devices_fails(cuda):
    """Else the tests below would find nothing on a device that is only pretended."""
    x = torch.ones(2, device=cuda)
    mistakes = [
        lambda: x + torch.ones(2),
        lambda: torch.stack([torch.ones(2), x]),
        lambda: x.numpy(),
        lambda: torch.ones(2)[torch.zeros(1, dtype=torch.long, device=cuda)],
        lambda: torch.rand(2, device=cuda, generator=torch.Generator()),
    ]
    for mistake in mistakes:
        with pytest.raises((RuntimeError, TypeError)):
            mistake()
    assert float((x + torch.tensor(1.0))[torch.tensor([0, 1])].sum()) == 4


def test_a_pass_stays_on_the_device(flow):
    x = pictures().cuda()
    with torch.no_grad():
        flow.decode(flow.encode(x))  # what libraries copy when they are first called is not of the pass
        with torch.profiler.profile() as profile:
            flow.decode(flow.encode(x))
            torch.cuda.synchronize()
    copies = [event.name for event in profile.events() if "Memcpy DtoH" in event.name or "Memcpy HtoD" in event.name]
    assert copies == []


@pytest.mark.parametrize("name", MODELS)
def test_every_model_says_what_it_says_on_the_cpu(name, cuda):
    here = moved(MODELS[name])
    there = copy.deepcopy(here).to(cuda)
    x, y = pictures(), torch.tensor([0, 2, 1, 1]) if name == "classes" else None
    noise = [[torch.Generator().manual_seed(i) for i in range(4)] for _ in range(2)]
    with torch.no_grad():
        latents = there.encode(x, y)
        assert {level.device.type for level in latents.levels} == {"cuda"}
        assert (latents.flatten().cpu() - here.encode(x, y).flatten()).abs().max() <= 1e-4
        back = here.decode(here.encode(x, y))
        assert (there.decode(latents).cpu() - back).abs().max() <= 1e-4
        if name != "vae":
            assert (there.fused().decode(there.fused().encode(x, y)).cpu() - back).abs().max() <= 1e-4
        bits = there.bits_per_dim(x, y, generator=noise[0]).cpu()
        assert (bits - here.bits_per_dim(x, y, generator=noise[1])).abs().max() <= 1e-4


def test_a_seed_gives_the_same_latents_as_on_the_cpu(flow):
    on_gpu = flow.sample_latents([3], 0.7).flatten().cpu()
    assert torch.equal(flow.cpu().sample_latents([3], 0.7).flatten(), on_gpu)


@pytest.mark.parametrize("backend", ["torch", "cudagraphs"])
def test_fused_equals_the_module(flow, backend):
    fast = FusedFlow(flow, backend=backend)
    for batch in (1, 4, 1):
        x = pictures(batch).cuda()
        with torch.no_grad():
            expected = flow.encode(x)
        found = fast.encode(x)
        assert (found.flatten() - expected.flatten()).abs().max() <= 1e-4
        assert (found.log_prob - expected.log_prob).abs().max() <= 1e-2
        assert (fast.decode(found) - x).abs().max() <= 1e-4
    first = fast.decode(fast.encode(pictures(1).cuda()))
    kept = first.clone()
    fast.decode(fast.encode(1 - pictures(1).cuda()))
    assert torch.equal(first, kept)
    with torch.no_grad():
        flow.levels[0].steps[0].actnorm.bias.add_(0.1)  # a graph holds the weights that it was captured with
        assert (fast.encode(x).flatten() - flow.encode(x).flatten()).abs().max() <= 1e-4


@pytest.mark.parametrize("backend", ["torch", "cudagraphs"])
def test_what_was_captured_in_inference_mode_answers_outside_of_it_and_back(flow, backend):
    fast, x = FusedFlow(flow, backend=backend), pictures().cuda()
    with torch.inference_mode():
        inside = fast.encode(x)
    outside = fast.encode(x)
    assert not outside.levels[0].is_inference()
    assert (outside.flatten() - inside.flatten()).abs().max() <= 1e-4
    with torch.inference_mode():
        assert (fast.encode(x).flatten() - inside.flatten()).abs().max() <= 1e-4


class NoFloat64(TorchDispatchMode):
    """Makes the device one without float64, as mps is."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        if isinstance(result, torch.Tensor) and result.device.type == "cuda" and result.dtype == torch.float64:
            raise TypeError(f"{func} makes float64 on the device")
        return result


@pytest.mark.parametrize("permutation", ["conv1x1_lu", "shuffle"])
def test_folding_asks_for_no_float64_of_the_device(cuda, permutation):
    flow = moved(
        GlowConfig(image_size=SIZE, num_levels=2, steps_per_level=2, hidden_channels=8, permutation=permutation)
    )
    wanted = fold(flow)[0].steps[0]
    with NoFloat64():
        found = fold(flow.to(cuda))[0].steps[0]
    for a, b in zip((*found.mix, *found.unmix), (*wanted.mix, *wanted.unmix), strict=True):
        assert (a.device.type, a.dtype) == ("cuda", torch.float32)
        assert (a.cpu() - b).abs().max() <= 1e-6


def test_fits_checks_and_evaluations_ask_for_no_float64_of_the_device(cuda, monkeypatch):
    """An mps device has none; for one, what is replaced here computes on the CPU."""
    monkeypatch.setattr("glowcore.transforms.mixing.float64", lambda x: x.cpu().double())
    monkeypatch.setattr(checking, "in_float64", lambda flow: copy.deepcopy(flow).cpu().double())
    monkeypatch.setattr(checking, "largest_error", lambda back, x: exact.largest_error(back.cpu(), x))
    here, data = tiny.model(), labelled(80)
    there, images = copy.deepcopy(here).to(cuda), data.images.to(cuda)
    few = RefinementSettings(steps=2, batch_size=4, judge_pictures=64)
    with NoFloat64():
        found = fit_attributes(there, data, refinement=few, progress=False).directions
        checks = checking.check_model(there, samples=2, probes=2) + checking.check_pictures(there, images, "faces")
        evaluated = evaluate(there, images, batch_size=30)
    expected = fit_attributes(here, data, refinement=few, progress=False).directions
    assert torch.cosine_similarity(found, expected).min() > 0.99
    assert [check for check in checks if not check.passed] == []
    assert evaluated.pixels_changed == 0
    assert evaluated.bits_per_dim == pytest.approx(evaluate(here, data.images).bits_per_dim, abs=1e-4)


def test_cudagraphs_are_the_default_but_not_the_applications(flow):
    """Many threads use its models, and a capture that another thread disturbs costs the whole process."""
    assert isinstance(FusedFlow(flow)._torch, GraphedBackend)
    assert isinstance(Worker(flow, None, Turns())._fast._torch, TorchBackend)


def test_graphs_of_another_device_than_the_current_one(flow):
    if torch.cuda.device_count() < 2:
        pytest.skip("one CUDA device")
    fast = FusedFlow(flow.to("cuda:1"), backend="cudagraphs")
    found = [fast.encode(x).flatten() for x in (pictures(), 1 - pictures())]
    with torch.no_grad():
        expected = [flow.encode(x).flatten() for x in (pictures(), 1 - pictures())]
    assert max(float((a - b).abs().max()) for a, b in zip(found, expected, strict=True)) <= 1e-4


@pytest.mark.parametrize("fused", [False, True])
def test_float32_is_float32_where_the_program_allows_tf32(flow, fused):
    form = FusedFlow(flow) if fused else flow
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = True
    with torch.no_grad():
        found = form.encode(pictures()).flatten()
        assert not torch.backends.cudnn.allow_tf32
        assert (found - flow.double().encode(pictures()).flatten()).abs().max() <= 1e-4


def test_what_float32_loses_comes_back_in_float64(flow, monkeypatch):
    monkeypatch.setattr(exact, "RETRY_ABOVE", 0.0)
    (part,) = ExactFlow(flow).encode_parts(pictures())
    assert {(level.device.type, level.dtype) for level in part.latents.levels} == {("cuda", torch.float64)}
    assert part.errors.max() <= 1e-12


def gradients(flow, x):
    flow.zero_grad()
    flow.bits_per_dim(x, generator=torch.Generator("cuda").manual_seed(0)).mean().backward()
    return torch.cat([p.grad.flatten() for p in flow.parameters()])


@pytest.mark.parametrize(("dtype", "bound"), [(torch.float64, 1e-9), (torch.float32, 1e-3)])
@pytest.mark.parametrize("memory", ["checkpoint", "reversible"])
def test_gradients_of_the_memory_modes(flow, memory, dtype, bound):
    """In float32 a hidden unit near 0 may lie on the other side after an inversion: that is no error of 1e-4."""
    flow.to(dtype).anchor_every = 4
    full = gradients(flow, pictures().cuda())
    flow.memory = memory
    assert (gradients(flow, pictures().cuda()) - full).norm() <= bound * full.norm()


def test_reversible_keeps_less(flow):
    full = saved_bytes(flow, 4)
    flow.memory = "reversible"
    assert saved_bytes(flow, 4) <= full / 4


def test_bfloat16_nets(flow):
    x = pictures().cuda()
    exactly = gradients(flow, x)
    with torch.autocast("cuda", torch.bfloat16):
        latents = flow.encode(x)
        assert flow.levels[0].steps[0].coupling.net(x.new_zeros(1, 6, 8, 8)).dtype == torch.bfloat16
        roughly = gradients(flow, x)
    assert {level.dtype for level in latents.levels} == {torch.float32}
    assert 0 < (roughly - exactly).norm() <= 0.05 * exactly.norm()
    with torch.no_grad():
        assert (flow.decode(latents) - x).abs().max() <= 0.05


@pytest.mark.parametrize("memory", ["full", "checkpoint", "reversible"])
def test_a_run_goes_on_from_its_state(tmp_path, cuda, memory):
    def trainer(steps):
        torch.manual_seed(0)
        model = build(GlowConfig(image_size=8, num_levels=1, steps_per_level=2, hidden_channels=8, num_classes=2))
        model.to(cuda).memory = memory
        settings = TrainSettings(steps=steps, batch_size=8, learning_rate=1e-2, warmup_steps=1, eval_pictures=8)
        return Trainer(
            model,
            tiny.pictures(20),
            tiny.pictures(8, seed=1),
            settings,
            tmp_path,
            progress=False,
            labels=torch.arange(20) % 2,
            held_out_labels=torch.arange(8) % 2,
        )

    first = trainer(3)
    first.run()
    bits = first.monitor.last["bits_per_dim"]
    second = trainer(12)
    second.load_state(first.state())
    assert all(torch.equal(a, b) for a, b in zip(first.model.parameters(), second.model.parameters(), strict=True))
    second.run()
    assert second.step == 12
    assert second.recovery.skipped == 0
    assert second.monitor.last["bits_per_dim"] < bits


def test_the_commands(tmp_path, cuda, capsys):
    faces, run, picture = (tmp_path / name for name in ("faces", "run", "out.png"))
    tiny.write_pictures(faces, 200, table=True)
    model = ["--model", str(run), "--device", "cuda"]
    photo = str(faces / "images" / "0003.png")
    assert (
        main(
            [
                "train",
                "--data",
                str(faces),
                "--out",
                str(run),
                "--device",
                "cuda",
                *tiny.MODEL,
                "--steps",
                "20",
                "--batch-size",
                "8",
                "--warmup-steps",
                "2",
                "--quiet",
            ]
        )
        == 0
    )
    assert main(["attributes", *model, "--data", str(faces), "--refine-steps", "2", "--quiet"]) == 0
    capsys.readouterr()
    assert main(["evaluate", *model, "--data", str(faces), "--quiet", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["device"] == "cuda:0"
    assert found["pixels_changed"] == 0
    assert main(["check", *model, "--samples", "2", "--odd", "2"]) == 0
    assert main(["edit", *model, "--image", photo, "--set", "Smiling=1", "--lock", "Male", "--out", str(picture)]) == 0
    assert main(["reconstruct", *model, "--image", photo, "--levels", "0", "--out", str(picture)]) == 0
    assert main(["sample", *model, "--seeds", "0:3", "--out", str(picture)]) == 0
    assert main(["interpolate", *model, "--from", photo, "--to", photo, "--spherical", "--out", str(picture)]) == 0
