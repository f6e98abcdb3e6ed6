"""``--resume``: what it continues, keeps unchanged and refuses."""

import json
import shutil

import pytest
import torch

import glowcore
from glowcore import RealNVPConfig
from glowcore.cli import main
from glowcore.cli.model_options import meaning
from glowcore.training import Trainer, saved_states
from tests.glowcore.tiny import MODEL, pictures, tree, vectors, write_model, write_pictures
from tests.glowcore.trainers import make

SETTINGS = ["--batch-size", "4", "--warmup-steps", "1", "--threads", "1", "--quiet"]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Pictures in `faces`, others in `more`, and `run`, trained to its end of two steps and given attributes."""
    folder = tmp_path_factory.mktemp("home")
    write_pictures(folder / "faces", 24)
    write_pictures(folder / "more", 24, seed=1)
    argv = ["train", "--data", folder / "faces", "--out", folder / "run", *MODEL, *SETTINGS, "--steps", 2]
    assert main([str(part) for part in argv]) == 0
    model = glowcore.load(folder / "run", device="cpu")
    model.attributes = vectors(model)
    glowcore.save(model, folder / "run")
    return folder


@pytest.fixture
def run(home, tmp_path):
    shutil.copytree(home / "run", tmp_path / "run")
    return tmp_path / "run"


def train(home, out, *argv, data="faces"):
    given = ["train", "--data", home / data, "--out", out, "--quiet", "--threads", 1, *argv]
    return main([str(part) for part in given])


def refused(capsys, home, out, *argv, **other):
    """Return the line of a command that must fail with a user's mistake and change nothing."""
    before = tree(out)
    assert train(home, out, *argv, **other) == 2
    found = capsys.readouterr()
    assert found.out == ""
    assert found.err.startswith("error: ")
    assert len(found.err.splitlines()) == 1, found.err
    assert tree(out) == before
    return found.err


def test_a_run_with_nothing_left_to_do_is_left_as_it_is(home, run, capsys):
    before = tree(run)
    assert "attributes.safetensors" in before
    capsys.readouterr()
    for argv in ([], ["--steps", 1], ["--learning-rate", "1e-4"]):
        assert train(home, run, "--resume", *argv) == 0
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith(f"the run in {run} has ended at step 2, nothing is left to do; give a later --steps")
    assert tree(run) == before


def test_a_run_that_goes_on_loses_the_attributes_of_its_old_weights(home, run, capsys):
    capsys.readouterr()
    assert train(home, run, "--resume", "--steps", 3) == 0
    assert "fit them again" in capsys.readouterr().err
    assert glowcore.load(run, device="cpu").attributes is None


def test_an_end_that_was_never_evaluated_still_is(home, tmp_path, capsys, monkeypatch):
    """A signal saves without an evaluation; resumed with an earlier end, the run ends at once."""

    def stopped(self, of=Trainer.train_step):
        self.stop_signal = 2
        return of(self)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "train_step", stopped)
        assert train(home, tmp_path / "run", *MODEL, *SETTINGS, "--steps", 9) == 130
    assert not (tmp_path / "run" / "log.jsonl").exists()
    capsys.readouterr()
    assert train(home, tmp_path / "run", "--resume", "--steps", 1) == 0
    assert "at its end already, at step 1: it is evaluated, not trained" in capsys.readouterr().err
    assert [entry["step"] for entry in log(tmp_path / "run")] == [1]


def test_a_signal_before_the_first_step_leaves_the_folder_as_it_is(home, run, monkeypatch):
    before = tree(run)
    monkeypatch.setattr(Trainer, "_resume_point", lambda self: setattr(self, "stop_signal", 2))
    assert train(home, run, "--resume", "--steps", 9) == 130
    assert tree(run) == before


def log(run):
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


def test_another_optimizer_is_refused(home, run, capsys):
    line = refused(capsys, home, run, "--resume", "--steps", 3, "--optimizer", "adamax")
    assert "--optimizer adamax cannot go on with the state of adam" in line
    assert train(home, run, "--resume", "--steps", 3, "--optimizer", "adam") == 0


def test_another_family_is_refused(home, run, tmp_path, capsys):
    line = refused(capsys, home, run, "--resume", "--steps", 3, "--model", "nice")
    assert f"--model nice differs from glow of the model in {run}" in line
    source = write_model(tmp_path / "source", attributes=False)
    line = refused(capsys, home, tmp_path / "new", "--init-from", source, "--steps", 1, "--model", "realnvp")
    assert f"--model realnvp differs from glow of the model in {source}" in line
    assert train(home, tmp_path / "new", "--init-from", source, "--steps", 1, "--model", "glow") == 0
    assert train(home, run, "--resume", "--steps", 3, "--model", "glow") == 0


