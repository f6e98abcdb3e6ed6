"""The commands on a labelled folder: class-conditional training, class names, and sheets of all classes."""

import json

import numpy as np
import pytest
import torch

import glowcore
from glowcore import images
from glowcore.cli import main
from glowcore.data import open_dataset
from glowcore.evaluation import evaluate
from tests.glowcore.command_line import read
from tests.glowcore.tiny import halves

TRAIN = [
    "--image-size",
    "8",
    "--channels",
    "1",
    "--num-levels",
    "1",
    "--steps-per-level",
    "1",
    "--num-classes",
    "2",
    "--hidden-channels",
    "4",
    "--steps",
    "3",
    "--batch-size",
    "8",
    "--warmup-steps",
    "1",
    "--threads",
    "1",
    "--quiet",
]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder `data` in torchvision's ImageFolder layout with splits, and the model `run` trained on it."""
    path = tmp_path_factory.mktemp("labelled")
    for split, count in (("train", 24), ("test", 8)):
        for index, (picture, label) in enumerate(zip(*halves(count), strict=True)):
            folder = path / "data" / split / ("right" if label else "left")
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{index}.png").write_bytes(images.to_png_bytes(picture.permute(1, 2, 0).numpy()))
    assert main(["train", "--data", str(path / "data"), "--out", str(path / "run"), *TRAIN]) == 0
    return path


def sample(home, out, *argv):
    return main(["sample", "--model", str(home / "run"), "--out", str(out), "--scale", "1", *argv])


def test_training_stores_names_and_counts(home):
    metadata = glowcore.load(home / "run", device="cpu").metadata
    assert metadata["class_names"] == ["left", "right"]
    assert metadata["class_counts"] == [18, 6]
    record = json.loads((home / "run" / "log.jsonl").read_text().splitlines()[-1])
    assert {"class_accuracy_head", "class_accuracy_generative", "train_class_head_bits"} <= set(record)


