"""A run that diverges with a finite loss is restored, and stops if that does not help."""

import json
import math

import pytest
import torch

import glowcore
from glowcore.cli import main
from glowcore.errors import TrainingError
from glowcore.evaluation.ood_probes import PROBE_KINDS, ood_probes
from glowcore.training import saved_states
from glowcore.training.divergence import MOST_CONDITION, MOST_ROUND_TRIP, divergence
from glowcore.training.held_out_metrics import health
from glowcore.training.recovery import MAX_BAD_STARTS
from tests.glowcore.tiny import MODEL, write_pictures
from tests.glowcore.trainers import equal, make, tensors

GOOD = {"bits_per_dim": 3.5, "round_trip": 1e-5, "samples_finite": 1.0, "condition": 50.0}


@pytest.mark.parametrize(("bad", "words"), [
    ({"bits_per_dim": None}, "bits_per_dim is not finite"),
    ({"round_trip": None}, "round_trip is not finite"),
    ({"round_trip": 0.5}, "round_trip is 0.5, more than 0.00392"),
    ({"condition": 3e8}, "condition is 3e+08, more than 1e+07"),
    ({"condition": None}, "condition is not finite"),
    ({"samples_finite": 0.25}, "only 25% of the samples are finite"),
    ({"samples_finite": None}, "only 0% of the samples are finite"),
])  # fmt: skip
def test_what_counts_as_diverged(bad, words):
    assert divergence(GOOD) == ""
    assert divergence(GOOD | bad) == words


def test_the_limits_themselves_are_not_passed_and_what_is_not_measured_is_not_judged():
    assert divergence({"round_trip": MOST_ROUND_TRIP, "condition": MOST_CONDITION}) == ""
    assert divergence({}) == ""
    assert divergence(GOOD | {"round_trip": 0.5}, invertible=False) == ""


def diverging(monkeypatch, when):
    """Make evaluation number n measure a broken inverse if ``when(n)``."""
    real, count = health, []

    def measured(*args):
        count.append(1)
        found = real(*args)
        return found | {"round_trip": math.inf} if when(len(count)) else found

    monkeypatch.setattr("glowcore.training.held_out_metrics.health", measured)


def test_a_diverged_evaluation_goes_back_to_the_last_good_state_at_half_the_rate(tmp_path, monkeypatch):
    diverging(monkeypatch, lambda number: number == 2)
    trainer = make(tmp_path / "run", steps=20)
    trainer._resume_point()
    for _ in range(5):
        trainer.train_step()
    assert trainer._evaluate()
    saved, rate = tensors(trainer), trainer.learning_rate()
    for _ in range(3):
        trainer.train_step()
    assert not trainer._evaluate()
    assert (trainer.step, trainer.recovery.restores) == (5, 1)
    assert equal(tensors(trainer), saved)
    assert trainer.learning_rate() == rate / 2
    trainer.run()
    assert (trainer.step, trainer.recovery.restores) == (20, 1)
    records = logged(tmp_path / "run")
    assert [record["round_trip"] is None for record in records] == [False, True, False]


def test_a_run_that_ends_diverged_goes_on_from_the_good_state_and_ends_well(tmp_path, monkeypatch):
    trainer = make(tmp_path / "run", steps=8, eval_minutes=1e-9)
    diverging(monkeypatch, lambda number: number == 8)
    trainer.run()
    assert (trainer.step, trainer.recovery.restores) == (8, 1)
    assert trainer.monitor.last["round_trip"] < 1e-3
    assert saved_states.load_state(tmp_path / "run" / "state")["recovery"]["healthy"]


def test_a_run_that_stays_diverged_stops_with_the_last_good_model_kept(tmp_path, monkeypatch):
    diverging(monkeypatch, lambda number: number > 3)
    trainer = make(tmp_path / "run", steps=50, eval_minutes=1e-9, max_restores=2)
    with pytest.raises(TrainingError, match=r"^round_trip is not finite at step 4, after 2 restores.*learning-rate"):
        trainer.run()
    assert saved_states.load_state(tmp_path / "run" / "state")["step"] == 3
    recorded = glowcore.load(tmp_path / "run", device="cpu").metadata["training"]
    assert recorded["evaluation"]["round_trip"] < 1e-3
    assert recorded["diverged"] == "round_trip is not finite at step 4"


def logged(folder):
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def untrained(trainer):
    """Return whether the saved model is that of step 0."""
    state = saved_states.load_state(trainer.out / "state")
    weights = glowcore.load(trainer.out, device="cpu").state_dict()
    return state["step"] == 0 and all(torch.equal(state["average"][name], weights[name]) for name in weights)


