"""The examples run as README.md says, and a wrong argument is one line."""

from __future__ import annotations

import ast
import importlib
import os
import runpy
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import torch

from glowcore.errors import ConfigError
from glowcore.priors import noise_log_prob

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("target", ["app", "test", "proof"])
def test_make_installs_the_project_itself_that_examples_find_it(tmp_path, target):
    """Besides what it needs; without the dependencies, which are there, and from where it lies."""
    for name in ("Makefile", "pyproject.toml", "requirements.txt", "requirements-dev.txt"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    command = ["make", "--dry-run", target, f"PYTHON={sys.executable}"]
    steps = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout.splitlines()
    needs = next(i for i, step in enumerate(steps) if "-r requirements.txt" in step)
    (project,) = (i for i, step in enumerate(steps) if step.endswith(" --no-deps --editable ."))
    assert needs < project < len(steps) - 1


def test_the_programs_of_an_installation_are_the_command_lines():
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert set(scripts) == {"glowcore", "glowcore-explorer"}
    for script in scripts.values():
        module, _, name = script.partition(":")
        with pytest.raises(SystemExit) as end:
            getattr(importlib.import_module(module), name)(["--help"])
        assert end.value.code == 0


def test_own_parts_are_trained_saved_and_exact(tmp_path, capsys):
    example = runpy.run_path(str(ROOT / "examples" / "own_parts.py"))
    first = example["main"](str(tmp_path / "own.pt"), count=0)
    assert example["main"](str(tmp_path / "own.pt"), count=30) <= first - 0.5
    assert "weights in" in capsys.readouterr().out
    model = example["build"]()
    model.load_state_dict(torch.load(tmp_path / "own.pt"))
    x = torch.rand(1, 1, 8, 8, dtype=torch.float64)
    model.double()
    with pytest.raises(ConfigError, match=r"^this model has no classes, expected no labels y$"):
        model.encode(x, [0])
    latents = model.encode(x)
    assert (model.decode(latents) - x).abs().max() <= 1e-9
    slope = torch.func.jacrev(lambda v: model.encode(v).flatten()[0])(x).reshape(64, 64)
    expected = noise_log_prob(latents.flatten()[:, :, None, None]) + slope.slogdet()[1]
    assert (latents.log_prob - expected).abs() <= 1e-9


PACKAGES = [
    ("digits.py digits", "scikit-learn"),
    ("own_parts.py own.pt", "scikit-learn"),
    (f"judge_digits.py {ROOT}/pretrained/digits digits", "scikit-learn"),
    ("draw_training.py out.png log.jsonl", "matplotlib"),
    ("draw_how_it_works.py --model model --out out", "matplotlib"),
]


@pytest.mark.parametrize(("command", "package"), PACKAGES)
def test_an_example_without_a_package_that_it_needs_is_one_line(tmp_path, monkeypatch, command, package):
    program, *arguments = command.split()
    for module in ("sklearn", "sklearn.datasets", "sklearn.linear_model", "sklearn.neighbors", "matplotlib"):
        monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [program, "--help"])
    with pytest.raises(SystemExit, match=r"^0$"):
        runpy.run_path(str(ROOT / "examples" / program), run_name="__main__")
    monkeypatch.setattr(sys, "argv", [program, *arguments])
    with pytest.raises(SystemExit, match=rf"^error: {package}, .* is not installed; pip install {package}$"):
        runpy.run_path(str(ROOT / "examples" / program), run_name="__main__")


@pytest.mark.parametrize("command", [command for command, _ in PACKAGES])
def test_an_example_does_not_call_a_package_missing_that_lacks_another(tmp_path, monkeypatch, command):
    program, *arguments = command.split()
    for module in [name for name in sys.modules if name.split(".")[0] in ("sklearn", "matplotlib")]:
        monkeypatch.delitem(sys.modules, module)
    for name in ("sklearn", "matplotlib"):
        (tmp_path / f"{name}.py").write_text("import absent")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [program, *arguments])
    with pytest.raises(ModuleNotFoundError, match=r"^No module named 'absent'$"):
        runpy.run_path(str(ROOT / "examples" / program), run_name="__main__")


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("edit_a_photo.py notes.txt out.png", "not a picture"),
        ("digits.py notes.txt", "notes.txt"),
        ("draw_training.py out.png gone.jsonl", "gone.jsonl"),
        ("draw_training.py out.png notes.txt", "not the logs of runs"),
        ("judge_digits.py gone digits", "gone"),
        ("draw_how_it_works.py --model gone --out NEW", "gone"),
        ("draw_how_it_works.py --model notes.txt --out notes.txt", "notes.txt"),
    ],
)
def test_a_wrong_argument_of_an_example_is_one_line(tmp_path, monkeypatch, capsys, command, said):
    (tmp_path / "notes.txt").write_text("no picture")
    program, *arguments = command.split()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [program, *arguments])
    with pytest.raises(SystemExit) as end:
        runpy.run_path(str(ROOT / "examples" / program), run_name="__main__")
    assert said in end.value.code  # Python prints the words and exits with 1
    assert "\n" not in end.value.code
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.py")), ids=lambda path: path.stem)
def test_an_example_explains_itself_and_names_its_arguments_instead_of_running(tmp_path, monkeypatch, capsys, path):
    about = ast.get_docstring(ast.parse(path.read_text())).splitlines()[0]
    monkeypatch.chdir(tmp_path)
    for arguments, code in ((["--help"], 0), ([], 2)):
        monkeypatch.setattr(sys, "argv", [path.name, *arguments])
        with pytest.raises(SystemExit) as end:
            runpy.run_path(str(path), run_name="__main__")
        assert end.value.code == code
        assert f"usage: {path.name} " in (said := "".join(capsys.readouterr()))
        assert (about in said) == (code == 0)
    assert list(tmp_path.iterdir()) == []


def test_an_example_is_a_program_of_its_own(tmp_path):
    command = [sys.executable, str(ROOT / "examples" / "edit_a_photo.py"), "gone.jpg", "out.png"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=environment)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1, done.stderr
    assert "gone.jpg" in done.stderr
