"""The training loop in one process: schedules, averages, memory modes and output."""

import json
import math
import signal
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

import glowcore
from glowcore.errors import ConfigError
from glowcore.models import GlowConfig, build
from glowcore.training import Trainer, TrainSettings, batches, saved_states
from tests.glowcore.tiny import pictures, write_model
from tests.glowcore.trainers import OUT, equal, make, tensors


def test_rate_warms_up_stays_and_falls(tmp_path):
    trainer = make(tmp_path / "run", steps=100, warmup_steps=10, decay=0.2, learning_rate=1.0)
    rates = []
    for trainer.step in range(101):
        rates.append(trainer.learning_rate())
    assert rates[:11] == pytest.approx([step / 10 for step in range(11)])
    assert rates[10:81] == pytest.approx([1.0] * 71)
    assert rates[80:] == pytest.approx([1 - step / 20 for step in range(21)])


def test_the_average_follows_its_formula(tmp_path):
    trainer = make(tmp_path / "run", ema_decay=0.3)
    name = OUT
    expected = None
    for step in range(12):
        trainer.train_step()
        weights = trainer.model.state_dict()[name].double()
        decay = min(0.3, (1 + step) / (10 + step))
        expected = weights if step == 0 else decay * expected + (1 - decay) * weights
        assert torch.allclose(trainer.averaged.state_dict()[name].double(), expected, rtol=1e-5, atol=1e-9)


def test_training_improves_and_writes_what_it_promises(tmp_path):
    trainer = make(tmp_path / "run", steps=150, learning_rate=3e-3, flip=False)
    trainer.measure()
    start = trainer.monitor.last["bits_per_dim"]
    trainer.run()
    log = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in log] == [150]
    assert log[-1]["bits_per_dim"] < start - 0.5
    assert log[-1]["images"] == 600
    for name in ("train_bits_per_dim", "images_per_second", "round_trip", "samples_finite", "skipped", "learning_rate"):
        assert math.isfinite(log[-1][name])
    assert (tmp_path / "run" / "samples" / "00000150.png").is_file()
    assert list((tmp_path / "run" / "tensorboard").iterdir())
    loaded = glowcore.load(tmp_path / "run", device="cpu")
    assert loaded.metadata["training"]["evaluation"]["bits_per_dim"] == log[-1]["bits_per_dim"]
    averaged = trainer.averaged.state_dict()
    assert all(torch.equal(tensor, averaged[name]) for name, tensor in loaded.state_dict().items())


def test_a_run_in_another_thread_installs_no_handlers(tmp_path):
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    trainer, seen = make(tmp_path, steps=3), []
    step = trainer.train_step

    def watched():
        seen.append([signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)])
        return step()

    trainer.train_step = watched
    with ThreadPoolExecutor(1) as pool:
        pool.submit(trainer.run).result()
    assert trainer.step == 3
    assert seen == [before] * 3


def test_an_evaluation_on_the_way_changes_nothing(tmp_path):
    plain, watched = make(tmp_path / "plain"), make(tmp_path / "watched")
    for _ in range(6):
        plain.train_step()
        watched.train_step()
        watched.measure()
        watched.save()
    assert equal(tensors(plain), tensors(watched))
    watched.monitor.close()


def test_a_restored_trainer_goes_on_bit_for_bit(tmp_path):
    whole = make(tmp_path / "whole", accumulate=2)
    part = make(tmp_path / "part", accumulate=2)
    for _ in range(7):
        whole.train_step()
        part.train_step()
    part.save()
    resumed = make(tmp_path / "part", accumulate=2)
    resumed.load_state(saved_states.load_state(tmp_path / "part" / "state"))
    losses = [(whole.train_step(), resumed.train_step()) for _ in range(5)]
    assert all(a == b for a, b in losses)
    assert equal(tensors(whole), tensors(resumed))


@pytest.mark.parametrize("mode", ["checkpoint", "reversible"])
def test_every_memory_mode_trains_alike(tmp_path, mode):
    """Also a check of strides: the fused optimizer silently mixes up weights and gradients of different layouts."""
    # In bfloat16 a gradient that should vanish takes its sign from rounding, and Adam steps by signs.
    full, other = (make(tmp_path / name, precision="float32") for name in ("full", mode))
    other.model.memory = mode
    for _ in range(5):
        assert other.train_step() == pytest.approx(full.train_step(), rel=1e-5)
    for name, tensor in full.model.state_dict().items():
        assert torch.allclose(other.model.state_dict()[name], tensor, rtol=1e-3, atol=1e-5), name


