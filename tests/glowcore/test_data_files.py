"""Listing of the pictures in a folder: links, hidden files, files of other kinds."""

import json

import pytest

from glowcore.cli import main
from glowcore.data import open_dataset, scan_pictures
from glowcore.errors import DataError
from tests.glowcore.data_folders import write
from tests.glowcore.tiny import MODEL


def test_links_are_followed_like_folders_but_not_in_a_circle(tmp_path):
    faces, elsewhere = tmp_path / "faces", tmp_path / "elsewhere"
    write(faces / "cats" / "inner", ["0.png"])
    write(faces / "dogs", ["1.png"])
    write(elsewhere, ["2.png", "3.png"])
    (faces / "cats" / "linked").symlink_to(elsewhere)
    (faces / "birds").symlink_to(elsewhere)
    (elsewhere / "back").symlink_to(elsewhere)
    (faces / "dogs" / "up").symlink_to(faces)
    (faces / "dogs" / "gone").symlink_to(tmp_path / "gone")
    data = open_dataset(faces / "cats", image_size=8)
    assert data.files == ["inner/0.png", "linked/2.png", "linked/3.png"]
    (faces / "dogs" / "up").unlink()
    data = open_dataset(faces, image_size=8)
    assert data.files == [
        "birds/2.png",
        "birds/3.png",
        "cats/inner/0.png",
        "cats/linked/2.png",
        "cats/linked/3.png",
        "dogs/1.png",
    ]


def test_a_link_to_the_folder_itself_is_no_class(tmp_path):
    write(tmp_path / "a", ["0.png"])
    write(tmp_path / "b", ["1.png"])
    (tmp_path / "self").symlink_to(tmp_path)
    data = open_dataset(tmp_path, image_size=8)
    assert (data.files, data.class_names) == (["a/0.png", "b/1.png"], ("a", "b"))


def test_scan_reads_any_tree_of_folders(tmp_path, capsys):
    write(tmp_path, ["0.png"])
    write(tmp_path / "holiday" / "beach", ["1.png", "2.png"])
    (tmp_path / "holiday" / "3.jpg").write_text("no picture")
    (tmp_path / "holiday" / "attributes.csv").write_text("file,Smiling\n")
    (tmp_path / "self").symlink_to(tmp_path)
    assert main(["scan", "--data", str(tmp_path)]) == 1
    said = capsys.readouterr()
    counts, refusal = said.err.splitlines()
    assert counts == "4 pictures, 1 unreadable"
    with pytest.raises(DataError, match=r"holds pictures \(0\.png\) beside folders of pictures") as refused:
        open_dataset(tmp_path, image_size=8)
    assert refusal == f"to train on it: {refused.value}"
    assert said.out.startswith("holiday/3.jpg: ")
    for side in ("train", "test"):
        write(tmp_path / "deep" / side, ["0.png"])
        (tmp_path / "deep" / side / "attributes.csv").write_text("file,Smiling\n0.png,1\n")
    assert main(["scan", "--data", str(tmp_path / "deep")]) == 0
    assert "\nto train on it: " in (told := capsys.readouterr().err)
    assert "lies too deep" in told
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="there are no pictures in"):
        scan_pictures(tmp_path / "empty")


@pytest.mark.parametrize("cached", [False, True])
def test_a_link_that_leads_to_nothing_is_a_picture_that_cannot_be_read(tmp_path, capsys, cached):
    faces = tmp_path / "faces"
    write(faces, ["a.png", "b.png"])
    for name, target in (("there", "back"), ("back", "there"), ("gone", "nowhere"), ("gone.txt", "nowhere")):
        (faces / name).symlink_to(target)  # none of a picture
    options = {"image_size": 8, "cache_dir": tmp_path / "cache" if cached else None}
    assert open_dataset(faces, **options).files == ["a.png", "b.png"]
    assert scan_pictures(faces) == (2, [], {}, {})
    (faces / "lost.png").symlink_to("gone.png")
    with pytest.raises(DataError, match=r"^lost\.png: the link leads to nothing; .*--skip-broken"):
        open_dataset(faces, **options)
    assert open_dataset(faces, skip_broken=True, **options).files == ["a.png", "b.png"]
    (faces / "itself.png").symlink_to("itself.png")
    assert main(["scan", "--data", str(faces)]) == 1
    said = capsys.readouterr()
    assert said.err == "4 pictures, 2 unreadable\n"
    itself, lost = said.out.splitlines()
    assert itself.startswith("itself.png: the file cannot be opened (the link leads to nothing); ")
    assert lost.startswith("lost.png: the link leads to nothing; ")


