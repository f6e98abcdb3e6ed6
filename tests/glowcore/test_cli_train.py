"""Training through the command line in separate processes: an interrupted run resumes bit for bit."""

import os
import random
import shlex
import signal
import subprocess
import sys
import time
from argparse import Namespace

import pytest
import torch

import glowcore
from glowcore import checkpoint
from glowcore.cli import main, train_report
from glowcore.training import Trainer, saved_states
from glowcore.training.distributed import Processes
from tests.glowcore.tiny import MODEL, model, write_model, write_pictures
from tests.glowcore.trainers import make

SETTINGS = [
    "--batch-size",
    "4",
    "--warmup-steps",
    "3",
    "--ema-decay",
    "0.9",
    "--eval-pictures",
    "2",
    "--seed",
    "5",
    "--threads",
    "1",
    "--memory",
    "full",
    "--quiet",
]


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    return write_pictures(tmp_path_factory.mktemp("data") / "faces", 24)


def command(faces, out, *argv):
    return [sys.executable, "-m", "glowcore", *run_of(faces, out), *map(str, argv)]


def run_of(faces, out):
    """Train on the CPU, since a GPU sums in any order."""
    return ["train", "--data", str(faces), "--device", "cpu", "--out", str(out)]


def train(faces, out, *argv):
    assert main([*run_of(faces, out), *map(str, argv)]) == 0


def train_elsewhere(*args):
    """Train in a process of its own."""
    done = subprocess.run(command(*args), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""


def interrupt(number, faces, out, *argv):
    """Start a run and send it a signal after its first save; return exit code and stderr."""
    with subprocess.Popen(command(faces, out, *argv), stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 120
        while process.poll() is None and time.monotonic() < deadline:
            if max(saved_states.saved_steps(out / "state"), default=0) > 0:
                process.send_signal(number)
                break
            time.sleep(0.02)
        return process.wait(timeout=120), process.stderr.read()


def assert_same_run(a, b):
    """Return the bytes of the averaged weights, and the values of the saved state."""
    assert (a / "model.safetensors").read_bytes() == (b / "model.safetensors").read_bytes()
    one, two = (saved_states.load_state(folder / "state") for folder in (a, b))
    assert one["step"] == two["step"]
    assert one["monitor"]["smooth_loss"] == two["monitor"]["smooth_loss"]  # of the same pictures with the same noise
    for part in ("model", "average"):
        assert one[part].keys() == two[part].keys()
        assert all(torch.equal(one[part][name], two[part][name]) for name in one[part])
    assert one["averaged_steps"] == two["averaged_steps"]
    moments, others = one["optimizer"]["state"], two["optimizer"]["state"]
    assert moments.keys() == others.keys()
    assert moments
    for index in moments:
        assert all(torch.equal(moments[index][name], others[index][name]) for name in moments[index])
    assert one["optimizer"]["param_groups"] == two["optimizer"]["param_groups"]


def test_two_n_steps_equal_n_and_a_new_process_and_n(tmp_path, faces):
    """N is the step at which Ctrl-C interrupts the run, after evaluations and saves."""
    halves, whole = tmp_path / "halves", tmp_path / "whole"
    code, words = interrupt(signal.SIGINT, faces, halves, *MODEL, *SETTINGS, "--steps", 10**6, "--eval-minutes", 0.001)
    assert code == 130, words
    assert "stopping after this step" in words
    assert "Traceback" not in words
    steps = saved_states.saved_steps(halves / "state")[0]
    # Options that are left out keep their value; only the end is new.
    train_elsewhere(faces, halves, "--resume", "--steps", 2 * steps, "--threads", 1, "--quiet")
    train(faces, whole, *MODEL, *SETTINGS, "--steps", 2 * steps)
    assert_same_run(halves, whole)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_saves_and_stops_and_the_run_goes_on_bit_for_bit(tmp_path, faces, monkeypatch, number, code):
    real = Trainer.train_step

    def step(trainer):
        if trainer.step == 3:
            os.kill(os.getpid(), number)
        return real(trainer)

    handlers = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    argv = run_of(faces, tmp_path / "run")
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "train_step", step)
        assert main([*argv, *MODEL, *SETTINGS, "--steps", "7"]) == code
    assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)] == handlers
    assert saved_states.saved_steps(tmp_path / "run" / "state")[0] == 4
    assert main([*argv, "--resume", "--quiet"]) == 0
    argv[-1] = str(tmp_path / "whole")
    assert main([*argv, *MODEL, *SETTINGS, "--steps", "7"]) == 0
    assert_same_run(tmp_path / "run", tmp_path / "whole")


