"""Unreadable pictures: training stops at one or skips a few on request, and `scan` lists all of them."""

import json
import os

import pytest

from glowcore.cli import main
from glowcore.data import open_dataset, scan_pictures
from glowcore.errors import DataError
from tests.glowcore.data_folders import write, write_table
from tests.glowcore.odd_files import encode, smooth
from tests.glowcore.tiny import write_pictures


@pytest.fixture
def table(tmp_path):
    return write_table(tmp_path)


def test_a_broken_picture_is_named_or_skipped(table):
    (table / "images" / "1.png").write_text("only text")
    with pytest.raises(DataError, match=r"^1\.png: this is not a picture.*--skip-broken") as caught:
        open_dataset(table, image_size=8)
    assert "\n" not in str(caught.value)
    data = open_dataset(table, image_size=8, skip_broken=True)
    assert data.files == ["0.png", "2.png", "3.png", "4.png", "5.png"]
    assert data.attributes.tolist() == [[1, 0], [-1, 1], [1, 1], [0, 0], [1, -1]]
    ((name, reason),) = data.skipped
    assert name == "1.png"
    assert reason.startswith("this is not a picture")


@pytest.mark.parametrize(("count", "broken", "works"), [
    (6, 1, True), (6, 2, False), (199, 1, True), (199, 2, False), (200, 2, True), (200, 3, False),
])  # fmt: skip
@pytest.mark.parametrize("cached", [False, True])
def test_skipping_stops_past_one_in_a_hundred(tmp_path, count, broken, works, cached):
    write(tmp_path / "set", [f"{i:03}.png" for i in range(count)], 2, 2)
    for index in range(broken):
        (tmp_path / "set" / f"{index:03}.png").write_bytes(encode(smooth(), "PNG")[:60])
    options = {"image_size": 2, "skip_broken": True, "cache_dir": tmp_path / "cache" if cached else None}
    for _ in range(2):  # from the cache in the second iteration
        if works:
            assert len(open_dataset(tmp_path / "set", **options)) == count - broken
            continue
        with pytest.raises(DataError, match=f"^{broken} of {count} pictures cannot be read.*glowcore scan") as caught:
            open_dataset(tmp_path / "set", **options)
        assert "\n" not in str(caught.value)


def test_every_unreadable_picture_is_found(table):
    assert scan_pictures(table) == (6, [], {}, {})
    (table / "images" / "sub").mkdir()
    (table / "images" / "sub" / "9.jpg").write_bytes(b"\xff\xd8\xff")
    (table / "images" / "1.png").write_text("only text")
    (table / "images" / "4.png").write_bytes(encode(smooth(), "PNG")[:60])
    (table / "images" / "2.png").unlink()
    count, broken, _, _ = scan_pictures(table)
    assert count == 6
    assert [name for name, _ in broken] == ["1.png", "4.png", "sub/9.jpg", "2.png"]
    reasons = [reason for _, reason in broken]
    assert reasons[0].startswith("this is not a picture")
    assert all("cut short" in reason for reason in reasons[1:3])
    assert reasons[3] == "named in the table, not in the folder"
    assert not any(name in reason for name, reason in broken)


def test_skipping_equals_a_cleaned_folder(table, tmp_path_factory):
    clean = open_dataset(table, image_size=8)
    (table / "images" / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    data = open_dataset(table, image_size=8, skip_broken=True)
    assert data.fingerprint() == clean.fingerprint()
    only_broken = tmp_path_factory.mktemp("broken")
    (only_broken / "a.jpg").write_bytes(b"\xff\xd8\xff")
    with pytest.raises(DataError, match=r"^the only picture cannot be read: a\.jpg"):
        open_dataset(only_broken, image_size=8, skip_broken=True)


def test_rows_and_pictures_that_lack_each_other(table):
    write(table / "images", ["new.png"])
    with pytest.raises(DataError, match=r"no row for 1 picture \(new.png\) of 7"):
        open_dataset(table, image_size=8)
    (table / "images" / "0.png").unlink()
    data = open_dataset(table, image_size=8, skip_broken=True)
    assert data.attributes[data.files.index("new.png")].tolist() == [-1, -1]
    assert data.skipped == [("0.png", "named in the table, not in the folder")]


def test_rows_that_name_pictures_without_their_endings_are_not_missing(table):
    rows = (table / "attributes.csv").read_text().replace(".png", "")
    (table / "attributes.csv").write_text(rows + "7,train,1,0\n")
    data = open_dataset(table, image_size=8, skip_broken=True)
    assert data.attributes.tolist() == [[1, 0], [0, -1], [-1, 1], [1, 1], [0, 0], [1, -1]]
    assert data.skipped == [("7", "named in the table, not in the folder")]


def test_cache_remembers_what_was_skipped_and_distrusts_damage(table, tmp_path):
    cache = tmp_path / "cache"
    (table / "images" / "1.png").write_text("only text")
    first = open_dataset(table, image_size=8, cache_dir=cache, skip_broken=True)
    seen = first.fingerprint()
    again = open_dataset(table, image_size=8, cache_dir=cache, skip_broken=True)
    assert again.skipped == first.skipped != []
    assert again.files == first.files
    (data,), (index,) = cache.glob("*.u8"), cache.glob("*.json")
    del first, again  # they map the file that is truncated next
    os.truncate(data, 10)
    assert open_dataset(table, image_size=8, cache_dir=cache, skip_broken=True).fingerprint() == seen
    index.write_text(json.dumps({"kept": 3}))
    assert open_dataset(table, image_size=8, cache_dir=cache, skip_broken=True).fingerprint() == seen


def test_scan_names_what_cannot_be_read(tmp_path, capsys):
    write_pictures(tmp_path / "faces", 10)
    scan = ["scan", "--data", str(tmp_path / "faces")]
    assert main(scan) == 0
    assert capsys.readouterr() == ("", "10 pictures, 0 unreadable\n")
    (tmp_path / "faces" / "notes.jpg").write_text("no picture", encoding="utf-8")
    (tmp_path / "faces" / "short.png").write_bytes(encode(smooth(), "PNG")[:40])
    assert main(scan) == 1
    output = capsys.readouterr()
    assert output.err == "12 pictures, 2 unreadable\n"
    assert [line.split(": ")[0] for line in output.out.splitlines()] == ["notes.jpg", "short.png"]
    assert main([*scan, "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["pictures"] == 12
    assert [entry["file"] for entry in report["unreadable"]] == ["notes.jpg", "short.png"]
    assert "cut short" in report["unreadable"][1]["reason"]
    for data, message in ((tmp_path / "nowhere", "there is no folder"), ("torchvision:MNIST:x", "expected a folder")):
        assert main(["scan", "--data", str(data)]) == 2
        assert message in capsys.readouterr().err
