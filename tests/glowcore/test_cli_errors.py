"""A user's mistake gives one line that names it and exit code 2, and leaves no file behind."""

import json
import shutil
import subprocess
import sys
from types import SimpleNamespace

import pytest

import glowcore
from glowcore.cli import main
from tests.glowcore.command_line import refused
from tests.glowcore.tiny import MODEL, tree, write_model, write_pictures

TRAIN = [*MODEL, "--steps", "1", "--batch-size", "2", "--quiet"]


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shared")
    write_model(folder / "model")
    write_pictures(folder / "faces", 10)
    return folder


@pytest.fixture
def fails(tmp_path, capsys):
    """Run a command that must fail with a user's mistake and write nothing; return its line."""

    def call(*argv):
        before = tree(tmp_path)
        line = refused(capsys, *argv)
        assert tree(tmp_path) == before
        return line

    return call


@pytest.fixture
def paths(shared, tmp_path):
    """The names that most commands need; `out` is where nothing may be left."""
    picture = shared / "faces" / "0000.png"
    return SimpleNamespace(model=shared / "model", faces=shared / "faces", picture=picture, out=tmp_path / "out.png")


def test_missing_folder(fails, tmp_path, paths):
    for argv in (
        ["train", "--out", tmp_path / "run", *TRAIN],
        ["evaluate", "--model", paths.model],
        ["attributes", "--model", paths.model],
    ):
        line = fails(*argv, "--data", tmp_path / "nowhere")
        assert str(tmp_path / "nowhere") in line
        assert "a folder of" in line


def test_empty_folder(fails, tmp_path, paths):
    (tmp_path / "empty").mkdir()
    for argv in (["train", "--out", tmp_path / "run", *TRAIN], ["evaluate", "--model", paths.model]):
        line = fails(*argv, "--data", tmp_path / "empty")
        assert "no pictures" in line
        assert str(tmp_path / "empty") in line


def test_a_text_file_named_jpg(fails, tmp_path, paths, capsys):
    shutil.copytree(paths.faces, tmp_path / "faces")
    (tmp_path / "faces" / "notes.jpg").write_text("no picture", encoding="utf-8")
    train = ["train", "--data", tmp_path / "faces", "--out", tmp_path / "run", *TRAIN]
    evaluate = ["evaluate", "--model", paths.model, "--data", tmp_path / "faces", "--split", "all", "--quiet"]
    for argv in (train, evaluate):
        line = fails(*argv)
        assert "notes.jpg" in line
        assert "--skip-broken" in line
    for argv in (train, evaluate):
        assert main([*map(str, argv), "--skip-broken"]) == 0
        assert "skipped notes.jpg: " in capsys.readouterr().err
    assert (tmp_path / "run" / "model.safetensors").is_file()
    assert json.loads((tmp_path / "run" / "log.jsonl").read_text())["pictures_skipped"] == 1
    assert glowcore.load(tmp_path / "run", device="cpu").metadata["training"]["pictures_skipped"] == 1
    (tmp_path / "faces" / "more.jpg").write_text("no picture", encoding="utf-8")
    assert "2 of 12 pictures cannot be read, more than the 1 " in fails(*evaluate, "--skip-broken")


def test_train_writes_to_a_folder(fails, tmp_path, paths):
    (tmp_path / "a.png").write_bytes(b"")
    for out in (tmp_path / "a.png", tmp_path / "a.png" / "run"):
        line = fails("train", "--data", paths.faces, "--out", out, *TRAIN)
        assert f"{tmp_path / 'a.png'} is a file, expected a folder" in line


def test_no_run_to_resume(fails, tmp_path, paths):
    line = fails("train", "--data", paths.faces, "--out", tmp_path / "run", "--resume", "--steps", "1")
    assert f"{tmp_path / 'run'} holds no run to go on with; leave out --resume to start one" in line


def test_image_size_that_the_levels_cannot_halve(fails, tmp_path, paths):
    line = fails(
        "train",
        "--data",
        paths.faces,
        "--out",
        tmp_path / "run",
        "--image-size",
        "50",
        "--num-levels",
        "4",
        "--steps",
        "1",
    )
    assert "50" in line
    assert "48 or 64" in line


@pytest.mark.parametrize("argv", [["--set", "Smilign=2"], ["--set", "Smiling=1", "--lock", "Smilign"]])
def test_unknown_attribute(fails, paths, argv):
    line = fails("edit", "--model", paths.model, "--image", paths.picture, *argv, "--out", paths.out)
    assert "'Smilign'" in line
    assert "Smiling, Male, Young" in line


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Smiling=much", "'much'"),
        ("Smiling=nan", "'nan'"),
        ("Smiling=101", "'101'"),
        ("Smiling=", "''"),
        ("Smiling", "'Smiling'"),
        ("=2", "'=2'"),
    ],
)
def test_strength_that_is_none(fails, paths, text, told):
    line = fails("edit", "--model", paths.model, "--image", paths.picture, "--set", text, "--out", paths.out)
    assert told in line
    assert "expected" in line