@pytest.mark.proof
def test_sigterm_at_twenty_random_times_changes_nothing(tmp_path, faces):
    """Also during start, evaluation or save; each time the next process resumes from there."""
    rng, stopped, whole = random.Random(0), tmp_path / "stopped", tmp_path / "whole"
    argv = [*MODEL, *SETTINGS, "--steps", 10**6, "--eval-minutes", 0.001]
    codes, steps, started = [], [], None
    while len(codes) < 20 or (codes.count(143) < 5 and len(codes) < 60):  # before it trains, SIGTERM has no handler
        with subprocess.Popen(
            command(faces, stopped, *(argv if started is None else ["--resume", "--threads", 1])),
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            begun = time.monotonic()
            if started is None:  # how long a start takes here
                while not saved_states.saved_steps(stopped / "state"):
                    time.sleep(0.02)
                started = time.monotonic() - begun
            time.sleep(rng.uniform(0, 1.5 * started))
            process.send_signal(signal.SIGTERM)
            codes.append(process.wait(timeout=120))
            words = process.stderr.read()
        assert codes[-1] in (143, -signal.SIGTERM), words
        assert "Traceback" not in words
        steps.append(saved_states.load_state(stopped / "state")["step"])
    assert codes.count(143) >= 5
    assert steps == sorted(steps)
    train(faces, stopped, "--resume", "--steps", 2 * steps[-1], "--threads", 1, "--quiet")
    train(faces, whole, *MODEL, *SETTINGS, "--steps", 2 * steps[-1])
    assert_same_run(stopped, whole)


@pytest.mark.parametrize("command", ["train", "evaluate"])
@pytest.mark.parametrize("seed", [2**32, 2**70, -1])
def test_a_seed_no_generator_takes_is_one_line_with_the_bounds_in_digits(tmp_path, faces, capsys, command, seed):
    where = ["--out", tmp_path / "run", *MODEL, "--steps", "1"] if command == "train" else ["--model", tmp_path]
    argv = [command, "--data", faces, *where, f"--seed={seed}"]
    assert main([str(part) for part in argv]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"seed is {seed}, expected" in line
    assert line.endswith("0 to 4294967295")
    assert list(tmp_path.iterdir()) == []


def test_init_from_takes_the_weights_and_nothing_else(tmp_path, faces, capsys):
    source = write_model(tmp_path / "source", num_levels=1)
    argv = ["train", "--data", faces, "--out", tmp_path / "run", "--init-from", source, *SETTINGS]
    assert main([*map(str, argv), "--steps", "1", "--learning-rate", "1e-12"]) == 0
    assert "attributes" in capsys.readouterr().err
    weights = glowcore.load(source, device="cpu").state_dict()
    state = saved_states.load_state(tmp_path / "run" / "state")
    assert state["model"].keys() == weights.keys()
    # A step of 1e-12 changes no float32 weight; actnorm is not initialised again.
    assert all(torch.allclose(state["model"][name], weights[name], rtol=0, atol=1e-9) for name in weights)
    assert state["step"] == 1
    assert state["memory"] == {"memory": "full", "anchor_every": 8}
    assert {float(moments["step"]) for moments in state["optimizer"]["state"].values()} == {1.0}
    trained = glowcore.load(tmp_path / "run", device="cpu")
    assert trained.config == glowcore.load(source, device="cpu").config
    assert trained.attributes is None


def test_init_from_does_not_pass_the_sources_pictures_off_as_its_own(tmp_path, faces):
    flow = model(num_levels=1)
    flow.metadata = {
        "temperature": 0.6,
        "data": "FairFace",
        "licence": "CC BY 4.0",
        "bits_per_dim": 1.3,
        "seeds": [],
        "init_from": [{"sha256": "earlier"}],
    }
    glowcore.save(flow, tmp_path / "source")
    short = [*SETTINGS, "--steps", "1"]
    train(faces, tmp_path / "run", "--init-from", tmp_path / "source", *short)
    found = glowcore.load(tmp_path / "run", device="cpu").metadata
    source = {"sha256": checkpoint.fingerprint(tmp_path / "source"), "data": "FairFace", "licence": "CC BY 4.0"}
    expected = {"temperature": 0.6, "init_from": [source, {"sha256": "earlier"}]}
    assert {name: value for name, value in found.items() if name != "training"} == expected
    train(faces, tmp_path / "run", "--resume", *SETTINGS, "--steps", "2")  # a run goes on with what it says of itself
    resumed = glowcore.load(tmp_path / "run", device="cpu").metadata
    assert {name: value for name, value in resumed.items() if name != "training"} == expected


def test_init_from_can_raise_the_floor_of_the_scales(tmp_path, faces):
    source = write_model(tmp_path / "source", num_levels=1)
    train(faces, tmp_path / "run", "--init-from", source, "--scale-min", 0.4, *SETTINGS, "--steps", 1)
    assert glowcore.load(tmp_path / "run", device="cpu").config.scale_min == 0.4


def test_a_class_conditional_model_learns_its_classes(tmp_path, capsys):
    for index, name in enumerate(("dark", "light")):
        write_pictures(tmp_path / "faces" / name, 20, seed=index)
    argv = ["--data", str(tmp_path / "faces"), "--out", str(tmp_path / "run"), *MODEL, *SETTINGS, "--steps", "2"]
    assert main(["train", *argv, "--num-classes", "2"]) == 0
    evaluate = ["evaluate", "--model", str(tmp_path / "run"), "--data", str(tmp_path / "faces"), "--quiet"]
    assert main(evaluate) == 0
    capsys.readouterr()
    evaluate[4] = str(tmp_path / "faces" / "dark")
    assert main(evaluate) == 2
    assert "no classes" in capsys.readouterr().err
    argv[3] = str(tmp_path / "other")
    write_pictures(tmp_path / "faces" / "third", 20, seed=2)
    assert main(["train", *argv, "--num-classes", "2"]) == 2
    assert "num_classes is 2, expected 3 for the classes of the pictures: dark, light, third" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()


def commands_in(words):
    """Return the commands that a run prints at its end."""
    return [shlex.split(line)[3:] for line in words.splitlines() if line.startswith("  python -m glowcore ")]


def test_a_run_says_what_it_trains_on_and_which_commands_go_on_from_it(tmp_path, faces, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    out = tmp_path / "a run"
    assert main([*run_of(faces, out), *MODEL, *SETTINGS, "--steps", "2"]) == 0
    said = capsys.readouterr().err
    parameters = sum(p.numel() for p in glowcore.load(out, device="cpu").parameters())
    assert said.splitlines()[0] == f"23 pictures to train on, 1 held out; {parameters:,} parameters"
    assert f"saved, in {out}; " in said
    resume, evaluate, sample = commands_in(said)
    assert resume == ["train", "--data", str(faces), "--out", str(out), "--resume", "--steps", "4"]
    assert [command[0] for command in (evaluate, sample)] == ["evaluate", "sample"]
    for command in (resume, evaluate, sample):
        assert main(command) == 0
    assert saved_states.load_state(out / "state")["step"] == 4
    assert (tmp_path / "samples.png").exists()


def test_a_run_that_was_stopped_says_how_to_go_on(tmp_path, faces, capsys, monkeypatch):
    real = Trainer.train_step

    def step(trainer):
        os.kill(os.getpid(), signal.SIGINT)
        return real(trainer)

    monkeypatch.setattr(Trainer, "train_step", step)
    assert main([*run_of(faces, tmp_path / "run"), *MODEL, *SETTINGS, "--steps", "9"]) == 130
    resume = commands_in(capsys.readouterr().err)[0]
    assert resume == ["train", "--data", str(faces), "--out", str(tmp_path / "run"), "--resume"]
    monkeypatch.setattr(Trainer, "train_step", real)
    assert main(resume) == 0
    assert saved_states.load_state(tmp_path / "run" / "state")["step"] == 9


def test_only_the_first_of_several_processes_says_what_all_of_them_see(tmp_path, capsys, monkeypatch):
    for index, name in enumerate(("dark", "light")):
        write_pictures(tmp_path / "faces" / name, 120, seed=index)
    (tmp_path / "faces" / "dark" / "torn.png").write_bytes(b"no picture")
    (tmp_path / "faces" / "dark" / "other.heic").write_text("")
    told = []
    for rank in range(2):
        monkeypatch.setattr("glowcore.cli.train.Processes.from_environment", lambda _, rank=rank: Processes(rank))
        assert (
            main(
                [*run_of(tmp_path / "faces", tmp_path / str(rank)), *MODEL, *SETTINGS, "--skip-broken", "--steps", "1"]
            )
            == 0
        )
        told.append(capsys.readouterr().err)
    assert [word in told[0] for word in ("skipped ", ".heic 1", "a model of 2 classes")] == [True] * 3
    assert told[1] == ""


def test_the_commands_that_go_on_from_a_run_are_of_its_processes_and_skip_what_it_skipped(tmp_path, capsys):
    trainer = make(tmp_path, steps=2)
    trainer.processes = Processes(0, 2)
    train_report.say_after(Namespace(data="faces", out="run", skip_broken=True), trainer)
    lines = capsys.readouterr().err.splitlines()[-3:]
    assert lines[0] == "  torchrun --nproc-per-node 2 -m glowcore train --data faces --skip-broken --out run --resume"
    assert lines[1] == "  python -m glowcore evaluate --model run --data faces --skip-broken"


@pytest.mark.parametrize(
    ("given", "minutes", "later"),
    [
        ({"steps": 4}, 1.0, "--steps 8"),
        ({"steps": 1}, 1.0, "--steps 8"),  # resumed with an earlier end
        ({"steps": None, "minutes": 1.0}, 1.05, "--minutes 2"),
        ({"steps": None, "minutes": 0.5}, 7.3, "--minutes 16"),
    ],
)
def test_a_run_at_its_end_goes_on_to_a_later_one(tmp_path, capsys, given, minutes, later):
    trainer = make(tmp_path, **given)
    trainer.step, trainer.seconds = 4, 60 * minutes
    train_report.say_after(Namespace(data="faces", out="run", skip_broken=False), trainer)
    assert f"--out run --resume {later}" in capsys.readouterr().err.splitlines()[-3]


@pytest.mark.parametrize(("steps", "warmup_steps", "told"), [(3, 5, True), (5, 5, False), (9, 5, False)])
def test_a_run_that_ends_within_its_warm_up_says_so(tmp_path, capsys, steps, warmup_steps, told):
    trainer = make(tmp_path, steps=steps, warmup_steps=warmup_steps)
    trainer.step = steps
    train_report.say_after(Namespace(data="faces", out="run", skip_broken=False), trainer)
    said = f"ended at step {steps} of {warmup_steps} of warm-up, before the learning rate reached 0.001"
    assert (said in capsys.readouterr().err) == told
