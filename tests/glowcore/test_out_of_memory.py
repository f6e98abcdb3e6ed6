"""An out-of-memory error becomes one line with a batch size that fits."""

import subprocess
import sys
import weakref

import pytest
import torch

from glowcore import memory
from glowcore.baselines import VAEConfig
from glowcore.cli import main
from glowcore.errors import TrainingError
from glowcore.flow import Flow
from glowcore.models import GlowConfig, RealNVPConfig, build
from glowcore.out_of_memory import is_out_of_memory
from glowcore.training import Trainer
from glowcore.training.batch_advice import SHARE, advice, advised
from glowcore.training.held_out_metrics import held_out_metrics
from glowcore.training.settings import TrainSettings
from tests.glowcore.tiny import MODEL, model, pictures, write_pictures
from tests.glowcore.trainers import make


@pytest.fixture(scope="module")
def flow():
    return build(GlowConfig(image_size=16, num_levels=2, steps_per_level=2, hidden_channels=8))


def test_the_errors_that_say_so():
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**55)  # more than any machine has: torch's own words
    assert is_out_of_memory(caught.value)
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory"))
    assert is_out_of_memory(MemoryError())
    assert is_out_of_memory(RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"))
    assert not is_out_of_memory(RuntimeError("shapes do not fit"))
    assert not is_out_of_memory(ValueError("out of memory"))


def test_who_only_asks_for_it_loads_no_training():
    code = (
        "import sys, explorer.engines.engine; assert 'glowcore.out_of_memory' in sys.modules; "
        "print([name for name in sys.modules if name.startswith('glowcore.training')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(("share", "batch", "expected"), [
    (100, 4096, 64), (30000, 4096, 2048), (0.5, 7, 1), (40, 48, 16),
])  # fmt: skip
def test_the_batch_suggested_is_the_largest_power_of_two_that_fits(flow, monkeypatch, share, batch, expected):
    """The free memory would hold `share` pictures; 70% of it may be used, and at most half the batch is tried."""
    fixed, each = memory.saved_for_any_and_each(flow, "float32")
    monkeypatch.setattr(memory, "free_bytes", lambda device: fixed / SHARE + share * each)
    line = advice(flow, TrainSettings(batch_size=batch, steps=1, accumulate=3))
    assert f"at --batch-size {batch}; try --batch-size {expected} " in line
    assert f"--accumulate {3 * -(-batch // expected)} " in line
    assert line.endswith("or --memory reversible")
    assert "\n" not in line


def test_a_single_picture_that_does_not_fit_needs_another_model(flow):
    line = advice(flow, TrainSettings(batch_size=1, steps=1))
    assert line.endswith("; try --memory reversible, fewer --hidden-channels or a smaller --image-size")


def test_where_memory_is_saved_already_half_the_batch_is_suggested():
    flow = build(GlowConfig(image_size=16, num_levels=2, steps_per_level=2, hidden_channels=8))
    flow.memory = "reversible"
    line = advice(flow, TrainSettings(batch_size=100, steps=1))
    assert "try --batch-size 32 " in line
    assert "--memory" not in line
    line = advice(flow, TrainSettings(batch_size=1, steps=1))
    assert line.endswith("; try fewer --hidden-channels or a smaller --image-size")


def test_only_a_memory_mode_that_the_model_supports_is_suggested():
    normed = {"residual_blocks": 1, "norm": "batchnorm"}
    flow = build(RealNVPConfig(image_size=8, num_levels=1, steps_per_level=1, hidden_channels=4, **normed))
    assert advice(flow, TrainSettings(batch_size=2, steps=1)).endswith(" or --memory checkpoint")
    vae = build(VAEConfig(image_size=8, num_levels=1, hidden_channels=4, latent_dims=2))
    assert "--memory" not in advice(vae, TrainSettings(batch_size=2, steps=1))


class SmallDevice:
    """The pictures that a model without gradients takes at once, and an error for more than ``holds``."""

    def __init__(self, monkeypatch, holds):
        self.seen = []
        for name in ("encode_dequantised", "bits_per_dim", "encode", "decode"):
            monkeypatch.setattr(Flow, name, self.bounded(getattr(Flow, name), holds))

    def bounded(self, method, holds):
        def call(flow, first, *args, **kwargs):
            if torch.is_inference_mode_enabled():
                self.seen.append(len(first))
                if len(first) > holds:
                    raise torch.OutOfMemoryError("CUDA out of memory")
            return method(flow, first, *args, **kwargs)

        return call


@pytest.mark.parametrize(("batch", "at_once"), [(1, 1), (6, 6), (50, 32)])
def test_an_evaluation_takes_no_more_pictures_at_once_than_a_step(tmp_path, monkeypatch, batch, at_once):
    device = SmallDevice(monkeypatch, at_once)
    make(tmp_path, images=pictures(60), held_out=pictures(40), steps=1, batch_size=batch, eval_pictures=40).run()
    assert max(device.seen) == at_once


@pytest.mark.parametrize("batch", [8, 50])
def test_an_evaluation_that_does_not_fit_is_called_one(tmp_path, monkeypatch, batch):
    SmallDevice(monkeypatch, 7)
    trainer = make(tmp_path, images=pictures(60), held_out=pictures(40), steps=1, batch_size=batch, eval_pictures=40)
    size = min(batch, 32)
    smaller = (
        f"try --batch-size {size // 2} (with --accumulate {-(-batch // (size // 2))} a step sees as many pictures)"
    )
    with pytest.raises(TrainingError) as caught:
        trainer.run()
    assert str(caught.value) == f"out of memory on cpu in an evaluation, {size} pictures at once; {smaller}"


def test_the_batch_size_of_an_evaluation_changes_nothing_but_rounding():
    flow, images = model(num_classes=3), pictures(5)
    labels = torch.tensor([0, 1, 2, 2, 1])
    whole, parts = (held_out_metrics(flow, images, labels, size) for size in (32, 2))
    assert parts == pytest.approx(whole, rel=1e-4, abs=1e-6)


def test_other_errors_pass(flow):
    with pytest.raises(RuntimeError, match=r"^shapes$"), advised(flow, TrainSettings(steps=1)):
        raise RuntimeError("shapes")


def test_tensors_of_the_failed_step_are_let_go(flow):
    """The tensors of the failed step are freed before the measurement."""
    kept = []

    def step():
        tensor = torch.zeros(3)
        kept.append(weakref.ref(tensor))
        raise torch.OutOfMemoryError("no")

    with pytest.raises(TrainingError), advised(flow, TrainSettings(steps=1)):
        step()
    assert kept[0]() is None


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"),
    ],
)
def test_the_command_ends_with_1_and_one_line(tmp_path, monkeypatch, capsys, error):
    def fail(self, number):
        raise error

    monkeypatch.setattr(Trainer, "_batch_loss", fail)
    write_pictures(tmp_path / "faces", 12)
    code = main(
        [
            "train",
            "--data",
            str(tmp_path / "faces"),
            "--out",
            str(tmp_path / "run"),
            *MODEL,
            "--steps",
            "9",
            "--batch-size",
            "8",
            "--quiet",
            "--device",
            "cpu",
        ]
    )
    line = capsys.readouterr().err.splitlines()[-1]
    assert code == 1
    assert line.startswith("error: out of memory on cpu at --batch-size 8; try --batch-size 4 (with --accumulate 2")
