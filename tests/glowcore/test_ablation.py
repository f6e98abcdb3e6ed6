"""The ablation trains what is missing, once, and its table says what its runs say."""

import dataclasses
import errno
import json
import os
import sys

import pytest
import torch

from glowcore.ablation import experiment, report
from glowcore.ablation.experiment import BASE_VARIANT, VARIANTS, Run, config_of
from glowcore.cli import main
from glowcore.errors import ConfigError
from glowcore.models import build
from glowcore.training import Trainer, run_lock
from tests.glowcore import tiny


def run(variant, seed, bits, **other):
    return (
        Run(variant, seed, {}, 1000, 64, bits, 0.01, 50.0, 1e-6, 0, 0)
        if not other
        else dataclasses.replace(run(variant, seed, bits), **other)
    )


def test_each_variant_differs_from_the_base_in_one_idea():
    base = dataclasses.asdict(config_of(BASE_VARIANT, 32))
    allowed = {"one-level": {"num_levels", "steps_per_level"}}
    for name, variant in VARIANTS.items():
        config = dataclasses.asdict(config_of(name, 32))
        changed = {key for key in base if config[key] != base[key]}
        assert changed == set(variant.changes), name
        assert len(changed) == 1 or changed == allowed[name]
    one = config_of("one-level", 32)
    assert one.num_levels * one.steps_per_level == base["num_levels"] * base["steps_per_level"]
    with pytest.raises(ConfigError, match=r"unknown variant 'lu', expected among base, reverse"):
        config_of("lu", 32)


def test_differences_are_taken_seed_by_seed():
    runs = [
        run(BASE_VARIANT, 0, 2.0),
        run("reverse", 0, 2.5),
        run("reverse", 1, 3.0),
        run(BASE_VARIANT, 1, 2.9),
        run("plain", 7, 1.0),
    ]
    assert experiment.against_base(runs, "reverse") == pytest.approx([0.5, 0.1])
    assert experiment.against_base(runs, "plain") == []
    mean, deviation = experiment.spread([1.0, 2.0, 3.0])
    assert (mean, deviation) == (2.0, 1.0)


