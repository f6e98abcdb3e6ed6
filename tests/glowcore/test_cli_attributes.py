"""`attributes` refuses before the fit, which may take hours, what it would refuse after it."""

import pytest

from glowcore.cli import main
from tests.glowcore.tiny import tree, write_model, write_pictures


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A model and labelled pictures; an attribute `Hat` that too few of them have."""
    folder = tmp_path_factory.mktemp("home")
    write_model(folder / "model", attributes=False)
    table = write_pictures(folder / "faces", 200, table=True) / "attributes.csv"
    head, *rows = table.read_text().splitlines()
    table.write_text("\n".join([f"{head},Hat", *(f"{row},{int(index < 5)}" for index, row in enumerate(rows))]))
    return folder


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["--without", "Hat"], "--without: Hat cannot be fitted: 4 pictures with and 156 without it, at least 30"),
        (["--against", "Smiling=Hat"], "--against: Hat cannot be fitted: 4 pictures with"),
        (["--against", "Hat=Smiling,Male"], "--against: Hat cannot be fitted"),
        (
            ["--against", "Smiling=Smilign"],
            "--against: unknown attribute 'Smilign', expected one of Smiling, Male, Young",
        ),
        (["--without", "Smilign"], "--without: unknown attribute 'Smilign', expected one of Smiling, Male, Young"),
        (["--against", "Smiling=Male,Smiling"], "makes Smiling orthogonal to itself"),
        (["--against", "Smiling=Male", "--against", "Smiling=Young"], "--against Smiling is given twice"),
        (["--without", "Smiling,Male,Young"], "leaves no attribute, expected fewer of Smiling, Male, Young"),
        (["--batch-size", "0"], "--batch-size is 0, expected 1 to 1000000"),
        (["--batch-size", "10000000"], "--batch-size is 10000000, expected 1 to"),
    ],
)
def test_mistakes_are_told_before_the_fit(home, monkeypatch, capsys, argv, told):
    monkeypatch.setattr("glowcore.cli.attributes.fit_attributes", lambda *_, **__: pytest.fail("it has begun"))
    before = tree(home / "model")
    assert main(["attributes", "--model", str(home / "model"), "--data", str(home / "faces"), "--quiet", *argv]) == 2
    found = capsys.readouterr()
    assert found.out == ""
    assert len(found.err.splitlines()) == 1
    assert told in found.err
    assert tree(home / "model") == before


def test_models_with_classes_are_refused_at_once_and_advised_nothing(home, tmp_path, monkeypatch, capsys):
    model = str(write_model(tmp_path / "model", attributes=False, num_classes=3))
    picture = write_pictures(tmp_path / "one", 1) / "0000.png"
    monkeypatch.setattr("glowcore.cli.options.open_pictures", lambda *_: pytest.fail("it has begun"))
    assert main(["attributes", "--model", model, "--data", str(home / "faces"), "--quiet"]) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"error: {model} is a class-conditional model of 3 classes, expected one without: the appl")
    assert (
        main(
            [
                "edit",
                "--model",
                model,
                "--image",
                str(picture),
                "--set",
                "Smiling=1",
                "--class",
                "1",
                "--out",
                str(tmp_path / "out.png"),
            ]
        )
        == 2
    )
    told += capsys.readouterr().err
    assert main(["info", "--model", model]) == 0
    told += capsys.readouterr().err
    assert told.count("no attributes, which the command attributes fits to models without classes only") == 2
    assert "python -m glowcore attributes" not in told
