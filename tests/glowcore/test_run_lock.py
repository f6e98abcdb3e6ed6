"""Of two trainings in one folder the second is refused in one line, and the folder stays unchanged."""

import shutil
import signal
import subprocess
import sys

import pytest

import glowcore
from glowcore import checkpoint
from glowcore.cli import main
from glowcore.errors import CheckpointError
from glowcore.training import run_lock, saved_states
from tests.glowcore.tiny import MODEL, tree, write_pictures
from tests.glowcore.trainers import make


def test_a_second_training_is_refused_while_the_first_runs_and_changes_nothing(tmp_path, monkeypatch):
    first, second = make(tmp_path, steps=3), make(tmp_path, steps=1, hidden_channels=5)
    step, seen = first.train_step, []

    def interrupted():
        before = tree(tmp_path)
        with pytest.raises(CheckpointError, match="a training is running there") as told:
            second.run()
        seen.append(tree(tmp_path) == before and "\n" not in str(told.value))
        return step()

    monkeypatch.setattr(first, "train_step", interrupted)
    first.run()
    assert seen == [True] * 3
    assert second.step == 0
    assert glowcore.load(tmp_path, device="cpu").config.hidden_channels == 4
    assert saved_states.load_state(tmp_path / "state")["step"] == 3
    assert not (tmp_path / run_lock.NAME).exists()


def test_a_training_that_finds_a_later_state_keeps_the_model_that_goes_with_it(tmp_path):
    make(tmp_path, steps=3).run()
    before = tree(tmp_path)
    late = make(tmp_path, steps=9, hidden_channels=5)
    for call in (late.run, late.save):
        with pytest.raises(CheckpointError, match="holds a training state of step 3, later than step 0"):
            call()
        assert late.step == 0
        assert tree(tmp_path) == before


@pytest.fixture
def holder(tmp_path):
    """Start a process that holds the lock of ``run``, as a training does, until it is killed."""
    code = (
        "import fcntl, sys; f = open(sys.argv[1], 'w'); fcntl.flock(f, fcntl.LOCK_EX); print(flush=True); "
        "sys.stdin.read()"
    )
    (tmp_path / "run").mkdir()
    lock = tmp_path / "run" / run_lock.NAME
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", code, lock], **pipes) as process:
        process.stdout.readline()
        yield process
        process.kill()


def test_a_killed_training_holds_nothing(tmp_path, holder):
    with pytest.raises(CheckpointError, match="a training is running"), run_lock.alone(tmp_path / "run"):
        pass
    shutil.copytree(tmp_path / "run", tmp_path / "copy")
    run_lock.check_free(tmp_path / "copy")
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert (tmp_path / "run" / run_lock.NAME).exists()
    run_lock.check_free(tmp_path / "run")
    with run_lock.alone(tmp_path / "run"), pytest.raises(CheckpointError):
        run_lock.check_free(tmp_path / "run")
    assert tree(tmp_path / "run") == {}


@pytest.mark.parametrize("resume", [False, True])
def test_the_command_says_so_before_it_reads_a_picture(tmp_path, holder, capsys, resume):
    if resume:
        make(tmp_path / "other", steps=1).run()
        shutil.copytree(tmp_path / "other", tmp_path / "run", dirs_exist_ok=True)
    before = tree(tmp_path / "run")
    capsys.readouterr()
    argv = ["train", "--data", "nowhere", "--out", tmp_path / "run", *MODEL, "--steps", 5, "--quiet"]
    assert main([*map(str, argv), *["--resume"] * resume]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: {tmp_path / 'run'}: a training is running there")
    assert tree(tmp_path / "run") == before


def test_a_resumed_run_that_another_has_overtaken_is_refused_at_its_start(tmp_path, capsys, monkeypatch):
    """Both runs resume from step 1; the other one ends while this one still reads its pictures."""
    write_pictures(tmp_path / "faces", 24)
    argv = [
        "train",
        "--data",
        tmp_path / "faces",
        "--out",
        tmp_path / "run",
        "--batch-size",
        4,
        "--threads",
        1,
        "--quiet",
    ]
    assert main(list(map(str, [*argv, *MODEL, "--steps", 1]))) == 0
    early = saved_states.load_state(tmp_path / "run" / "state")
    assert main(list(map(str, [*argv, "--resume", "--steps", 3]))) == 0
    sha256 = checkpoint.fingerprint(tmp_path / "run")
    monkeypatch.setattr(saved_states, "load_state", lambda folder: early)
    capsys.readouterr()
    assert main(list(map(str, [*argv, "--resume", "--steps", 5]))) == 2
    assert "holds a training state of step 3, later than step 1" in capsys.readouterr().err
    assert checkpoint.fingerprint(tmp_path / "run") == sha256
