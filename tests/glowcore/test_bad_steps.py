"""Steps with a loss or gradient that is not finite are skipped; too many in a row restore the last saved state."""

import math

import pytest
import torch

import glowcore
from glowcore.cli import main
from glowcore.errors import TrainingError
from glowcore.models import RealNVPConfig, build
from glowcore.training import Trainer, TrainSettings, saved_states
from glowcore.training import trainer as trainer_module
from tests.glowcore.tiny import MODEL, pictures, write_pictures
from tests.glowcore.trainers import OUT, equal, make, tensors


def break_input(trainer, step):
    """Put a NaN into one dequantised picture of the batch."""
    real = trainer.model.dequantised

    def dequantised(images, generator):
        x = real(images, generator)
        if trainer.step == step:
            x[1, 0, 0, 0] = torch.nan
        return x

    trainer.model.dequantised = dequantised


def break_loss(trainer, step):
    real = trainer._batch_loss
    trainer._batch_loss = lambda number: real(number) * (math.inf if number == step else 1)


def break_gradient(trainer, step):
    """Put an infinity into the gradient of one weight; the loss stays finite."""
    weight = list(trainer.model.parameters())[3]

    def hook(gradient):
        gradient = gradient.clone()
        if trainer.step == step:
            gradient.view(-1)[-1] = -math.inf
        return gradient

    weight.register_hook(hook)


@pytest.mark.parametrize("optimizer", ["adam", "adamax"])
@pytest.mark.parametrize("step", [0, 1, 37])
@pytest.mark.parametrize("breaks", [break_loss, break_gradient, break_input])
def test_a_step_that_is_not_finite_changes_nothing_and_is_counted(tmp_path, breaks, step, optimizer):
    trainer = make(tmp_path / "run", optimizer=optimizer)
    breaks(trainer, step)
    for _ in range(step):
        assert math.isfinite(trainer.train_step())
    before = tensors(trainer)
    assert math.isnan(trainer.train_step())
    assert equal(tensors(trainer), before)
    assert (trainer.step, trainer.recovery.skipped, trainer.recovery.bad_steps) == (step + 1, 1, 1)
    assert math.isfinite(trainer.train_step())
    after = tensors(trainer)
    assert all(not torch.equal(after[part + OUT], before[part + OUT]) for part in ("model.", "average.module."))
    assert all(t.isfinite().all() for t in after.values() if t.is_floating_point())
    assert (trainer.recovery.skipped, trainer.recovery.bad_steps) == (1, 0)


def test_a_step_that_is_not_finite_moves_no_running_statistics(tmp_path):
    torch.manual_seed(0)
    config = RealNVPConfig(
        image_size=8, num_levels=2, steps_per_level=1, hidden_channels=4, residual_blocks=1, norm="batchnorm"
    )
    settings = TrainSettings(batch_size=4, steps=50, eval_pictures=4)
    trainer = Trainer(build(config), pictures(20), pictures(6, seed=1), settings, tmp_path, progress=False)
    trainer.train_step()
    before = tensors(trainer)
    hook = trainer.model.levels[0].steps[0].net.register_forward_hook(lambda module, given, out: out * torch.inf)
    assert math.isnan(trainer.train_step())
    hook.remove()
    assert equal(tensors(trainer), before)
    assert math.isfinite(trainer.train_step())
    assert not torch.equal(trainer.model.levels[0].steps[1].mean, before["model.levels.0.steps.1.mean"])


def test_five_bad_steps_in_a_row_restore_the_last_good_state_at_half_the_rate(tmp_path):
    trainer = make(tmp_path / "run", steps=30)
    trainer._resume_point()
    for _ in range(10):
        trainer.train_step()
    trainer.save()
    saved = tensors(trainer)
    real, bad = trainer._batch_loss, {"left": 5}

    def loss(number):
        if number >= 12 and bad["left"]:
            bad["left"] -= 1
            return real(number) * math.nan
        return real(number)

    trainer._batch_loss = loss
    rate = trainer.learning_rate()
    for _ in range(6):
        trainer.train_step()
    assert trainer.recovery.restores == 0
    trainer.train_step()
    assert (trainer.step, trainer.recovery.bad_steps) == (10, 0)
    assert trainer.recovery.state() == {"skipped": 5, "restores": 1, "healthy": False}
    assert equal(tensors(trainer), saved)
    assert trainer.learning_rate() == rate / 2
    trainer.run()
    assert trainer.step == 30
    kept = saved_states.load_state(tmp_path / "run" / "state")["recovery"]
    assert kept == trainer.recovery.state() == {"skipped": 5, "restores": 1, "healthy": True}


def test_the_next_evaluation_is_due_as_long_after_a_restored_state_as_after_any(tmp_path, monkeypatch):
    """The first evaluation is bad and saves nothing, so bad steps restore the state of step 0."""
    trainer = make(tmp_path / "run", steps=12, eval_minutes=6)
    step, loss, evaluate = trainer.train_step, trainer._batch_loss, trainer_module.divergence
    evaluated = []

    def a_minute():
        trainer.seconds += 60
        return step()

    def judged(*args, **kwargs):
        evaluated.append(trainer.step)
        return "bad" if len(evaluated) == 1 else evaluate(*args, **kwargs)

    trainer.train_step = a_minute
    trainer._batch_loss = lambda n: loss(n) * (math.nan if n >= 6 and not trainer.recovery.restores else 1)
    monkeypatch.setattr(trainer_module, "divergence", judged)
    trainer.run()
    assert trainer.recovery.restores == 1
    assert evaluated == [6, 6, 12]


def test_four_bad_steps_and_a_good_one_restore_nothing(tmp_path):
    trainer = make(tmp_path / "run", steps=40)
    real = trainer._batch_loss
    trainer._batch_loss = lambda number: real(number) * (1 if number % 5 == 4 else math.nan)
    trainer.run()
    assert (trainer.step, trainer.recovery.skipped, trainer.recovery.restores) == (40, 32, 0)


def test_a_run_that_stays_bad_stops_with_the_last_good_model_kept(tmp_path):
    trainer = make(tmp_path / "run", max_restores=2)
    real, calls = trainer._batch_loss, []

    def loss(number):
        calls.append(number)
        return real(number) * (math.nan if number >= 3 else 1)

    trainer._batch_loss = loss
    with pytest.raises(TrainingError, match=r"5 steps in a row.*2 restores.*learning-rate") as raised:
        trainer.run()
    assert "\n" not in str(raised.value)
    # Three sessions of three good and five bad steps, each from the same state.
    assert calls == [*range(8)] * 3
    assert all(t.isfinite().all() for t in tensors(trainer).values() if t.is_floating_point())
    kept = glowcore.load(tmp_path / "run", device="cpu")
    with torch.no_grad():
        assert kept.encode(pictures(2)).log_prob.isfinite().all()


def test_the_command_ends_with_1_when_training_fails(tmp_path, monkeypatch, capsys):
    real = Trainer._batch_loss
    monkeypatch.setattr(Trainer, "_batch_loss", lambda self, number: real(self, number) * math.nan)
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
            "99",
            "--batch-size",
            "2",
            "--quiet",
        ]
    )
    found = capsys.readouterr()
    assert code == 1
    assert found.out == ""
    assert found.err.splitlines()[-1].startswith("error: loss or gradient not finite")
    glowcore.load(tmp_path / "run", device="cpu")