def test_a_short_run_that_ends_diverged_begins_again_and_fails(tmp_path, monkeypatch):
    """A run with one evaluation, at the end, fails if that is bad, and keeps the initial model."""
    diverging(monkeypatch, lambda number: True)
    trainer = make(tmp_path / "run", steps=6, max_restores=2)
    with pytest.raises(TrainingError, match=r"at step 6, after 2 restores.*step 0, which no evaluation has found good"):
        trainer.run()
    records = logged(tmp_path / "run")
    assert [record["step"] for record in records] == [6, 6, 6]
    rates = [record["learning_rate"] for record in records]
    assert rates == [rates[0], rates[0] / 2, rates[0] / 4]
    assert untrained(trainer)
    assert glowcore.load(trainer.out, device="cpu").metadata["training"]["diverged"]


def test_a_run_that_is_never_good_is_given_some_evaluations_before_it_begins_again(tmp_path, monkeypatch):
    diverging(monkeypatch, lambda number: True)
    trainer = make(tmp_path / "run", steps=50, eval_minutes=1e-9, max_restores=1)
    with pytest.raises(TrainingError, match="at step 3, after 1 restores"):
        trainer.run()
    assert [record["step"] for record in logged(tmp_path / "run")] == [*range(1, MAX_BAD_STARTS + 1)] * 2
    assert untrained(trainer)


def test_a_run_may_begin_badly_and_recover(tmp_path, monkeypatch):
    diverging(monkeypatch, lambda number: number < MAX_BAD_STARTS)
    trainer = make(tmp_path / "run", steps=8, eval_minutes=1e-9)
    trainer.run()
    assert (trainer.step, trainer.recovery.restores) == (8, 0)
    assert [record["step"] for record in logged(tmp_path / "run")] == [*range(1, 9)]
    assert "diverged" not in glowcore.load(trainer.out, device="cpu").metadata["training"]


def test_what_was_found_diverged_is_not_saved_by_a_signal_either(tmp_path, monkeypatch):
    diverging(monkeypatch, lambda number: True)
    trainer = make(tmp_path / "run", steps=50, eval_minutes=1e-9)
    real = trainer.train_step

    def step():
        if trainer.step == 1:
            trainer.stop_signal = 15
        return real()

    trainer.train_step = step
    trainer.run()
    assert trainer.step == 2
    assert untrained(trainer)


def test_the_command_ends_with_1_and_the_next_sitting_clears_the_failure(tmp_path, monkeypatch, capsys):
    faces = write_pictures(tmp_path / "faces", 12)
    argv = ["train", "--data", str(faces), "--out", str(tmp_path / "run"), "--batch-size", "2", "--quiet"]
    with monkeypatch.context() as patch:
        diverging(patch, lambda number: True)
        assert main([*argv, *MODEL, "--steps", "3"]) == 1
    found = capsys.readouterr()
    assert found.out == ""
    assert found.err.splitlines()[-1].startswith("error: round_trip is not finite at step 3, after 3 restores")
    assert main([*argv, "--resume", "--learning-rate", "1e-4"]) == 0
    assert "diverged" not in glowcore.load(tmp_path / "run", device="cpu").metadata["training"]


def test_probes_are_recorded_and_judge_nothing(tmp_path, monkeypatch):
    """A sound model with a lower bound on its scales inverts some probes badly in float32."""
    monkeypatch.setattr("glowcore.training.held_out_metrics.health", lambda *_: GOOD | {"round_trip_ood": math.inf})
    trainer = make(tmp_path / "run", steps=2)
    trainer.run()
    (record,) = logged(tmp_path / "run")
    assert record["round_trip_ood"] is None
    odd = torch.from_numpy(ood_probes((3, 8, 8), len(PROBE_KINDS))[1])
    generators = [torch.Generator().manual_seed(number) for number in range(len(odd))]
    with torch.no_grad():
        by_hand = trainer.averaged.bits_per_dim(odd, generator=generators).double().mean()
    assert record["bits_per_dim_ood"] == pytest.approx(float(by_hand), rel=1e-6)


def test_a_resumed_run_knows_whether_its_state_was_good(tmp_path, monkeypatch):
    first = make(tmp_path / "run", steps=4)
    first.run()
    diverging(monkeypatch, lambda number: number == 1)
    second = make(tmp_path / "run", steps=6)
    second.load_state(saved_states.load_state(tmp_path / "run" / "state"))
    assert second.recovery.healthy
    second.run()
    assert (second.step, second.recovery.restores) == (6, 1)


def test_a_held_out_likelihood_that_is_no_number_is_no_good_end(tmp_path, monkeypatch):
    monkeypatch.setattr("glowcore.training.held_out_metrics.noisy_bits_per_dim", lambda *_: torch.tensor([math.nan]))
    trainer = make(tmp_path / "run", steps=3, max_restores=0)
    with pytest.raises(TrainingError, match="bits_per_dim is not finite at step 3, after 0 restores"):
        trainer.run()
    assert logged(tmp_path / "run")[0]["bits_per_dim"] is None
