"""`attributes` adds to the attributes of a model, and refuses before the fit, which may take hours, what it can."""

import contextlib
import json
import re
from dataclasses import replace

import pytest
import torch

import glowcore
from glowcore.attributes.fit import fit_attributes
from glowcore.cli import main
from glowcore.training import run_lock
from tests.glowcore.command_line import refused, run
from tests.glowcore.tiny import ATTRIBUTES, tree, write_model, write_pictures


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
    told += capsys.readouterr().out
    assert told.count("no attributes, which the command attributes fits to models without classes only") == 2
    assert "python -m glowcore attributes" not in told


def fit(capsys, model, data, *more):
    """Run the command and return its output and the model's attributes."""
    output = run(capsys, "attributes", "--model", model, "--data", data, "--directions", "partial", "--quiet", *more)
    return output, glowcore.load(model, device="cpu").attributes


@pytest.fixture
def with_glasses(tmp_path):
    """Return pictures with one attribute `Brille`, and a model that has Smiling, Male and Young."""
    folder = write_pictures(tmp_path / "tabled", 80)
    rows = [f"{file.name},{index % 2}" for index, file in enumerate(sorted(folder.glob("*.png")))]
    (folder / "attributes.csv").write_text("\n".join(["file,Brille", *rows]))
    return write_model(tmp_path / "model"), folder


def test_an_attribute_of_ones_own_is_added_to_those_of_the_model(with_glasses, capsys):
    model, data = with_glasses
    before = glowcore.load(model, device="cpu").attributes
    output, after = fit(capsys, model, data)
    assert output.out.splitlines()[1].split()[0] == "Brille"
    assert len(output.out.splitlines()) == 2
    assert output.err.splitlines()[-1] == f"stored 1 attribute in {model}, kept 3: Smiling, Male, Young"
    assert after.names == (*ATTRIBUTES, "Brille")
    assert torch.equal(after.directions[:3], before.directions)
    assert torch.equal(after.score_weights[:3], before.score_weights)
    assert torch.equal(after.covariance[:3, :3], before.covariance)

    output, again = fit(capsys, model, data)
    assert (
        output.err.splitlines()[-1]
        == f"stored 1 attribute in {model}, replaced 1: Brille, kept 3: Smiling, Male, Young"
    )
    assert torch.equal(again.directions, after.directions)
    assert json.loads(fit(capsys, model, data, "--json")[0].out)["names"] == [*ATTRIBUTES, "Brille"]

    output, alone = fit(capsys, model, data, "--replace")
    assert (
        output.err.splitlines()[-1]
        == f"stored 1 attribute in {model}, replaced 1: Brille, dropped 3: Smiling, Male, Young"
    )
    assert alone.names == ("Brille",)
    assert alone.sigma("Brille") == pytest.approx(after.sigma("Brille"))


def test_an_attribute_of_ones_own_can_be_orthogonal_to_one_of_the_models(with_glasses, capsys):
    model, data = with_glasses
    _, plain = fit(capsys, model, data)
    _, turned = fit(capsys, model, data, "--against", "Brille=Male")
    cosines = [float(v.directions[3] @ v.directions[1] / v.directions[3].norm()) for v in (plain, turned)]
    assert abs(cosines[0]) > 1e-3
    assert abs(cosines[1]) < 1e-6
    assert turned.info("Brille")["orthogonal_to"] == ["Male"]
    line = refused(capsys, "attributes", "--model", model, "--data", data, "--quiet", "--against", "Male=Brille")
    assert "--against: unknown attribute 'Male', expected one of Brille\n" in line
    line = refused(
        capsys, "attributes", "--model", model, "--data", data, "--quiet", "--replace", "--against", "Brille=Male"
    )
    assert "--against: --replace drops Male, which the model has, expected one of Brille, or no --replace\n" in line