def test_accumulation_covers_the_pictures_of_the_large_batch(tmp_path):
    trainer = make(tmp_path / "run", batch_size=4, accumulate=5)
    seen = []
    real = batches.batch_indices

    def note(*args):
        seen.append(real(*args))
        return seen[-1]

    trainer.train_step.__globals__["batches"].batch_indices = note
    try:
        trainer.train_step()
    finally:
        trainer.train_step.__globals__["batches"].batch_indices = real
    assert sorted(torch.cat(seen).tolist()) == list(range(20))
    assert trainer.images_seen == 20


def test_class_conditional_training_sees_its_labels(tmp_path):
    labels = torch.arange(20) % 2
    images = torch.where((labels == 1)[:, None, None, None], 220, 30).to(torch.uint8).expand(20, 3, 8, 8).contiguous()
    trainer = make(tmp_path / "run", images=images, labels=labels, num_classes=2, learning_rate=1e-2)
    for _ in range(20):
        assert math.isfinite(trainer.train_step())
    assert float(trainer.model.top_prior.class_stats.detach().abs().max()) > 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"batch_size": 0},
        {"accumulate": 0},
        {"steps": 0},
        {"steps": 1.5},
        {"minutes": 0},
        {"minutes": math.inf},
        {"learning_rate": 0},
        {"learning_rate": math.nan},
        {"decay": 1.5},
        {"ema_decay": 1},
        {"seed": -1},
        {"seed": 2**32},
        {"optimizer": "sgd"},
        {"precision": "float16"},
        {"eval_pictures": 0},
        {"clip_norm": -1},
        {"max_restores": -1},
        {"learning_rate": "1e-3"},
        {"learning_rate": True},
        {"learning_rate": None},
        {"clip_norm": [1.0]},
        {"minutes": "5"},
        {"class_weight": "0"},
        {"decay": "0.5"},
        {"ema_decay": None},
        {"batch_size": True},
        {"batch_size": "4"},
        {"flip": "no"},
        {"flip": 0},
        {"flip": None},
    ],
)
def test_settings_that_no_run_can_have(wrong):
    name = next(iter(wrong))
    with pytest.raises(ConfigError, match=f"{name} is .*expected"):
        TrainSettings(**wrong)


def test_a_setting_without_a_highest_value_is_told_the_lowest():
    with pytest.raises(ConfigError, match=r"^class_weight is -1, expected a number from 0$"):
        TrainSettings(steps=1, class_weight=-1)


def test_a_run_without_an_end_is_refused():
    with pytest.raises(ConfigError, match=r"^the end of the run is missing, expected steps or minutes \(--steps N"):
        TrainSettings(batch_size=4)
    assert TrainSettings(minutes=0.5).steps is None


def test_a_model_trained_without_initialize_is_not_initialised_by_a_trainer(tmp_path):
    torch.manual_seed(0)
    model, images = build(GlowConfig(image_size=8, num_levels=2, steps_per_level=2, hidden_channels=8)), pictures(20)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    for _ in range(30):
        optimizer.zero_grad()
        model(images, generator=torch.Generator().manual_seed(0)).mean().backward()
        optimizer.step()
    weights = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    trainer = Trainer(model, images, pictures(4), TrainSettings(batch_size=4, steps=1), tmp_path, progress=False)
    assert all(torch.equal(tensor, weights[name]) for name, tensor in trainer.model.state_dict().items())


def test_numpys_numbers_become_pythons_which_a_state_can_hold():
    given = TrainSettings(
        batch_size=np.int64(4),
        steps=np.int32(7),
        learning_rate=np.float64(1e-3),
        decay=np.float32(0.5),
        flip=np.bool_(False),
    )
    assert given == TrainSettings(batch_size=4, steps=7, learning_rate=1e-3, decay=0.5, flip=False)
    assert all(type(value) in (int, float, bool, str, type(None)) for value in vars(given).values())


def test_an_evaluation_without_bounds_is_recorded_as_null(tmp_path, monkeypatch):
    """JSON has no infinity; a run must not fail because a metric is infinite."""
    monkeypatch.setattr(
        "glowcore.training.held_out_metrics.health", lambda *_: {"round_trip": 0.0, "round_trip_ood": math.inf}
    )
    trainer = make(tmp_path, steps=2)
    trainer.run()
    record = json.loads((tmp_path / "log.jsonl").read_text().splitlines()[-1])
    assert record["round_trip_ood"] is None
    assert glowcore.load(tmp_path).metadata["training"]["evaluation"]["round_trip_ood"] is None