def test_a_setting_is_compared_by_what_it_means(home, run, tmp_path, capsys):
    alike = ("--image-size", "8x8", "--steps-per-level", "1,1", "--hidden-channels", "4,4", "--num-levels", 2)
    source = write_model(tmp_path / "source", attributes=False)
    assert train(home, tmp_path / "new", "--init-from", source, "--steps", 1, *alike) == 0
    capsys.readouterr()
    for given in (("--image-size", "8x16"), ("--steps-per-level", "1,2"), ("--hidden-channels", "4,4,4")):
        line = refused(capsys, home, tmp_path / "other", "--init-from", source, "--steps", 1, *given)
        assert f"{' '.join(given)} differs from " in line
    line = refused(capsys, home, tmp_path / "other", "--init-from", source, "--steps", 1, "--no-class-head")
    assert "--no-class-head differs from True of the model" in line


def test_one_width_of_a_real_nvp_is_doubled_by_level_and_not_meant_by_a_list():
    config = RealNVPConfig(image_size=8, num_levels=2, hidden_channels=4)
    assert meaning("hidden_channels", (4, 4), config) != meaning("hidden_channels", 4, config)
    assert meaning("steps_per_level", (3, 3), config) == meaning("steps_per_level", 3, config)


def test_weights_come_from_one_place(home, run, tmp_path, capsys):
    source = write_model(tmp_path / "source")
    line = refused(capsys, home, run, "--resume", "--init-from", source, "--steps", 3)
    assert str(source) in line
    assert "--resume" in line


def test_other_pictures_are_refused(home, run, capsys):
    capsys.readouterr()
    line = refused(capsys, home, run, "--resume", "--steps", 3, data="more")
    assert f"the training pictures are not those of the run in {run}: 23 of 3x8x8" in line
    assert f"--init-from {run}" in line


def test_a_state_of_another_layout_is_refused(home, run, capsys, monkeypatch):
    monkeypatch.setattr(saved_states, "LAYOUT", saved_states.LAYOUT + 1)
    capsys.readouterr()
    line = refused(capsys, home, run, "--resume", "--steps", 3)
    assert f"{run}/state/step-2: a training state of layout {saved_states.LAYOUT - 1}, expected" in line
    assert "--init-from" in line


def test_pictures_are_counted_over_sittings_of_other_batches(tmp_path):
    make(tmp_path / "run", steps=3, batch_size=5, accumulate=2).run()
    second = make(tmp_path / "run", steps=5, batch_size=2)
    second.load_state(saved_states.load_state(tmp_path / "run" / "state"))
    assert second.images_seen == 30
    second.run()
    assert [entry["images"] for entry in log(tmp_path / "run")] == [30, 34]


def test_pictures_of_steps_that_were_taken_back_do_not_count(tmp_path):
    trainer = make(tmp_path / "run", steps=9, batch_size=4)
    trainer.train_step()
    trainer.save()
    trainer.train_step()
    assert trainer.images_seen == 8
    trainer._restore("a test")
    assert (trainer.step, trainer.images_seen) == (1, 4)


def test_a_resumed_run_is_judged_by_the_same_pictures(tmp_path):
    held_out = pictures(40, seed=1)
    first = make(tmp_path / "run", held_out=held_out, steps=2)
    first.run()
    again = make(tmp_path / "run", held_out=held_out, steps=3)
    again.load_state(saved_states.load_state(tmp_path / "run" / "state"))
    assert torch.equal(again.held_out, first.held_out)
    assert not torch.equal(first.held_out, held_out[:4])


def test_a_state_without_its_model_is_not_written_over(home, run, tmp_path, capsys):
    shutil.copytree(run / "state", tmp_path / "left" / "state")
    line = refused(capsys, home, tmp_path / "left", *MODEL, *SETTINGS, "--steps", 1)
    assert "holds the state of a run" in line
    assert "another folder" in line


def test_an_empty_folder_of_states_is_no_point_to_go_back_to(tmp_path):
    (tmp_path / "run" / "state").mkdir(parents=True)
    trainer = make(tmp_path / "run", steps=2)
    trainer._resume_point()
    assert saved_states.saved_steps(tmp_path / "run" / "state") == [0]


def test_a_resumed_run_keeps_the_precision_that_was_chosen_for_it(home, tmp_path, monkeypatch, capsys):
    """It is chosen by a measurement, which may come out otherwise the next time."""
    monkeypatch.setattr("glowcore.training.trainer.has_fast_bfloat16", lambda device: True)
    assert train(home, tmp_path / "run", *MODEL, *SETTINGS, "--steps", 1) == 0
    monkeypatch.setattr("glowcore.training.trainer.has_fast_bfloat16", lambda device: False)
    told = "the run keeps its precision, bfloat16; here --precision auto chooses float32\n"
    for steps, given, precision, lines in (
        (2, (), "bfloat16", 1),
        (3, ("--precision", "bfloat16"), "bfloat16", 0),
        (4, ("--precision", "auto"), "float32", 0),
        (5, (), "float32", 0),
    ):
        capsys.readouterr()
        assert train(home, tmp_path / "run", "--resume", "--steps", steps, *given) == 0
        assert capsys.readouterr().err.count(told) == lines
        metadata = glowcore.load(tmp_path / "run", device="cpu").metadata
        assert metadata["training"]["settings"]["precision"] == precision