def test_an_attribute_left_out_of_the_fit_stays_as_the_model_has_it(home, tmp_path, capsys):
    model = write_model(tmp_path / "model")
    before = glowcore.load(model, device="cpu").attributes
    output, after = fit(capsys, model, home / "faces", "--without", "Male", "--against", "Smiling=Male")
    assert output.err.splitlines()[-1] == f"stored 2 attributes in {model}, replaced 2: Smiling, Young, kept 1: Male"
    assert after.names == ("Smiling", "Male", "Young")
    assert torch.equal(after.direction("Male").flatten(), before.direction("Male").flatten())
    smiling, male = (after.direction(name).flatten().double() for name in ("Smiling", "Male"))
    assert abs(float((smiling * male).sum())) < 1e-6 * float(smiling.norm() * male.norm())
    assert after.info("Smiling")["orthogonal_to"] == ["Male"]


def test_a_useless_fit_is_told_beside_the_better_one_that_it_replaces(home, tmp_path, capsys):
    model = write_model(tmp_path / "model")
    flow = glowcore.load(model, device="cpu")
    facts = {name: {**flow.attributes.facts[name], "separation": 0.1} for name in ATTRIBUTES}
    metrics = {"success": 0.9, "leak": 0.1}
    refined = {"kept": True, "cosine_with_start": 0.8, "before": metrics, "after": metrics}
    facts["Smiling"] |= {"separation": 0.993, "direction": {"kind": "partial", "refined": refined}}
    flow.attributes = replace(flow.attributes, facts=facts)
    glowcore.save(flow, model)
    for number, more in enumerate(((), ("--json",))):
        output, after = fit(capsys, model, home / "faces", "--without", "Young", *more)
        separation = after.info("Smiling")["separation"]
        assert separation < 0.6
        info = after.info("Smiling")
        held_out = rf"{info['separation_positives']} \+ {info['separation_negatives']}"
        assert more or re.search(rf"^Smiling .* {separation:.3f} +{held_out} ", output.out, re.MULTILINE)
        remarks = [line for line in output.err.splitlines() if "Smiling" in line and "stored" not in line]
        assert remarks[0].startswith(f"warning: Smiling has a separation of {separation:.3f}, ")
        # The second fit is as good as the first.
        expected = f"replaced Smiling (separation 0.993, refined) by one of {separation:.3f} (partial)"
        assert remarks[1:] == ([] if number else [expected])
        assert "replaced Male (" not in output.err


def test_pictures_in_two_folders_are_told_of_the_table(tmp_path, capsys):
    model = write_model(tmp_path / "model")
    for name in ("glasses", "none"):
        write_pictures(tmp_path / "two" / name, 40)
    line = refused(capsys, "attributes", "--model", model, "--data", tmp_path / "two", "--quiet")
    assert "expected attributes.csv in their folder, with a column file (such as glasses/0001.jpg) and a col" in line
    files = sorted((tmp_path / "two").glob("*/*.png"))
    rows = [f"{file.relative_to(tmp_path / 'two')},{int(file.parent.name == 'glasses')}" for file in files]
    (tmp_path / "two" / "attributes.csv").write_text("\n".join(["file,Glasses", *rows]))
    assert fit(capsys, model, tmp_path / "two")[1].names == (*ATTRIBUTES, "Glasses")


@pytest.mark.parametrize("late", [False, True])
def test_a_model_in_training_is_refused(with_glasses, capsys, monkeypatch, late):
    """At the start, and if the training has begun during the fit."""
    model, data = with_glasses
    before = tree(model)
    with contextlib.ExitStack() as training:

        def begin(*args, **kwargs):
            assert late
            training.enter_context(run_lock.alone(model))
            return fit_attributes(*args, **kwargs)

        monkeypatch.setattr("glowcore.cli.attributes.fit_attributes", begin)
        if not late:
            training.enter_context(run_lock.alone(model))
        line = refused(capsys, "attributes", "--model", model, "--data", data, "--directions", "partial", "--quiet")
    assert line.startswith(f"error: {model}: a training is running there; ")
    assert tree(model) == before
