"""What an evaluation shows of a run comes after what it keeps."""

import pytest

import glowcore
from glowcore import training_state
from tests.glowcore.test_training import make
from tests.glowcore.tiny import pictures


@pytest.mark.parametrize("channels", [2, 5])
def test_pictures_of_unusual_channels_are_trained_on_but_not_drawn(tmp_path, channels):
    trainer = make(tmp_path, images=pictures(20, channels=channels), held_out=pictures(6, channels=channels),
                   channels=channels, steps=2)
    trainer.run()
    assert glowcore.load(tmp_path, device="cpu").metadata["training"]["evaluation"]["step"] == 2
    assert list((tmp_path / "tensorboard").iterdir())
    assert not (tmp_path / "samples").exists()


def test_a_sheet_that_cannot_be_drawn_costs_no_model(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("glowcore.monitor.grid", full)
    trainer = make(tmp_path, steps=2)
    with pytest.raises(OSError, match="No space"):
        trainer.run()
    trainer.monitor.close()
    assert training_state.load_state(tmp_path / "state")["step"] == 2
    assert glowcore.load(tmp_path, device="cpu").metadata["training"]["evaluation"]["step"] == 2
