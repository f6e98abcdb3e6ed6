"""Alignment of a folder of photos for training."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from explorer.cli import main
from explorer.portraits import aligning, face_detector, faces
from glowcore.data import open_dataset

DATA = Path(__file__).resolve().parents[1] / "data"


@pytest.fixture
def album(tmp_path):
    """A photo with a face, the same within a folder, one without, one that is broken, a hidden file, and no picture."""
    folder = tmp_path / "album"
    (folder / "holiday").mkdir(parents=True)
    shutil.copy(DATA / "astronaut.jpg", folder / "a.jpg")
    shutil.copy(DATA / "astronaut.jpg", folder / "holiday" / "b.JPG")
    Image.fromarray(np.full((80, 80, 3), 90, np.uint8)).save(folder / "wall.png")
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (folder / "._a.jpg").write_bytes(b"what a Mac leaves beside a.jpg")
    (folder / "notes.txt").write_text("no picture")
    (folder / "c.HEIC").write_bytes(b"....ftypheic")
    (folder / ".thumbnails").mkdir()
    shutil.copy(DATA / "astronaut.jpg", folder / ".thumbnails" / "a.jpg")
    return folder


def test_every_face_is_written_to_one_folder_that_can_be_trained_on(album, tmp_path, capsys):
    out = tmp_path / "faces"
    assert main(["align", "--data", str(album), "--size", "48", "--out", str(out)]) == 0
    assert sorted(str(p.relative_to(out)) for p in out.rglob("*.*")) == ["a.png", "holiday__b.png"]
    picture = np.asarray(Image.open(out / "a.png"))
    assert picture.shape == (48, 48, 3)
    # Detected again in the crop, the eyes are within 3 pixels of the template's.
    large = np.asarray(Image.fromarray(picture).resize((192, 192), Image.Resampling.BICUBIC))
    eyes = face_detector.find(large)[0].landmarks[:2] / 4
    assert np.abs(eyes - faces.TEMPLATE[:2] * 48).max() < 3
    said = capsys.readouterr().err
    assert f"faces of 2 of 4 photos written to {out}, 48x48; " in said
    assert "no face in 1 photo; 1 file cannot be read" in said
    assert "1 file of another kind passed over: .heic 1\n" in said
    assert "no face found: wall.png" in said
    assert "skipped broken.png" in said
    (album / "lost.jpg").symlink_to(album / "gone.jpg")
    assert main(["align", "--data", str(album), "--size", "48", "--out", str(out)]) == 0
    again = capsys.readouterr().err
    assert "skipped lost.jpg: the link leads to nothing\n" in again
    assert "2 files cannot be read" in again
    data = open_dataset(str(out), image_size=48, split="all", progress=False)
    assert data.files == ["a.png", "holiday__b.png"]
    assert data.labels is None


def test_faces_smaller_than_asked_for_are_counted_and_named(album, tmp_path, capsys):
    with Image.open(DATA / "astronaut.jpg") as photo:
        photo.resize((photo.width // 4, photo.height // 4), Image.Resampling.BOX).save(album / "small.png")
    assert main(["align", "--data", str(album), "--size", "64", "--out", str(tmp_path / "faces")]) == 0
    said = capsys.readouterr().err
    enlarged = re.search(r"1 face of fewer pixels than 64x64 was enlarged: small\.png (\d\.\d) times\n", said)
    whole, small = (aligning.Photo.read(file.read_bytes()) for file in (album / "a.jpg", album / "small.png"))
    width = small.found[0].landmarks[1, 0] - small.found[0].landmarks[0, 0]
    assert float(enlarged[1]) == pytest.approx(0.36 * 64 / width, abs=0.3)
    assert (whole.found[0].landmarks[1, 0] - whole.found[0].landmarks[0, 0]) > 0.36 * 64
    assert main(["align", "--data", str(album), "--size", "16", "--out", str(tmp_path / "tiny")]) == 0
    assert "enlarged" not in capsys.readouterr().err


def test_what_is_there_already_is_left_alone(album, tmp_path, capsys):
    out = tmp_path / "faces"
    out.mkdir()
    (out / "a.png").write_bytes(b"mine")
    assert main(["align", "--data", str(album), "--out", str(out)]) == 0
    assert (out / "a.png").read_bytes() == b"mine"
    assert "faces of 1 of 4 photos written to " in (said := capsys.readouterr().err)
    assert "1 was there already" in said


def test_photos_that_differ_in_their_endings_are_told_apart_by_them(album, tmp_path, capsys):
    out = tmp_path / "faces"
    assert main(["align", "--data", str(album), "--out", str(out)]) == 0
    shutil.copy(album / "a.jpg", album / "a.webp")  # added later: its face must not be written twice
    assert main(["align", "--data", str(album), "--out", str(out)]) == 0
    assert sorted(p.name for p in out.rglob("*.*")) == ["a.png", "a.webp.png", "holiday__b.png"]
    assert "faces of 1 of 5 photos written" in (said := capsys.readouterr().err)
    assert "2 were there already" in said


def test_a_photo_added_before_another_of_its_stem_takes_neither_its_name_nor_its_face(album, tmp_path, capsys):
    out = tmp_path / "faces"
    (album / "a.jpg").rename(album / "a.webp")
    assert main(["align", "--data", str(album), "--out", str(out)]) == 0
    first = (out / "a.png").read_bytes()
    photo = Image.open(DATA / "astronaut.jpg")
    photo.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(album / "a.jpg")
    for written, kept in ((1, 2), (0, 3)):
        capsys.readouterr()
        assert main(["align", "--data", str(album), "--out", str(out)]) == 0
        assert sorted(p.name for p in out.rglob("*.*")) == ["a.jpg.png", "a.png", "holiday__b.png"]
        error = capsys.readouterr().err
        assert f"faces of {written} of 5 photos written" in error
        assert f"{kept} were there already" in error
    assert (out / "a.png").read_bytes() == first
    faces_of = [np.asarray(Image.open(out / name)).astype(int) for name in ("a.png", "a.jpg.png")]
    assert np.abs(faces_of[0] - faces_of[1]).mean() > 5
    # The face of a photo that is gone stays its own.
    (album / "a.webp").unlink()
    assert main(["align", "--data", str(album), "--out", str(out)]) == 0
    assert (out / "a.png").read_bytes() == first
    assert len(list(out.iterdir())) == 3


def test_every_photo_has_a_name_of_its_own_where_those_of_three_would_be_the_same(tmp_path):
    names = ["a/b/c.jpg", "a/b__c.jpg", "a__b/c.jpg", "a__b__c.jpg"]
    files = [path.name for path in aligning.targets(names, tmp_path / "out", 64).values()]
    assert files[:2] == ["a__b__c.png", "a__b__c.jpg.png"]
    assert len(set(files)) == 4


def test_names_too_long_for_a_file_are_shortened(album, tmp_path, capsys):
    out = tmp_path / "faces"
    for last in "12":
        folder = album / ("a" * 100) / ("\u00e9" * 80 + last)  # 2 bytes a character
        folder.mkdir(parents=True)
        shutil.copy(album / "a.jpg", folder / "b.jpg")
    for written, kept in ((4, 0), (0, 4)):
        assert main(["align", "--data", str(album), "--out", str(out)]) == 0
        error = capsys.readouterr().err
        assert f"faces of {written} of 6 photos written" in error
        assert ("4 were there already" in error) == bool(kept)
        names = sorted(p.name for p in out.iterdir())
        assert len(names) == 4
        assert "holiday__b.png" in names
        assert all(len(os.fsencode(name)) <= 255 for name in names)


def test_a_photo_that_is_named_like_another_with_its_folder_keeps_a_name_of_its_own(album, tmp_path, capsys):
    out = tmp_path / "faces"
    shutil.copy(album / "a.jpg", album / "holiday__b.png")
    assert main(["align", "--data", str(album), "--out", str(out)]) == 0
    names = ["a.png", "holiday__b.png", "holiday__b.png.png"]
    assert sorted(p.name for p in out.rglob("*.*")) == names
    assert main(["align", "--data", str(album), "--out", str(out)]) == 0
    assert sorted(p.name for p in out.rglob("*.*")) == names
    assert "faces of 0 of 5 photos written" in (said := capsys.readouterr().err)
    assert "3 were there already" in said


def test_photos_of_one_name_are_told_apart_by_their_folders_and_none_is_left_out_in_silence(album, tmp_path, capsys):
    for number in range(6):
        (album / f"{number}").mkdir()
        shutil.copy(album / "wall.png", album / f"{number}" / "0.png")
        shutil.copy(album / "broken.png", album / f"{number}" / "broken.png")
    assert main(["align", "--data", str(album), "--out", str(tmp_path / "faces")]) == 0
    lines = capsys.readouterr().err.splitlines()
    assert [line for line in lines if "no face found" in line] == [
        *(f"no face found: {number}/0.png" for number in range(5)),
        "no face found in 2 more",
    ]
    skipped = [line.split(": ")[0] for line in lines if line.startswith("skipped")]
    assert skipped == [*(f"skipped {number}/broken.png" for number in range(5)), "skipped 2 more"]


def test_faces_of_another_size_are_not_mixed(album, tmp_path, capsys):
    command = ["align", "--data", str(album), "--out", str(tmp_path / "faces")]
    assert main(command) == 0
    capsys.readouterr()
    assert main([*command, "--size", "96"]) == 2
    assert "holds pictures of 64x64 already (a.png), --size is 96" in capsys.readouterr().err


def test_not_one_face_is_no_success(album, tmp_path, capsys):
    for path in (album / "a.jpg", album / "holiday" / "b.JPG"):
        path.unlink()
    assert main(["align", "--data", str(album), "--out", str(tmp_path / "faces")]) == 1
    assert "faces of 0 of 2 photos written" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["align --out OUT", "photos --model pretrained/tiny"])
def test_what_is_no_folder_of_photos_is_told_so(home, tmp_path, capsys, command):
    (tmp_path / "a.jpg").write_text("")
    (tmp_path / "films").mkdir()
    (tmp_path / "films" / "a.mov").write_text("")
    given = command.replace("OUT", str(tmp_path / "out")).split()
    for data, words in (
        ("gone", "does not exist, expected a folder"),
        ("a.jpg", "is a file, expected a folder"),
        ("films", "webp); 1 file of another kind passed over: .mov 1"),
    ):
        assert main([*given, "--data", str(tmp_path / data)]) == 2
        error = capsys.readouterr().err
        assert words in error
        assert error.count("\n") == 1


def test_a_folder_without_photos_is_one_sentence_before_the_work(tmp_path, capsys):
    (tmp_path / "album").mkdir()
    assert main(["align", "--data", str(tmp_path / "album"), "--out", str(tmp_path / "faces")]) == 2
    assert "holds no photos" in capsys.readouterr().err
    assert not (tmp_path / "faces").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["--size", "4"], "--size is 4, expected 8 to 1024"), (["--out", "ALBUM/faces"], "lies within --data")],
)
def test_a_wrong_argument_is_one_sentence(album, capsys, arguments, words):
    given = ["--data", str(album), "--out", "ALBUM/../faces", *arguments]
    assert main(["align", *(a.replace("ALBUM", str(album)) for a in given)]) == 2
    assert words in capsys.readouterr().err
    assert not (album / "faces").exists()