def test_table_and_picture(tmp_path):
    runs = [run(BASE_VARIANT, s, 2.0 + 0.1 * s) for s in range(3)]
    runs += [run("reverse", s, 2.2 + 0.1 * s) for s in range(3)] + [run("additive", 0, 1.9, pixels_changed=4)]
    lines = report.table(runs).splitlines()
    assert len(lines) == 5
    assert "| 2.1000 ± 0.1000 |" in lines[2]
    assert "| 2.3000 ± 0.1000 | +0.2000 ± 0.0000 |" in lines[3]
    assert "| 1.9000 | -0.1000 |" in lines[4]
    assert "4 pixels changed" in lines[4]
    report.plot(runs, tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return str(tiny.write_pictures(tmp_path_factory.mktemp("data") / "faces", count=30, table=True))


def ablate(data, out, *more):
    return main(
        [
            "ablate",
            "--data",
            data,
            "--image-size",
            "8",
            "--variants",
            "base",
            "shuffle",
            "--seeds",
            "2",
            "--steps",
            "2",
            "--batch-size",
            "4",
            "--quiet",
            "--threads",
            "1",
            "--out",
            str(out),
            *more,
        ]
    )


def test_finished_runs_are_not_repeated(tmp_path, data, monkeypatch, capsys):
    out = tmp_path / "out"
    out.mkdir()
    assert ablate(data, out, "--seeds", "1") == 0
    first = (out / "runs.jsonl").read_text()
    assert [json.loads(line)["variant"] for line in first.splitlines()] == ["base", "shuffle"]
    trained = []
    monkeypatch.setattr(Trainer, "run", lambda self, of=Trainer.run: (trained.append(self.settings.seed), of(self)))
    assert ablate(data, out) == 0
    assert trained == [1, 1]
    assert (out / "runs.jsonl").read_text().startswith(first)
    assert not list((out / "runs").glob("*/state"))
    capsys.readouterr()
    assert ablate(data, out, "--json") == 0
    assert trained == [1, 1]
    runs = json.loads(capsys.readouterr().out)["runs"]
    assert len(runs) == 4
    assert {r["images"] for r in runs} == {8}
    assert (out / "ablation.md").read_text() == report.table(experiment.read_runs(out))


def test_runs_on_other_pictures_are_not_mixed_in(tmp_path, data, capsys):
    assert ablate(data, tmp_path / "out", "--seeds", "1") == 0
    other = tiny.write_pictures(tmp_path / "other", count=30, table=True, seed=1)
    capsys.readouterr()
    assert ablate(str(other), tmp_path / "out") == 2  # as many pictures, of the same size
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("holds runs of other settings or pictures; give the same ones, or another --out")
    assert len(experiment.read_runs(tmp_path / "out")) == 2


def test_broken_pictures_are_left_out_on_request(tmp_path, capsys):
    faces = tiny.write_pictures(tmp_path / "faces", count=30)
    (faces / "notes.jpg").write_text("no picture")
    assert ablate(str(faces), tmp_path / "out", "--seeds", "1") == 2
    assert "--skip-broken" in capsys.readouterr().err
    assert ablate(str(faces), tmp_path / "out", "--seeds", "1", "--skip-broken") == 0
    assert capsys.readouterr().err.count("skipped notes.jpg: ") == 1


def test_seeds_change_the_run_and_alike_seeds_do_not(tmp_path, data):
    assert ablate(data, tmp_path / "a") == 0
    assert ablate(data, tmp_path / "b") == 0
    a, b = ({(r.variant, r.seed): r.bits_per_dim for r in experiment.read_runs(tmp_path / n)} for n in "ab")
    assert a == b
    assert a["base", 0] != a["base", 1]


@pytest.fixture
def interrupt(monkeypatch):
    """Runs a command whose first step of training is ended by a signal."""

    def stopped(self, of=Trainer.train_step):
        self.stop_signal = number
        return of(self)

    def call(*command, by=2):
        nonlocal number
        number = by
        with monkeypatch.context() as patch:
            patch.setattr(Trainer, "train_step", stopped)
            return ablate(*command)

    number = 0
    return call


def test_an_interrupted_run_begins_again(tmp_path, data, interrupt, capsys):
    assert interrupt(data, tmp_path, "--steps", "3", "--learning-rate", "0.01") == 130  # nothing finished: no table
    assert capsys.readouterr() == ("", "interrupted; give the same command to go on\n")
    assert interrupt(data, tmp_path, by=15) == 143
    assert (tmp_path / "runs" / "base-seed0" / "state" / "step-1").is_dir()
    assert ablate(data, tmp_path) == 0
    whole = tmp_path / "whole"
    assert ablate(data, whole) == 0
    found = {(r.variant, r.seed): r.bits_per_dim for r in experiment.read_runs(whole)}
    assert {(r.variant, r.seed): r.bits_per_dim for r in experiment.read_runs(tmp_path)} == found


def test_what_is_finished_is_told_where_the_rest_was_interrupted(tmp_path, data, interrupt, capsys):
    assert ablate(data, tmp_path, "--variants", "base", "--seeds", "1") == 0
    capsys.readouterr()
    assert interrupt(data, tmp_path) == 130
    found = capsys.readouterr()
    assert found.out == (tmp_path / "ablation.md").read_text()
    assert found.err.splitlines()[-1] == "interrupted; give the same command to go on"


def test_a_run_that_another_ablation_trains_is_left_alone(tmp_path, data, capsys):
    folder = tmp_path / "runs" / "base-seed0"
    with run_lock.alone(folder):
        (folder / "config.json").write_text("{}")
        assert ablate(data, tmp_path) == 2
        assert (folder / "config.json").is_file()
    told = capsys.readouterr().err.splitlines()[-1]
    assert told.startswith(f"error: {folder}: a training is running there")


def test_a_full_disk_is_told_by_file(tmp_path, data, monkeypatch, capsys):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    assert ablate(data, tmp_path, "--variants", "base", "--seeds", "1") == 0
    capsys.readouterr()
    with monkeypatch.context() as patch:
        patch.setattr("glowcore.storage.output.open", full, raising=False)
        assert ablate(data, tmp_path, "--seeds", "1") == 2
    told = capsys.readouterr().err.splitlines()[-1]
    assert told == f"error: cannot write {tmp_path}/runs.jsonl: the disk is full"
    assert [run.variant for run in experiment.read_runs(tmp_path)] == ["base"]
    assert ablate(data, tmp_path, "--seeds", "1") == 0
    assert [run.variant for run in experiment.read_runs(tmp_path)] == ["base", "shuffle"]


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (("--steps", "3"), "holds runs of other settings or pictures"),
        (("--variants", "lu"), "unknown variant 'lu'"),
        (("--variants", "base", "shuffle", "base"), "--variants names base more than once"),
        (("--image-size", "12"), "image size 12 cannot be halved 3 times"),
        (("--seeds", "0"), "--seeds is 0"),
    ],
)
def test_mistakes_are_told_in_a_line(tmp_path, data, capsys, more, told):
    (tmp_path / "runs.jsonl").write_text(json.dumps(dataclasses.asdict(run(BASE_VARIANT, 0, 2.0))) + "\n")
    assert ablate(data, tmp_path, *more) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert told in error


