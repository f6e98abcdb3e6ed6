"""``evaluate --edits`` on a tiny model: what they print, what they write, what they refuse."""

import json

import pytest

import glowcore
from glowcore import checkpoint
from glowcore.cli import main
from tests.glowcore.command_line import read, run
from tests.glowcore.tiny import ATTRIBUTES, SIZE, write_model, write_pictures


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("edits")
    write_model(path / "model")
    write_pictures(path / "faces", 100, table=True)
    write_pictures(path / "others", 200, table=True, seed=5)
    return path


def argv(folder, *more):
    return [
        "evaluate",
        "--model",
        folder / "model",
        "--data",
        folder / "faces",
        "--edits",
        "--classifier-data",
        folder / "others",
        "--classifier-folder",
        folder / "classifiers",
        "--quiet",
        *more,
    ]


def test_edits_as_json_as_a_picture_and_from_the_cache(folder, tmp_path, capsys):
    first = json.loads(run(capsys, *argv(folder, "--json", "--out", tmp_path / "edits.png")).out)
    assert [(r["attribute"], r["strength"]) for r in first["edits"]] == [
        (name, strength)
        for name, sign in (("Smiling", 1), ("Male", 1), ("Male", -1), ("Young", 1), ("Young", -1))
        for strength in (sign, 2 * sign, 3 * sign)
    ]
    for result in first["edits"]:
        assert 0 < result["images"] <= 20
        assert result["finite"] == 1
        assert 0 <= result["success"] <= 1
        assert result["change"] > 0
    assert [(r["attribute"], r["sign"]) for r in first["until_seen"]] == [
        ("Smiling", 1),
        ("Male", 1),
        ("Male", -1),
        ("Young", 1),
        ("Young", -1),
    ]
    assert first["edits"][0]["change"] < first["edits"][2]["change"]
    assert not first["classifier"]["cached"]
    assert first["classifier"]["held_out_split"] == "test"  # this copy has no valid split
    assert first["model_sha256"] == glowcore.checkpoint.fingerprint(folder / "model")

    again = json.loads(run(capsys, *argv(folder, "--json")).out)
    assert again["classifier"].pop("cached")
    assert first["classifier"].pop("cached") is False
    assert again["classifier"] == first["classifier"]
    assert again["edits"] == first["edits"]

    picture = read(tmp_path / "edits.png")
    side = 2 * SIZE + 2
    # Five cases; two pictures of four each; the last pixels are the last edit's.
    assert picture.shape[0] > 5 * side - 2
    assert picture.shape[1] > 8 * side - 2
    assert picture.shape[2] == 3


def test_edits_as_markdown_and_as_words(folder, tmp_path, capsys):
    options = ("--strengths", "0.5", "--pictures", 3)
    table = run(
        capsys,
        *argv(
            folder,
            *options,
            "--markdown",
            "--out",
            tmp_path / "a.png",
            "--link",
            "images/a.png",
            "--credit",
            "Pictures: nobody.",
        ),
    )
    assert "](images/a.png)\n\nPictures: nobody.\n" in table.out
    assert (
        "--strengths 0.5 --pictures 3 --markdown --out a.png --link images/a.png --credit 'Pictures: nobody.'\n"
        in table.out
    )
    assert "--data FACES --edits " in table.out
    assert f"for `{(folder / 'model').name}`, weights `{checkpoint.fingerprint(folder / 'model')[:16]}`" in table.out
    limited = run(capsys, *argv(folder, *options, "--split", "all", "--limit", 40, "--skip-broken", "--markdown")).out
    assert "--data FACES --split all --limit 40 --skip-broken --edits --classifier-data CELEBA " in limited
    assert str(folder) not in table.out
    assert str(tmp_path) not in table.out
    plain = run(capsys, *argv(folder, *options, "--markdown"))
    assert "--pictures 3 --markdown\n```" in plain.out
    rows = [line.split(" | ") for line in table.out.splitlines() if line.startswith("| not Young ")]
    assert rows[0][1:3] == ["-0.5", "3"]
    # Pictures in which it is seen before do not count there.
    assert int(rows[1][1]) == round(3 * (1 - float(rows[0][3].removesuffix(" %")) / 100))
    assert "the smallest of the strengths 0.5 at which" in table.out
    assert all(f"| {name} |" in table.out for name in ATTRIBUTES)
    words = run(capsys, *argv(folder, *options))
    assert "not Young" in words.out
    assert "not Young" not in words.err
    assert ", classifier in " in words.err


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--strengths", "0"], "--strengths"),
        (["--strengths", "1,1"], "--strengths"),
        (["--strengths", "a"], "--strengths is 'a'"),
        (["--pictures", "0"], "--pictures is 0"),
        (["--json", "--markdown"], "--json and --markdown"),
        (["--out", "edits.gif"], "expected .png"),
        (["--out", "."], "it is a folder"),
        (["--seed", "0"], "--seed 0 is of the dequantisation noise, and --edits draws none"),
        (["--link", "a.png"], "--link goes with --markdown, expected both or no --link"),
        (["--credit", "me"], "--credit goes with --markdown, "),
        (["--markdown", "--credit", "me"], "--credit goes with --link, "),
        (["--classifier-data", "nowhere"], "there is no folder nowhere"),
    ],
)
def test_mistakes_are_told_in_one_line(folder, capsys, more, message):
    assert main([str(part) for part in argv(folder, *more)]) == 2
    found = capsys.readouterr().err
    assert message in found
    assert found.count("\n") == 1


def test_edits_need_a_classifiers_data_and_a_model_with_attributes(folder, tmp_path, capsys):
    assert main(["evaluate", "--model", str(folder / "model"), "--data", str(folder / "faces"), "--edits"]) == 2
    found = capsys.readouterr().err
    assert found.startswith("error: --edits needs --classifier-data DIR")
    assert found.count("\n") == 1
    write_model(tmp_path / "plain", attributes=False)
    args = argv(folder)
    args[2] = tmp_path / "plain"
    assert main([str(part) for part in args]) == 2
    assert "has no attributes yet" in capsys.readouterr().err
    for option in (["--markdown"], ["--strengths", "foo"], ["--pictures", "0"], ["--classifier-folder", "a"]):
        assert main(["evaluate", "--model", str(folder / "model"), "--data", str(folder / "faces"), *option]) == 2
        assert f"{option[0]} goes with --edits" in capsys.readouterr().err