@pytest.mark.parametrize("mode", ["full", "checkpoint", "reversible"])
def test_gradients_come_in_the_strides_of_their_weights(tmp_path, mode):
    """Gradients with other strides are copied at every step, and DistributedDataParallel warns of them."""
    trainer = make(
        tmp_path / mode,
        images=pictures(20, channels=1),
        held_out=pictures(6, channels=1),
        channels=1,
        steps_per_level=2,
        hidden_channels=8,
    )
    trainer.model.memory = mode
    trainer.train_step()
    assert any(p.shape == (8, 8, 1, 1) for p in trainer.model.parameters())
    assert [(p.stride(), p.grad.stride()) for p in trainer.model.parameters() if p.stride() != p.grad.stride()] == []


@pytest.mark.parametrize(("size", "batch_size", "looked_at"), [(64, 4, 256), (128, 4, 64), (256, 4, 16), (256, 40, 40)])
def test_weights_are_initialised_on_as_many_pictures_as_fit(tmp_path, monkeypatch, size, batch_size, looked_at):
    """256 of 64 x 64, fewer of larger ones, but never less than a batch."""
    seen = []
    monkeypatch.setattr(glowcore.Flow, "initialize", lambda flow, images: seen.append(len(images)))
    model = build(GlowConfig(image_size=size, num_levels=1, steps_per_level=1, hidden_channels=1))
    images = torch.zeros(1, 3, size, size, dtype=torch.uint8).expand(300, -1, -1, -1)
    Trainer(model, images, images[:1], TrainSettings(batch_size=batch_size, steps=1), tmp_path, progress=False)
    assert seen == [looked_at]


def test_a_loaded_model_trains_and_leaves_its_attributes_behind(tmp_path):
    source = write_model(tmp_path / "source", num_levels=1, norm="batchnorm")
    model = glowcore.load(source, device="cpu")
    assert model.attributes is not None
    before = model.levels[0].steps[0].mean.clone()
    settings = TrainSettings(batch_size=4, steps=2, eval_pictures=2)
    trainer = Trainer(model, pictures(20), pictures(4, seed=1), settings, tmp_path / "run", progress=False)
    trainer.train_step()
    assert not torch.equal(trainer.model.levels[0].steps[0].mean, before)  # statistics follow the pictures
    trainer.save()
    assert glowcore.load(tmp_path / "run", device="cpu").attributes is None


def gradients_of(model):
    return [p.grad.clone() for p in model.parameters() if p.grad is not None]


def norm_of(gradients):
    return float(torch.cat([g.flatten() for g in gradients]).double().norm())


def test_a_gradient_beyond_the_bound_is_scaled_down_to_it(tmp_path):
    plain, clipped = make(tmp_path / "plain", clip_norm=1e9), make(tmp_path / "clipped", clip_norm=0.01)
    for trainer in (plain, clipped):
        trainer.train_step()
    whole, scaled = gradients_of(plain.model), gradients_of(clipped.model)
    assert norm_of(whole) > 0.1
    assert norm_of(scaled) == pytest.approx(0.01, rel=1e-4)
    assert all(torch.allclose(b, 0.01 / norm_of(whole) * a, rtol=1e-4) for a, b in zip(whole, scaled, strict=True))
    wide = make(tmp_path / "wide", clip_norm=2 * norm_of(whole))
    wide.train_step()
    assert all(torch.equal(a, b) for a, b in zip(whole, gradients_of(wide.model), strict=True))


def test_accumulation_averages_losses_and_gradients(tmp_path):
    options = {"flip": False, "precision": "float32", "clip_norm": 1e9}
    trainer = make(tmp_path / "run", accumulate=3, **options)
    plain = make(tmp_path / "plain", **options)
    losses = []
    for part in range(3):
        rows = batches.batch_indices(20, 4, 0, part)
        losses.append(plain.model.bits_per_dim(plain.images[rows], generator=batches.step_generator(0, part)).mean())
    mean = sum(losses) / 3
    mean.backward()
    assert trainer.train_step() == pytest.approx(mean.item(), rel=1e-6)
    for a, b in zip(gradients_of(trainer.model), gradients_of(plain.model), strict=True):
        assert torch.allclose(a, b, rtol=1e-4, atol=1e-6)
