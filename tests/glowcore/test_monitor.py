"""What an evaluation shows of a run comes after what it keeps."""

import json
import os

import pytest

import glowcore
from glowcore.errors import TrainingError
from glowcore.training import saved_states
from tests.glowcore.tiny import pictures
from tests.glowcore.trainers import make


@pytest.mark.parametrize("channels", [2, 5])
def test_pictures_of_unusual_channels_are_trained_on_but_not_drawn(tmp_path, channels):
    trainer = make(tmp_path, images=pictures(20, channels=channels), held_out=pictures(6, channels=channels),
                   channels=channels, steps=2)
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