def test_rows_of_a_linked_folder_find_their_pictures(tmp_path):
    write(tmp_path / "elsewhere", ["0.png", "1.png"])
    (tmp_path / "set" / "images").mkdir(parents=True)
    (tmp_path / "set" / "images" / "a").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "set" / "attributes.csv").write_text("file,Smiling\na/0.png,1\na/1.png,0\n")
    data = open_dataset(tmp_path / "set", image_size=8)
    assert data.attributes.tolist() == [[1], [0]]


@pytest.mark.parametrize("lone", ["train/", "train/images/", "images/train/", "train/cat/", "test/"])
def test_a_table_added_to_the_folder_of_one_split_holds_out_the_same_pictures(tmp_path, lone):
    names = [f"{lone}{number:02}.png" for number in range(60)]
    write(tmp_path, names, 4, 4)
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "0.heic").touch()
    rows = [name.removeprefix("images/") for name in names]
    before = {split: open_dataset(tmp_path, image_size=4, split=split) for split in ("train", "test")}
    assert sorted(before["train"].files + before["test"].files) == rows
    assert before["test"].other_kinds == ({} if lone.startswith("images/") else {".heic": 1})
    (tmp_path / "attributes.csv").write_text("\n".join(["file,Smiling", *(f"{name},1" for name in rows)]))
    for split, pictures in before.items():
        assert open_dataset(tmp_path, image_size=4, split=split).files == pictures.files


def test_files_of_other_kinds_are_counted_and_told(tmp_path, capsys):
    faces = tmp_path / "faces"
    for side, name in (("train", "a"), ("train", "b"), ("test", "c")):
        write(faces / side, [f"{name}.png"])
    for name in ("train/x.heic", "train/y.HEIC", "test/z.bmp", "test/raw", "notes.txt", "table.csv", ".hidden.gif"):
        (faces / name).write_text("")
    assert open_dataset(faces, image_size=8, split="test").other_kinds == {".heic": 2, "": 1, ".bmp": 1}
    message = "4 files of other kinds passed over: .heic 2, without an ending 1, .bmp 1\n"
    assert main(["scan", "--data", str(faces)]) == 0
    assert capsys.readouterr().err == f"3 pictures, 0 unreadable\n{message}"
    assert (
        main(
            [
                "train",
                "--data",
                str(faces),
                "--out",
                str(tmp_path / "run"),
                "--quiet",
                *MODEL,
                "--image-size",
                "8",
                "--steps",
                "1",
                "--batch-size",
                "2",
            ]
        )
        == 0
    )
    assert message in capsys.readouterr().err
    assert main(["scan", "--data", str(faces), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["other_kinds"][".heic"] == 2
    for path in faces.rglob("*.png"):
        path.unlink()
    with pytest.raises(DataError, match=r"no pictures in .*faces \(4 files of other kinds passed over: \.heic 2"):
        open_dataset(faces, image_size=8)


def test_splits_inside_the_folder_of_one_split_are_refused_not_split_anew(tmp_path):
    write(tmp_path, ["training/train/1.png", "training/train/2.png", "training/test/3.png"])
    with pytest.raises(DataError, match="training has splits of its own inside; give that folder, or move them to"):
        open_dataset(tmp_path, image_size=8)
    assert open_dataset(tmp_path / "training", image_size=8, split="test").files == ["test/3.png"]