@pytest.mark.parametrize("out", ["file", "file/below", "gone/" + 300 * "x"])
def test_a_folder_that_cannot_be_made_is_one_line_before_any_training(tmp_path, data, capsys, monkeypatch, out):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(experiment, "run_all", None)
    if "file" in out:
        monkeypatch.setattr("glowcore.data.open_dataset", None)
    assert ablate(data, tmp_path / out) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert ("file is a file, expected a folder" if "file" in out else "cannot be made: ") in error


def test_table_only_needs_runs_and_no_data(tmp_path, capsys, monkeypatch):
    assert main(["ablate", "--table-only", "--out", str(tmp_path)]) == 2
    assert "holds no finished runs" in capsys.readouterr().err
    (tmp_path / "runs.jsonl").write_text(json.dumps(dataclasses.asdict(run(BASE_VARIANT, 0, 2.0))) + "\n")
    assert main(["ablate", "--table-only", "--out", str(tmp_path)]) == 0
    assert "2.0000" in capsys.readouterr().out
    assert (tmp_path / "ablation.png").is_file()
    (tmp_path / "ablation.png").unlink()
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert main(["ablate", "--table-only", "--out", str(tmp_path)]) == 0
    assert "no picture: matplotlib is not installed" in capsys.readouterr().err
    assert not (tmp_path / "ablation.png").exists()
    (tmp_path / "runs.jsonl").write_text("{}\n")
    assert main(["ablate", "--table-only", "--out", str(tmp_path)]) == 2
    assert "holds no runs of an ablation" in capsys.readouterr().err
    assert main(["ablate", "--out", str(tmp_path)]) == 2
    assert "--data DIR is missing: a folder of pictures to train on" in capsys.readouterr().err


@pytest.mark.parametrize(
    "given",
    [
        ("--data", "faces"),
        ("--image-size", "32"),
        ("--variants", "base"),
        ("--seeds", "3"),
        ("--steps", "1000"),
        ("--minutes", "1"),
        ("--batch-size", "16"),
        ("--learning-rate", "0.003"),
        ("--limit", "9"),
        ("--limit", "0"),
        ("--skip-broken",),
    ],
)
def test_what_is_for_training_is_refused_beside_table_only(tmp_path, capsys, given):
    """Even where it says what is the default."""
    (tmp_path / "runs.jsonl").write_text(json.dumps(dataclasses.asdict(run(BASE_VARIANT, 0, 2.0))) + "\n")
    assert main(["ablate", "--table-only", *given, "--out", str(tmp_path)]) == 2
    told = f"error: {given[0]} is for training, --table-only trains nothing; leave one out\n"
    assert capsys.readouterr().err == told
    assert not (tmp_path / "ablation.md").exists()


@torch.no_grad()
def test_a_glow_with_batch_norm_is_a_flow_without_fast_form():
    torch.manual_seed(0)
    flow = build(dataclasses.replace(config_of("batchnorm", 8), steps_per_level=1))
    batch = tiny.pictures(16)
    flow.initialize(batch)
    flow.eval()
    assert (flow.decode(flow.encode(batch)) - batch / 255).abs().max() < 1e-4
    assert flow.unrecoverable == ["BatchNorm"]
    with pytest.raises(ConfigError, match="memory 'reversible' cannot undo BatchNorm"):
        flow.memory = "reversible"
    fast = flow.fused()
    assert torch.allclose(fast.encode(batch).flatten(), flow.encode(batch).flatten(), atol=1e-5)
    # The first batch is what the statistics start from: the first step's output has mean 0 and variance 1.
    x = flow.dequantised(batch, torch.Generator().manual_seed(0))
    z, _ = flow.levels[0].steps[0](flow.levels[0].squeeze(x)[0])
    assert z.mean(dim=(0, 2, 3)).abs().max() < 1e-5
    assert (z.var(dim=(0, 2, 3), correction=0) - 1).abs().max() < 1e-3