def test_evaluate_reports_both_accuracies(home, capsys):
    argv = ["evaluate", "--model", str(home / "run"), "--data", str(home / "data"), "--quiet"]
    assert main([*argv, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert 0 <= found["class_accuracy_head"] <= 1
    assert 0 <= found["class_accuracy_generative"] <= 1
    assert main(argv) == 0
    assert "\nclasses " in capsys.readouterr().out


def test_a_folder_with_one_of_the_classes_is_understood_by_name(home, tmp_path, capsys):
    (tmp_path / "some").mkdir()
    (tmp_path / "some" / "right").symlink_to(home / "data" / "test" / "right")
    argv = ["evaluate", "--model", str(home / "run"), "--quiet", "--json", "--split", "all"]
    assert main([*argv, "--data", str(tmp_path / "some")]) == 0
    found = json.loads(capsys.readouterr().out)
    flow = glowcore.load(home / "run", device="cpu")
    right = open_dataset(tmp_path / "some", image_size=8, channels=1)
    assert found["bits_per_dim"] == pytest.approx(evaluate(flow, right.images, labels=right.labels + 1).bits_per_dim)
    (tmp_path / "some" / "up").symlink_to(home / "data" / "test" / "right")
    assert main([*argv, "--data", str(tmp_path / "some")]) == 2
    assert "'up' is unknown, expected one of this model's: left, right" in capsys.readouterr().err


def test_sample_takes_a_name_or_a_number(home, tmp_path, capsys):
    flow = glowcore.load(home / "run", device="cpu")
    expected = images.to_uint8(flow.sample([3], 0.7, y=1))[0]
    for given in ("right", "1"):
        assert sample(home, tmp_path / "one.png", "--seeds", "3", "--class", given) == 0
        assert np.array_equal(read(tmp_path / "one.png"), expected)
    for given in (["--class", "up"], ["--class", "2"], []):
        assert sample(home, tmp_path / "no.png", "--seeds", "3", *given) == 2
        assert "left, right" in capsys.readouterr().err
    assert not (tmp_path / "no.png").exists()


def test_a_missing_class_names_all_where_all_is_taken(home, tmp_path, capsys):
    missing = "error: --class is missing, expected one of this model's: left, right"
    assert sample(home, tmp_path / "no.png", "--seeds", "3") == 2
    assert capsys.readouterr().err == f"{missing}, or all\n"
    assert sample(home, tmp_path / "no.png", "--seeds", "3", "--compare", "0.5,1") == 2
    assert capsys.readouterr().err == f"{missing}\n"


def test_sample_of_all_classes_is_a_row_a_seed_and_a_column_a_class(home, tmp_path):
    assert sample(home, tmp_path / "all.png", "--seeds", "3,5,8", "--class", "all") == 0
    sheet = read(tmp_path / "all.png")
    assert sheet.shape == (3 * 10 - 2, 2 * 10 - 2, 1)
    flow = glowcore.load(home / "run", device="cpu")
    for row, seed in enumerate((3, 5, 8)):
        for column in range(2):
            tile = sheet[10 * row : 10 * row + 8, 10 * column : 10 * column + 8]
            assert np.array_equal(tile, images.to_uint8(flow.sample([seed], 0.7, y=column))[0])


def test_compare_has_no_column_left_for_all_classes(home, tmp_path, capsys):
    assert sample(home, tmp_path / "all.png", "--seeds", "3", "--class", "all", "--compare", "0.5,1") == 2
    assert capsys.readouterr().err == "error: --compare draws one class a sheet, expected no --class all\n"
    assert sample(home, tmp_path / "one.png", "--seeds", "3", "--class", "left", "--compare", "0.5,1") == 0


def test_info_lists_the_classes(home, capsys):
    assert main(["info", "--model", str(home / "run")]) == 0
    assert "left, right" in capsys.readouterr().out
    assert main(["info", "--model", str(home / "run"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["classes"] == ["left", "right"]


def test_a_class_column_names_the_classes(home, tmp_path, capsys):
    data = tmp_path / "data"
    rows = ["file,class,Bold,split"]
    inside = data / "images"
    inside.mkdir(parents=True)
    for index, (picture, label) in enumerate(zip(*halves(8), strict=True)):
        (inside / f"{index}.png").write_bytes(images.to_png_bytes(picture.permute(1, 2, 0).numpy()))
        rows.append(f"{index}.png,{'10' if label else '9'},1,{'test' if index > 3 else 'train'}")
    (data / "attributes.csv").write_text("\n".join(rows))
    found = open_dataset(data, image_size=8, channels=1)
    assert found.class_names == ("9", "10")  # numbers as numbers
    assert found.labels.tolist() == halves(8)[1].tolist()
    assert found.attribute_names == ("Bold",)
    assert open_dataset(data, image_size=8, channels=1, split="test").labels.tolist() == [0, 0, 0, 1]
    assert main(["train", "--data", str(data), "--out", str(tmp_path / "run"), *TRAIN]) == 0
    assert glowcore.load(tmp_path / "run", device="cpu").metadata["class_names"] == ["9", "10"]
    (data / "attributes.csv").write_text("\n".join(["file,Bold", *(f"{index}.png,1" for index in range(8))]))
    assert main(["train", "--data", str(data), "--out", str(tmp_path / "other"), *TRAIN]) == 2
    assert "`class` in attributes.csv, or a folder for each class and no attributes.csv" in capsys.readouterr().err
    rows[1] = "0.png,,1,train"
    (data / "attributes.csv").write_text("\n".join(rows))
    assert open_dataset(data, image_size=8, channels=1).labels[0] == -1
    assert main(["train", "--data", str(data), "--out", str(tmp_path / "other"), *TRAIN]) == 2
    assert "1 of 4 pictures have no class" in capsys.readouterr().err


def test_folders_named_by_numbers_are_in_the_order_of_the_numbers(home, tmp_path):
    for name in ("10", "9", "1"):
        (tmp_path / name).symlink_to(home / "data" / "test" / "right")
    assert open_dataset(tmp_path, image_size=8, channels=1).class_names == ("1", "9", "10")
    (tmp_path / "x").symlink_to(home / "data" / "test" / "right")
    assert open_dataset(tmp_path, image_size=8, channels=1).class_names == ("1", "10", "9", "x")


def test_more_classes_than_the_pictures_have_are_refused(home, tmp_path, capsys):
    """The names could not be stored, and a folder with only the second class would be read as the first."""
    out = tmp_path / "run"
    assert main(["train", "--data", str(home / "data"), "--out", str(out), *TRAIN, "--num-classes", "3"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("num_classes is 3, expected 2 for the classes of the pictures: left, right")
    assert not out.exists()


def without_number(argv):
    at = argv.index("--num-classes")
    return [*argv[:at], *argv[at + 2 :]]


def test_pictures_with_classes_make_a_model_with_as_many(home, tmp_path, capsys):
    argv = ["train", "--data", str(home / "data"), "--out", str(tmp_path / "run"), *without_number(TRAIN)]
    assert main(argv) == 0
    assert "a model of 2 classes, as the pictures have; --num-classes 0 makes one without" in capsys.readouterr().err
    found, given = (glowcore.load(folder, device="cpu") for folder in (tmp_path / "run", home / "run"))
    assert found.config == given.config
    assert found.metadata["class_names"] == ["left", "right"]
    assert all(torch.equal(tensor, given.state_dict()[name]) for name, tensor in found.state_dict().items())
    assert main([*argv[:5], "--resume", "--steps", "4", "--quiet"]) == 0
    assert glowcore.load(tmp_path / "run", device="cpu").config == given.config


def test_no_classes_where_none_are_wanted_or_none_are_there(home, tmp_path, capsys):
    argv = ["train", "--data", str(home / "data"), "--out", str(tmp_path / "plain"), *TRAIN]
    assert main([*argv, "--num-classes", "0"]) == 0
    assert " classes" not in capsys.readouterr().err
    assert glowcore.load(tmp_path / "plain", device="cpu").config.num_classes == 0
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "right").symlink_to(home / "data" / "train" / "right")
    argv = ["train", "--data", str(tmp_path / "one"), "--out", str(tmp_path / "single"), *without_number(TRAIN)]
    assert main(argv) == 0
    assert glowcore.load(tmp_path / "single", device="cpu").config.num_classes == 0


def test_classes_that_a_model_cannot_use_are_named(home, tmp_path, capsys):
    short = ["--steps", "1", "--batch-size", "8", "--threads", "1", "--quiet"]
    argv = [
        "train",
        "--data",
        str(home / "data"),
        "--out",
        str(tmp_path / "flow"),
        "--model",
        "realnvp",
        *short,
        "--image-size",
        "8",
        "--channels",
        "1",
        "--num-levels",
        "1",
        "--hidden-channels",
        "4",
    ]
    assert main(argv) == 0
    assert "the 2 classes of the pictures are not used: a realnvp has none" in capsys.readouterr().err
    argv = ["train", "--data", str(home / "data"), "--out", str(tmp_path / "on"), "--init-from", str(tmp_path / "flow")]
    assert main([*argv, *short]) == 0
    told = f"the 2 classes of the pictures are not used: the model in {tmp_path / 'flow'} has none"
    assert told in capsys.readouterr().err
    argv[-1] = str(home / "run")
    argv[4] = str(tmp_path / "classes")
    assert main([*argv, *short]) == 0
    assert glowcore.load(tmp_path / "classes", device="cpu").config.num_classes == 2


def test_classes_of_some_pictures_only_are_refused_with_the_way_out(home, tmp_path, capsys):
    data = tmp_path / "data"
    data.mkdir()
    rows = ["file,class"]
    for index, picture in enumerate(halves(30)[0]):
        (data / f"{index}.png").write_bytes(images.to_png_bytes(picture.permute(1, 2, 0).numpy()))
        rows.append(f"{index}.png,{['a', 'b', ''][index % 3]}")
    (data / "attributes.csv").write_text("\n".join(rows))
    argv = ["train", "--data", str(data), "--out", str(tmp_path / "run"), *without_number(TRAIN)]
    assert main(argv) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "pictures have no class; every picture needs one, or give --num-classes 0" in line
    assert main([*argv, "--num-classes", "0"]) == 0
