"""The command line of the explorer: odd arguments are one sentence and exit code 2."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from explorer.atlas.latent_map import LatentMap
from explorer.cli import main
from explorer.edits.recipe import MODEL_DIGITS, EditRecipe, Source
from explorer.edits.recipe_png import read_png
from explorer.engines import models
from glowcore import checkpoint
from glowcore.cli import main as library
from glowcore.training import run_lock
from tests.explorer import tiny_model
from tests.explorer.visiting import REPOSITORY

PHOTO = REPOSITORY / "tests" / "data" / "astronaut.jpg"
TOKEN = EditRecipe(Source("seed", "7"), (("Smiling", 1.0),)).token()


@pytest.fixture
def no_work(monkeypatch):
    """Fail the test if a model is opened: an invalid argument must be reported before."""
    monkeypatch.setattr(models, "open_model", lambda *_: pytest.fail("a model was opened"))


def told(capsys, *arguments) -> str:
    """Return the only line of an error."""
    try:
        code = main([str(a) for a in arguments])
    except SystemExit as end:
        code = end.code
    assert code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    return err.strip()


@pytest.fixture
def photos(tmp_path, blobs):
    """Two pictures, a truncated one, and a folder that is called like a picture."""
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "x.png").mkdir()
    for number, name in enumerate(("good_0.png", "x.png/good_1.png")):
        Image.fromarray(blobs[number]).save(folder / name)
    buffer = io.BytesIO()
    Image.fromarray(np.tile(blobs[2], (4, 4, 1))).save(buffer, "JPEG")
    (folder / "bad.jpg").write_bytes(buffer.getvalue()[: buffer.getbuffer().nbytes // 2])
    return folder


def test_a_bad_photo_is_named_and_the_command_that_lists_the_others(home, photos, capsys):
    shutil.copy(photos / "bad.jpg", photos / "worse.jpg")
    sentence = told(capsys, "photos", "--model", "pretrained/tiny", "--data", photos)
    assert sentence.startswith("error: bad.jpg: ")
    assert "--skip-broken" in sentence
    assert ", and python -m glowcore scan lists it" in sentence
    assert library(["scan", "--data", str(photos)]) == 1
    assert [line.partition(": ")[0] for line in capsys.readouterr().out.splitlines()] == ["bad.jpg", "worse.jpg"]


def test_bad_photos_are_left_out_on_request_and_listed(home, photos, capsys):
    assert main(["photos", "--model", "pretrained/tiny", "--data", str(photos), "--skip-broken"]) == 0
    out, err = capsys.readouterr()
    assert "faces found              0 of 2\n" in out  # one of them in a folder below
    assert "edits finite             16 of 16\n" in out  # eight attributes
    assert "skipped bad.jpg: " in err
    assert "x.png" not in err


def test_the_trial_of_photos_as_json(home, photos, capsys):
    command = ["photos", "--model", "pretrained/tiny", "--data", str(photos), "--skip-broken", "--json", "--quiet"]
    assert main(command) == 0
    figures = json.loads(capsys.readouterr().out)
    assert {name: figures[name] for name in ("pictures", "faces", "edits", "edits_finite")} == {
        "pictures": 2,
        "faces": 0,
        "edits": 16,
        "edits_finite": 16,
    }
    assert set(figures) == {"pictures", "faces", "edits", "edits_finite", "pixels_changed", "bits_per_dim"}


def test_where_no_photo_can_be_read_it_says_so(home, photos, capsys):
    for path in photos.rglob("good_*"):
        path.unlink()
    assert main(["photos", "--model", "pretrained/tiny", "--data", str(photos), "--skip-broken"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "holds no photo that can be read (1 file, " in err


@pytest.mark.parametrize("strength", ["1000", "-5.1", "nan", "inf"])
def test_a_strength_beyond_those_of_a_recipe_is_not_another(home, no_work, photos, capsys, strength):
    sentence = told(capsys, "photos", "--model", "pretrained/tiny", "--data", photos, f"--strength={strength}")
    assert sentence == f"error: --strength is {float(strength)}, expected -5 to 5"


def test_photos_are_for_models_of_faces(tmp_path, photos, capsys, monkeypatch):
    tiny_model.write_kind(tmp_path / "runs" / "digits", "digits")
    monkeypatch.setenv("EXPLORER_HOME", str(tmp_path))
    sentence = told(capsys, "photos", "--model", "runs/digits", "--data", photos)
    assert sentence == "error: --model runs/digits draws classes of pictures, expected a model of faces"


@pytest.fixture
def faces(tmp_path, blobs):
    """A folder of six pictures, and of one that is none."""
    folder = tmp_path / "faces"
    folder.mkdir()
    for number in range(6):
        Image.fromarray(blobs[number]).save(folder / f"{number}.png")
    (folder / "notes.png").write_text("no picture")
    return folder


@pytest.fixture
def mine(tiny_home, tmp_path):
    """A model outside of what is listed."""
    return shutil.copytree(tiny_home / "pretrained" / "tiny", tmp_path / "mine")


def map_in(folder):
    return LatentMap.load(folder, checkpoint.fingerprint(folder)[:MODEL_DIGITS])


def test_a_map_is_made_once(empty_home, mine, faces, capsys):
    command = ["map", "--model", mine, "--data", faces, "--split", "all"]
    assert "--skip-broken" in told(capsys, *command)
    assert told(capsys, *command[:-2], "--skip-broken") == (
        f"error: {faces} has 1 picture in split test, expected 4 or more for a map; --split all takes those of every "
        "split"
    )
    assert main([*map(str, command), "--skip-broken", "--limit", "5"]) == 0
    said = capsys.readouterr().err
    assert "skipped notes.png: " not in said  # beyond the five
    assert re.search(
        rf"wrote {re.escape(str(mine / 'map.safetensors'))}: 5 pictures, .* MB; .*\d\.\d\d% of the var", said
    )
    before = (mine / "map.safetensors").read_bytes()
    assert told(capsys, *command) == f"error: {mine / 'map.safetensors'} is there already; --force replaces it"
    assert (mine / "map.safetensors").read_bytes() == before
    assert main([*map(str, command), "--skip-broken", "--force"]) == 0
    assert len(map_in(mine)) == 6
    capsys.readouterr()
    with run_lock.alone(mine):
        assert told(capsys, *command, "--force").startswith(f"error: {mine}: a training is running there; ")


@pytest.mark.parametrize(
    ("table", "split", "shown", "fitted"),
    [
        ("4 train 5 test", "test", 5, 4),
        ("4 train 5 test", "train", 4, None),
        ("4 train 5 test", "all", 9, None),
        ("9 test", "test", 9, None),
    ],
)
def test_a_map_is_fitted_to_training_pictures_that_it_does_not_show(
    empty_home, mine, blobs, tmp_path, monkeypatch, capsys, table, split, shown, fitted
):
    """And a map of few where there are more is told."""
    words = table.split()
    splits = [name for count, name in zip(words[::2], words[1::2], strict=True) for _ in range(int(count))]
    folder = tmp_path / "table"
    folder.mkdir()
    rows = [f"{number}.png,{name}" for number, name in enumerate(splits)]
    (folder / "attributes.csv").write_text("\n".join(["file,split", *rows]))
    for number in range(len(splits)):
        Image.fromarray(blobs[number]).save(folder / f"{number}.png")
    given, build = [], LatentMap.build
    monkeypatch.setattr(
        LatentMap, "build", lambda *args, **options: given.append((args, options)) or build(*args, **options)
    )
    assert main(["map", "--model", str(mine), "--data", str(folder), "--split", split]) == 0
    (((_, pictures, *_), options),) = given
    assert len(pictures) == shown == len(map_in(mine))
    assert (options["fitted_to"] is None) == (fitted is None)
    assert fitted is None or len(options["fitted_to"]) == fitted
    assert ("--split all --force" in capsys.readouterr().err) == (fitted is not None)


def test_what_a_map_cannot_keep_is_told_before_the_work(empty_home, mine, faces, capsys, monkeypatch):
    (faces / "notes.png").unlink()
    monkeypatch.setattr("explorer.atlas.sheet.MOST_PICTURES", 5)
    monkeypatch.setattr(LatentMap, "build", None)
    monkeypatch.setattr("glowcore.data.picture_store.decode_files", None)
    sentence = told(capsys, "map", "--model", mine, "--data", faces, "--split", "all")
    assert sentence.endswith("has 6 pictures in split all, expected 5 at most; --limit 5 takes the first")
    monkeypatch.setattr("glowcore.storage.output.os.access", lambda path, mode: False)
    assert "mine is not writable" in told(capsys, "map", "--model", mine, "--data", faces, "--split", "all")


def test_a_map_of_pictures_that_the_model_does_not_draw(empty_home, faces, tmp_path, capsys):
    (faces / "notes.png").unlink()
    digits = tiny_model.write_kind(tmp_path / "digits", "digits")
    command = ("map", "--model", digits, "--data", faces, "--split", "all")
    assert f"has no classes for those of {digits} (nought, one, two)" in told(capsys, *command)
    for number, name in enumerate(("one", "two")):
        (faces / name).mkdir()
        for part in range(3):
            (faces / f"{3 * number + part}.png").rename(faces / name / f"{part}.png")
    assert main(list(map(str, command))) == 0
    capsys.readouterr()
    (faces / "two").rename(faces / "three")
    assert "has other classes than those of" in told(capsys, *command, "--force")


def test_broken_pictures_are_left_out_of_a_count_of_faces_on_request(home, faces, capsys):
    command = ["faces", "--model", "pretrained/tiny", "--data", str(faces), "--split", "all", "--seeds", "1"]
    assert "--skip-broken" in told(capsys, *command)
    assert main([*command, "--skip-broken"]) == 0
    out, err = capsys.readouterr()
    assert ": 1 sample at temperature" in out
    assert "; least sure at seeds 1\n" in out
    assert out.endswith(": 6 real pictures\n")
    assert "skipped notes.png: " in err


@pytest.mark.parametrize("temperature", ["-1", "nan", "0.5,x", "", "11"])
def test_a_temperature_that_is_none(home, no_work, photos, capsys, temperature):
    arguments = ("faces", "--model", "pretrained/tiny", "--data", photos, f"--compare={temperature}")
    assert "expected a number from 0 to 10" in told(capsys, *arguments)


def test_no_seeds(home, no_work, photos, capsys):
    arguments = ("faces", "--model", "pretrained/tiny", "--data", photos, "--seeds", "0:0")
    expected = f"is not 1 to 100000 whole numbers from 0 to {2**32 - 1}, such as 0:16"
    assert told(capsys, *arguments) == f"error: --seeds '0:0' {expected}"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("e.jpg", "its ending is .jpg"),
        ("x", "ending is missing"),
        ("no/e.png", "does not exist"),
        (".", "is a folder"),
        ("e.png/", "is a folder"),
    ],
)
def test_where_a_picture_cannot_be_written_is_told_before_the_work(home, no_work, tmp_path, capsys, name, words):
    assert words in told(capsys, "render", "--recipe", TOKEN, "--out", f"{tmp_path}/{name}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [[], ["foo"], ["render"], ["render", "--foo"]])
def test_a_wrong_command_line_is_one_line(capsys, arguments):
    assert "--help shows what is expected" in told(capsys, *arguments)


@pytest.mark.parametrize("command", ["edit", "render", "map", "faces", "photos"])
def test_every_command_with_a_model_runs_where_it_is_told_to(home, photos, tmp_path, capsys, command):
    given = {
        "edit": ("--image", PHOTO, "--set", "Smiling=1", "--out", tmp_path / "out.png"),
        "render": ("--recipe", TOKEN, "--out", tmp_path / "out.png"),
        "map": ("--data", photos, "--force"),
        "faces": ("--data", photos),
        "photos": ("--data", photos),
    }[command]
    arguments = (command, "--model", "pretrained/tiny", *given)
    assert told(capsys, *arguments, "--threads", 0) == "error: --threads is 0, expected 1 to 1024"
    assert "--threads is 100000, expected" in told(capsys, *arguments, "--threads", 100_000)
    assert "abacus" in told(capsys, *arguments, "--device", "abacus")


@pytest.mark.parametrize("command", ["map", "faces"])
def test_pictures_are_chosen_as_in_the_library(capsys, command):
    with pytest.raises(SystemExit):
        main([command, "--help"])
    text = capsys.readouterr().out
    for words in ("torchvision:NAME:ROOT;", "--cache-dir", "--quiet", "--skip-broken", "cuda:N"):
        assert words in text


@pytest.mark.parametrize("command", ["edit", "render", "map", "faces", "photos", "align"])
def test_every_command_explains_itself_with_an_example(capsys, command):
    with pytest.raises(SystemExit) as end:
        main([command, "--help"])
    assert end.value.code == 0
    text = capsys.readouterr().out
    assert f"example:\n  python -m explorer {command} " in text
    example = text.split("example:\n")[1].splitlines()[0].split()[4:]
    given = [word for word in example if word.startswith("--")]
    assert given
    assert all(text.split("example:")[0].count(word) for word in given)


def test_the_program_itself_renders_what_the_engine_does_and_ends_with_0(tiny_home, engine, tmp_path):
    """In a process of its own: background threads that outlive the work once made its end an abort."""
    shutil.copytree(tiny_home / "pretrained", tmp_path / "pretrained")
    out = tmp_path / "e.png"
    command = [sys.executable, "-m", "explorer", "render", "--recipe", TOKEN, "--out", str(out)]
    environment = os.environ | {"EXPLORER_HOME": str(tmp_path)}
    done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, f"wrote {out}\n")
    recipe, _ = read_png(out.read_bytes())
    assert recipe == EditRecipe(Source("seed", "7"), (("Smiling", 1.0),), model=engine.model_hash)
    with Image.open(out) as shown:
        assert np.abs(np.asarray(shown).astype(int) - engine.render(recipe).picture.astype(int)).max() <= 1


def test_output_that_nobody_reads_any_more_ends_the_command_quietly(tiny_home, photos):
    """As `| head -1` does once it has its line."""
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "explorer", "photos", "--model", "pretrained/tiny", "--data", str(photos)]
    environment = os.environ | {"EXPLORER_HOME": str(tiny_home)}
    with open(writer, "wb") as pipe:
        done = subprocess.run(
            [*command, "--skip-broken"], cwd=REPOSITORY, env=environment, stdout=pipe, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 141
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr
