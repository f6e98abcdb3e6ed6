"""What an evaluation shows of a run comes after what it keeps."""

import pytest

import glowcore
from glowcore import training_state
from glowcore.errors import TrainingError
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
    assert training_state.load_state(tmp_path / "state")["step"] == 2
    assert glowcore.load(tmp_path, device="cpu").metadata["training"]["evaluation"]["step"] == 2
