"""A folder of photos made ready to train on."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from explorer import faces
from explorer.cli import main
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
    return folder


def test_every_face_is_written_in_its_place_and_can_be_trained_on(album, tmp_path, capsys):
    out = tmp_path / "faces"
    assert main(["align", "--data", str(album), "--size", "48", "--out", str(out)]) == 0
    assert sorted(str(p.relative_to(out)) for p in out.rglob("*.*")) == ["a.png", "holiday/b.png"]
    picture = np.asarray(Image.open(out / "a.png"))
    assert picture.shape == (48, 48, 3)
    # The face stands where the models expect it: found again, the eyes are within 3 pixels of the template's.
    large = np.asarray(Image.fromarray(picture).resize((192, 192), Image.Resampling.BICUBIC))
    eyes = faces.find(large)[0].landmarks[:2] / 4
    assert np.abs(eyes - faces.TEMPLATE[:2] * 48).max() < 3
    said = capsys.readouterr().err
    assert "2 of 4 faces of 48x48 written" in said
    assert "no face in 1 photos; 1 files cannot be read" in said
    assert "no face found: wall.png" in said
    assert "skipped broken.png" in said
    shutil.rmtree(out / "holiday")
    assert len(open_dataset(str(out), image_size=48, split="all", progress=False)) == 1


def test_what_is_there_already_is_left_alone(album, tmp_path, capsys):
    out = tmp_path / "faces"
    out.mkdir()
    (out / "a.png").write_bytes(b"mine")
    assert main(["align", "--data", str(album), "--out", str(out)]) == 0
    assert (out / "a.png").read_bytes() == b"mine"
    assert "1 of 4 faces of 64x64 written" in (said := capsys.readouterr().err)
    assert "1 were there already" in said


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda album: shutil.copy(album / "a.jpg", album / "a.webp"), "a.jpg and a.webp would both become a.png"),
        (lambda album: [p.unlink() for p in album.rglob("*.*")], "holds no photos"),
    ],
)
def test_a_folder_that_cannot_be_done_is_one_sentence_before_the_work(album, tmp_path, capsys, change, words):
    change(album)
    assert main(["align", "--data", str(album), "--out", str(tmp_path / "faces")]) == 2
    assert words in capsys.readouterr().err
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
