"""The output of a run: log, samples and TensorBoard events, written after the model, and the progress bar."""

import io
import json
import math
import os

import pytest
import torch

import glowcore
from glowcore import GlowConfig, build
from glowcore.errors import TrainingError
from glowcore.training import Trainer, TrainSettings, monitor, saved_states
from glowcore.training.monitor import Monitor
from tests.glowcore.tiny import pictures
from tests.glowcore.trainers import make


@pytest.mark.parametrize("channels", [2, 5])
def test_pictures_of_unusual_channels_are_trained_on_but_not_drawn(tmp_path, channels):
    trainer = make(
        tmp_path,
        images=pictures(20, channels=channels),
        held_out=pictures(6, channels=channels),
        channels=channels,
        steps=2,
    )
    trainer.run()
    assert glowcore.load(tmp_path, device="cpu").metadata["training"]["evaluation"]["step"] == 2
    assert list((tmp_path / "tensorboard").iterdir())
    assert not (tmp_path / "samples").exists()


@pytest.mark.parametrize("name", ["log.jsonl", "samples", "tensorboard"])
def test_what_cannot_be_written_of_an_evaluation_costs_no_model_and_is_one_line(tmp_path, name):
    taken = tmp_path / name
    taken.mkdir() if name == "log.jsonl" else taken.write_text("")
    trainer = make(tmp_path, steps=2)
    with pytest.raises(TrainingError, match=f"/{name}.*: not written, .*; the last model saved is safe") as told:
        trainer.run()
    assert "\n" not in str(told.value)
    trainer.monitor.close()
    assert saved_states.load_state(tmp_path / "state")["step"] == 2
    assert glowcore.load(tmp_path, device="cpu").metadata["training"]["evaluation"]["step"] == 2


def test_a_torn_last_line_of_the_log_costs_no_other(tmp_path):
    log = tmp_path / "log.jsonl"
    log.write_bytes(b'{"step": 1}\n{"step": 2, "bits_per_dim": 1.2')
    trainer = make(tmp_path, steps=2)
    trainer.run()
    assert [json.loads(line)["step"] for line in log.read_text().splitlines()] == [1, 2]
    trainer.monitor.show()
    assert [json.loads(line)["step"] for line in log.read_text().splitlines()] == [1, 2, 2]


def test_a_folder_that_tensorboard_cannot_name_is_trained_in_without_it(tmp_path, capsys):
    out = tmp_path / os.fsdecode(b"o\xff")
    trainer = make(out, steps=2)
    trainer.run()
    trainer.monitor.show()
    assert saved_states.load_state(out / "state")["step"] == 2
    assert list((out / "samples").iterdir())
    assert not (out / "tensorboard").exists()
    assert capsys.readouterr().err.count("without TensorBoard") == 1


def run_off_a_terminal(out, monkeypatch, seconds, steps=20):
    monkeypatch.setattr(monitor, "LINE_SECONDS", seconds)
    config = GlowConfig(image_size=8, num_levels=1, steps_per_level=1, hidden_channels=4)
    trainer = Trainer(build(config), pictures(8), pictures(4), TrainSettings(batch_size=4, steps=steps), out)
    trainer.run()


def test_off_a_terminal_a_run_writes_a_line_now_and_then_and_no_bar(tmp_path, monkeypatch, capsys):
    run_off_a_terminal(tmp_path / "rarely", monkeypatch, 1000.0)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("step 20 ")  # the evaluation at the end
    run_off_a_terminal(tmp_path / "often", monkeypatch, 0.0)
    *lines, last = capsys.readouterr().err.splitlines()
    assert [line.split(" bits/dim ")[0] for line in lines] == [f"{5 * n}% step {n}" for n in range(1, 21)]
    assert last.startswith("step 20 ")


@pytest.mark.parametrize(("drift", "shown"), [(0.5, "5.0e-01"), (math.inf, "inf"), (math.nan, "nan")])
def test_a_drift_above_the_limit_or_no_number_is_warned_of(tmp_path, capsys, drift, shown):
    trainer = make(tmp_path)
    trainer.model.drift._worst = torch.tensor(drift)
    trainer.measure()
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"the inverse drifts by {shown} between anchors: gradients are no longer exact")
    assert trainer.monitor.last["drift"] == (drift if math.isfinite(drift) else None)
    trainer.model.drift._worst = torch.tensor(1e-3)
    trainer.measure()
    assert capsys.readouterr().err == ""


class Terminal(io.StringIO):
    """A stderr that claims to be a terminal."""

    def isatty(self):
        return True


def bars_of(monkeypatch, work):
    """Return the percentage of every drawing of the bar during ``work``."""
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    work()
    return [drawn.split("%")[0].strip() for drawn in terminal.getvalue().split("\r") if "%|" in drawn]


def test_on_a_terminal_the_bar_ends_full_and_once(tmp_path, monkeypatch):
    monkeypatch.setattr(monitor, "BAR_SECONDS", 0.0)

    def train():
        run_off_a_terminal(tmp_path, monkeypatch, 1000.0, steps=4)

    found = bars_of(monkeypatch, train)
    assert list(dict.fromkeys(found)) == ["0", "25", "50", "75", "100"]


def test_the_bar_of_a_resumed_run_begins_where_the_run_is(tmp_path, monkeypatch):
    trainer = make(tmp_path, steps=4)

    def again():
        trainer.monitor = Monitor(trainer, progress=True)
        trainer.load_state(saved_states.load_state(tmp_path / "state"))

    make(tmp_path, steps=4).run()
    assert bars_of(monkeypatch, again)[-1] == "100"
    trainer.monitor.close()


def test_what_is_left_of_a_resumed_run_is_told_by_what_this_sitting_has_done(tmp_path, monkeypatch):
    make(tmp_path, steps=2).run()
    trainer = make(tmp_path, steps=4)
    drawings = Terminal()
    monkeypatch.setattr("sys.stderr", drawings)
    trainer.monitor = Monitor(trainer, progress=True)
    trainer.load_state(saved_states.load_state(tmp_path / "state"))
    trainer.train_step()
    trainer.monitor.bar.start_t -= 600  # a quarter of the run took ten minutes
    trainer.monitor.close()
    assert "75%|" in drawings.getvalue()
    assert "| 10:00<10:00, step=3" in drawings.getvalue()