def test_an_attribute_set_twice(fails, paths):
    line = fails(
        "edit",
        "--model",
        paths.model,
        "--image",
        paths.picture,
        "--set",
        "Male=1",
        "--set",
        "Male=2",
        "--out",
        paths.out,
    )
    assert "Male" in line


def test_a_model_without_attributes(fails, tmp_path, paths):
    write_model(tmp_path / "plain", attributes=False)
    line = fails("edit", "--model", tmp_path / "plain", "--image", paths.picture, "--set", "Male=1", "--out", paths.out)
    assert "python -m glowcore attributes" in line


def commands_that_load(paths, model):
    picture = ["--image", paths.picture, "--out", paths.out]
    return {
        "evaluate": ["--model", model, "--data", paths.faces],
        "attributes": ["--model", model, "--data", paths.faces],
        "edit": ["--model", model, "--set", "Smiling=1", *picture],
        "reconstruct": ["--model", model, *picture],
        "sample": ["--model", model, "--out", paths.out],
        "interpolate": ["--model", model, "--from", paths.picture, "--to", paths.picture, "--out", paths.out],
        "info": ["--model", model],
        "check": ["--model", model],
        "train": ["--init-from", model, "--data", paths.faces, "--out", f"{paths.out}-run", "--steps", "1"],
    }


LOADING = ["evaluate", "attributes", "edit", "reconstruct", "sample", "interpolate", "info", "train"]


@pytest.mark.parametrize("command", LOADING)
@pytest.mark.parametrize("damage", ["truncated", "empty", "flipped header", "flipped middle", "flipped end", "gone"])
def test_damaged_weights(fails, tmp_path, paths, command, damage):
    shutil.copytree(paths.model, tmp_path / "model")
    file = tmp_path / "model" / "model.safetensors"
    data = bytearray(file.read_bytes())
    if damage == "gone":
        file.unlink()
    elif damage.startswith("flipped"):
        position = {"header": 20, "middle": len(data) // 2, "end": len(data) - 1}[damage.split()[1]]
        data[position] ^= 1
        file.write_bytes(data)
    else:
        file.write_bytes(data[: len(data) - 1 if damage == "truncated" else 0])
    line = fails(command, *commands_that_load(paths, tmp_path / "model")[command])
    assert "model.safetensors" in line


@pytest.mark.parametrize("command", LOADING)
def test_no_model_there(fails, tmp_path, paths, command):
    line = fails(command, *commands_that_load(paths, tmp_path / "nowhere")[command])
    assert "nowhere" in line


@pytest.mark.parametrize("command", ["edit", "reconstruct", "sample", "interpolate"])
@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("nowhere/out.png", "does not exist"),
        ("out.bmp", ".bmp"),
        ("out", "missing"),
        ("folder.png", "it is a folder"),
        ("face.png/", "it is a folder"),
    ],
)
def test_output_that_cannot_be_written(fails, tmp_path, paths, command, name, told):
    (tmp_path / "folder.png").mkdir()
    paths.out = f"{tmp_path}/{name}"
    assert told in fails(command, *commands_that_load(paths, paths.model)[command])


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["sample", "--seeds", "a:b"], "'a:b'"),
        (["sample", "--seeds", "3:3"], "'3:3'"),
        (["sample", "--seeds=-1"], "'-1'"),
        (["sample", "--seeds", str(2**32)], str(2**32)),
        (["sample", "--seeds", "0:1000000000000"], "4096"),
        (["sample", "--seeds", "0:" + "9" * 30], "4096"),
        (["sample", "--seeds", "0:4096", "--scale", "64"], "too large"),
        (["sample", "--seeds", "0:4096", "--scale", "64", "--compare", "1"], "too large"),
        (["sample", "--seeds", "0:4096", "--columns", "4096"], "no side beyond 65500"),
        (["interpolate", "--frames", "8000"], "no side beyond 65500"),
        (["evaluate", "--seed", str(2**70)], "--seed"),
        (["check", "--seed=-1"], "--seed"),
        (["reconstruct", "--seed=-1", "--levels", "1", "--temperature", "1"], "--seed is -1"),
        (["sample", "--temperature", "hot"], "'hot'"),
        (["sample", "--temperature=-1"], "'-1'"),
        (["sample", "--temperature", "1,1,1"], "or 2 separated by commas"),
        (["sample", "--class", "0"], "no classes"),
        (["sample", "--columns", "0"], "--columns"),
        (["sample", "--scale", "0"], "--scale"),
        (["reconstruct", "--levels", "3"], "0 to 2"),
        (["reconstruct", "--temperature", "1"], "--temperature goes with --levels, expected both or no --temperature"),
        (["reconstruct", "--seed", "0"], "--seed goes with --temperature, "),
        (["reconstruct", "--levels", "1", "--seed", "7"], "--seed goes with --temperature, "),
        (["reconstruct", "--amplify", "x"], "'x'"),
        (["interpolate", "--frames", "1"], "--frames"),
        (["interpolate", "--loop"], "--loop belongs to films and out.png is a strip"),
        (["interpolate", "--rate", "0"], "--rate belongs to films"),
        (["interpolate", "--side", "64"], "--side belongs to films"),
        (["evaluate", "--batch-size", "0"], "--batch-size"),
        (["evaluate", "--limit", "0"], "limit"),
        (["evaluate", "--split", "dev"], "'dev'"),
        (["evaluate", "--threads", "0"], "--threads"),
        (["evaluate", "--device", "abacus"], "'abacus'"),
        (["attributes", "--against", "Smiling"], "NAME=OTHER"),
        (["train", "--batch-size", "0"], "batch_size"),
        (["train", "--learning-rate", "0"], "learning_rate"),
        (["train", "--decay", "2"], "decay"),
        (["train", "--minutes", "-1"], "minutes"),
        (["train", "--image-size", "8x8x8"], "'8x8x8'"),
        (["train", "--steps-per-level", "a"], "'a'"),
        (["train", "--hidden-channels", "4,4"], "hidden_channels"),
        (["train", "--resume"], "--resume"),
        (["train", "--memory", "full", "--anchor-every", "0"], "--anchor-every goes with --memory reversible, "),
    ],
)
def test_values_that_are_refused(fails, paths, argv, told):
    command, *rest = argv
    given = commands_that_load(paths, paths.model)[command]
    if command == "train":
        given = ["--data", paths.faces, "--out", paths.out.with_suffix(""), *TRAIN]
    assert told in fails(command, *given, *rest)


