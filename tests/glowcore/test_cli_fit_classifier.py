"""`attributes --classifier-data`: a second opinion in the fit, from pictures that the judge of edits never sees."""

import pytest

import glowcore
from glowcore.cli import main
from glowcore.data import open_dataset
from tests.glowcore.tiny import SIZE, tree, write_model, write_pictures


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("home")
    write_model(folder / "model", attributes=False)
    write_pictures(folder / "faces", 200, table=True)
    write_pictures(folder / "others", 500, table=True, seed=5)
    return folder


def argv(home, *more):
    return [
        str(part)
        for part in (
            "attributes",
            "--model",
            home / "model",
            "--data",
            home / "faces",
            "--quiet",
            *more,
        )
    ]


def test_it_learns_from_the_split_that_the_judge_does_not_use(home, capsys):
    few = ["--refine-steps", "2"]
    assert main(argv(home, *few)) == 0
    told = capsys.readouterr().err
    assert told.count("in 2 steps can take minutes; fewer --refine-steps or --directions partial shorten it\n") == 1
    assert glowcore.load(home / "model").attributes.source["classifiers"] == []
    assert not (home / "classifiers").exists()

    others = ["--classifier-data", home / "others", "--classifier-folder", home / "classifiers"]
    assert main(argv(home, *few, *others)) == 0
    known = glowcore.load(home / "model").attributes.source["classifiers"]
    test = open_dataset(home / "others", image_size=SIZE, split="test", progress=False)
    assert known == [{"data_sha256": test.fingerprint(), "pictures": 100}]

    judged = [
        "evaluate",
        "--model",
        home / "model",
        "--data",
        home / "faces",
        "--edits",
        *others,
        "--pictures",
        "3",
        "--markdown",
        "--quiet",
    ]
    capsys.readouterr()
    assert main([str(part) for part in judged]) == 0
    document = capsys.readouterr().out
    assert "they were trained on 100 labelled pictures of another set" in document
    assert "Trained on 400 labelled pictures of another set" in document
    assert len(list((home / "classifiers").iterdir())) == 2


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--classifier-data", "nowhere"], "there is no folder nowhere"),
        (["--classifier-data", "others", "--directions", "mean"], "--classifier-data goes with --directions refined, "),
        (["--refine-steps", "9", "--directions", "partial"], "--refine-steps goes with --directions refined, "),
        (["--aim", "0", "--directions", "mean"], "--aim goes with --directions refined, expected both or no --aim"),
        (["--classifier-split", "valid"], "--classifier-split goes with --classifier-data, "),
        (["--classifier-folder", "some"], "--classifier-folder goes with --classifier-data, "),
    ],
)
def test_mistakes_are_told_before_the_fit(home, capsys, more, told):
    before = tree(home / "model")
    assert main(argv(home, *more)) == 2
    found = capsys.readouterr().err
    assert told in found
    assert found.count("\n") == 1
    assert tree(home / "model") == before


def test_the_judges_own_split_is_refused(home, capsys):
    with pytest.raises(SystemExit):
        main(argv(home, "--classifier-data", "others", "--classifier-split", "train"))
    assert "invalid choice: 'train'" in capsys.readouterr().err