@pytest.mark.parametrize("image", ["nowhere.png", "notes.jpg"])
@pytest.mark.parametrize("command", ["edit", "reconstruct", "interpolate"])
def test_pictures_that_are_none(fails, tmp_path, paths, command, image):
    (tmp_path / "notes.jpg").write_text("no picture", encoding="utf-8")
    paths.picture = tmp_path / image
    assert image in fails(command, *commands_that_load(paths, paths.model)[command])


def test_models_of_unusual_channels_have_no_picture_files(fails, tmp_path, paths):
    model = write_model(tmp_path / "model", attributes=False, channels=4)
    assert "4 channels" in fails("sample", "--model", model, "--out", paths.out)


def test_a_class_is_asked_for_where_there_are_classes(fails, tmp_path, paths):
    model = write_model(tmp_path / "model", attributes=False, num_classes=3)
    for argv in ([], ["--class", "3"]):
        assert "0, 1, 2" in fails("sample", "--model", model, "--out", paths.out, *argv)


def test_train_says_when_it_should_stop_and_does_not_overwrite(fails, tmp_path, paths):
    assert "--steps" in fails("train", "--data", paths.faces, "--out", tmp_path / "run", *MODEL)
    shutil.copytree(paths.model, tmp_path / "model")
    line = fails("train", "--data", paths.faces, "--out", tmp_path / "model", *TRAIN)
    assert "--resume" in line


def test_init_from_refuses_another_config(fails, tmp_path, paths):
    line = fails("train", "--data", paths.faces, "--out", tmp_path / "run", "--init-from", paths.model, *TRAIN)
    assert "--num-levels 1 differs from 2" in line


def test_unknown_command_and_missing_argument(fails):
    assert "'paint'" in fails("paint")
    assert "--out" in fails("sample", "--model", "x")
    assert "COMMAND" in fails()


def test_a_full_disk_leaves_no_half_picture(fails, paths, monkeypatch):
    def full(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("glowcore.storage.output.os.fsync", full)
    assert "the disk is full" in fails("sample", "--model", paths.model, "--out", paths.out)


def test_the_real_process_exits_with_2_and_one_line(tmp_path, paths):
    argv = ["edit", "--model", paths.model, "--image", paths.picture, "--set", "Smilign=1", "--out", paths.out]
    done = subprocess.run([sys.executable, "-m", "glowcore", *map(str, argv)], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.splitlines() == ["error: unknown attribute 'Smilign', expected one of Smiling, Male, Young"]
    assert not paths.out.exists()
