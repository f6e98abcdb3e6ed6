"""Data sets: every layout is recognised, every mistake is a one-line error, every picture equals the loader's."""

import os
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from glowcore import images
from glowcore.data import open_dataset, picture_store
from glowcore.data.folders import split_by_name
from glowcore.errors import DataError
from tests.glowcore.data_folders import write, write_table
from tests.glowcore.odd_files import smooth


@pytest.fixture
def table(tmp_path):
    return write_table(tmp_path)


def test_table_layout(table):
    data = open_dataset(table, image_size=8, split="train")
    assert data.files == ["0.png", "1.png", "4.png"]
    assert data.images.dtype == torch.uint8
    assert data.images.shape == (3, 3, 8, 8)
    assert data.attribute_names == ("Smiling", "Male")
    assert data.attributes.dtype == torch.int8
    assert data.attributes.tolist() == [[1, 0], [0, -1], [0, 0]]
    assert data.labels is None
    assert len(data) == 3
    for split, count in (("valid", 1), ("test", 2), ("all", 6), (None, 6)):
        assert len(open_dataset(table, image_size=8, split=split)) == count
    assert len(open_dataset(table, image_size=8)) == 6
    assert open_dataset(str(table), image_size=8, limit=2).files == ["0.png", "1.png"]


def test_a_set_prints_as_one_line_however_many_pictures_it_has(table):
    dataset = open_dataset(table, image_size=8)
    many = replace(dataset, files=dataset.files * 5000, skipped=[("a.png", "empty")] * 500)
    count = len(dataset)
    assert repr(many) == f"PictureSet({count} pictures of 3x8x8, 2 attributes, 0 classes, 500 skipped)"


def test_pictures_are_what_the_loader_of_the_application_gives(table):
    data = open_dataset(table, image_size=8)
    for name, picture in zip(data.files, data.images, strict=True):
        expected = images.resize_area(images.load((table / "images" / name).read_bytes()), (8, 8))
        assert np.array_equal(picture.permute(1, 2, 0).numpy(), expected)
        assert torch.equal(images.to_tensor(expected)[0], picture / 255)


def test_grey_and_other_shapes(table):
    assert open_dataset(table, image_size=(8, 4), channels=1).images.shape == (6, 1, 8, 4)
    picture = open_dataset(table, image_size=16, channels=1).images[0, 0].numpy()
    assert np.array_equal(picture, images.to_channels(smooth(16, 16), 1)[..., 0])


def test_mixed_sizes_are_cut_to_the_centre_and_averaged(tmp_path):
    write(tmp_path, ["wide.png"], 20, 40)
    write(tmp_path, ["tall.jpg"], 60, 10, "JPEG")
    write(tmp_path, ["dot.webp"], 1, 1, "WEBP")
    data = open_dataset(tmp_path, image_size=10)
    assert data.files == ["dot.webp", "tall.jpg", "wide.png"]
    wide = images.resize_area(np.ascontiguousarray(smooth(20, 40)[:, 10:30]), (10, 10))
    assert np.array_equal(data.images[2].permute(1, 2, 0).numpy(), wide)


def test_a_table_may_lie_among_the_pictures_and_name_their_folder(tmp_path):
    write(tmp_path, ["a.png", "sub/b.png"])
    (tmp_path / "attributes.csv").write_text("file,A\na.png,1\nsub/b.png,0\n")
    data = open_dataset(tmp_path, image_size=8)
    assert dict(zip(data.files, data.attributes[:, 0].tolist(), strict=True)) == {"a.png": 1, "sub/b.png": 0}
    (tmp_path / "images").mkdir()
    (tmp_path / "a.png").rename(tmp_path / "images" / "a.png")
    (tmp_path / "attributes.csv").write_text("file,A\nimages/a.png,1\n")
    assert open_dataset(tmp_path, image_size=8).attributes.tolist() == [[1]]


def test_plain_folder_is_split_by_the_hash_of_the_name(tmp_path):
    names = [f"{i:03}.png" for i in range(60)]
    write(tmp_path, names, 4, 4)
    (tmp_path / "Thumbs.db").write_bytes(b"not a picture and not looked at")
    (tmp_path / "._000.png").write_bytes(b"nor this")
    test, train = (open_dataset(tmp_path, image_size=4, split=split).files for split in ("test", "train"))
    assert sorted(test + train) == names
    assert test == [name for name, part in zip(names, split_by_name(names), strict=True) if part == "test"]
    assert 1 <= len(test) <= 9
    (tmp_path / test[0]).unlink()
    (tmp_path / train[0]).unlink()
    assert open_dataset(tmp_path, image_size=4, split="test").files == test[1:]


def test_hash_split_is_one_in_twenty_and_never_leaves_a_side_empty():
    assert split_by_name(["000.jpg", "8.jpg"]).tolist() == split_by_name(["000.jpg", "8.jpg"]).tolist()
    share = (split_by_name([f"{i}.jpg" for i in range(20_000)]) == "test").mean()
    assert 0.045 < share < 0.055
    for count in range(2, 40):
        assert set(split_by_name([f"{count}-{i}" for i in range(count)])) == {"train", "test"}
    assert split_by_name(["alone.jpg"]).tolist() in (["train"], ["test"])


@pytest.mark.parametrize("lone", ["", "train/", "Training/", "val/", "test/images/"])
def test_class_folders_give_labels(tmp_path, lone):
    write(tmp_path / lone, ["cat/1.png", "cat/2.png", "dog/1.png", "dog/deep/3.png"])
    (tmp_path / "empty").mkdir()
    data = open_dataset(tmp_path, image_size=8)
    assert data.class_names == ("cat", "dog")
    assert data.files == [f"{lone}{file}" for file in ("cat/1.png", "cat/2.png", "dog/1.png", "dog/deep/3.png")]
    assert data.labels.tolist() == [0, 0, 1, 1]
    assert data.labels.dtype == torch.int64


def test_pictures_beside_class_folders_are_refused_with_both_named(tmp_path):
    write(tmp_path, ["cat/1.png", "dog/1.png", "dog/2.png", "stray.png"])
    with pytest.raises(DataError, match=r"holds pictures \(stray\.png\) beside folders of pictures \(cat/\)"):
        open_dataset(tmp_path, image_size=8)
    (tmp_path / "stray.png").unlink()
    assert len(open_dataset(tmp_path, image_size=8, split="all")) == 3


def test_train_and_test_folders_are_the_split(tmp_path):
    write(tmp_path, ["train/cat/1.png", "train/dog/2.png", "test/cat/3.png", "test/dog/4.png"])
    data = open_dataset(tmp_path, image_size=8, split="test")
    assert data.files == ["test/cat/3.png", "test/dog/4.png"]
    assert data.labels.tolist() == [0, 1]
    write(tmp_path, ["val/bird/5.png"])
    with pytest.raises(DataError, match="different class folders"):
        open_dataset(tmp_path, image_size=8)


def test_split_folders_of_plain_pictures(tmp_path):
    write(tmp_path, ["train/1.png", "train/2.png", "val/images/3.png"])
    assert open_dataset(tmp_path, image_size=8, split="valid").files == ["val/images/3.png"]
    with pytest.raises(DataError, match=r"no pictures of split 'test'; it has train \(2\), valid \(1\)"):
        open_dataset(tmp_path, image_size=8, split="test")


@pytest.mark.parametrize(("train", "test"), [("Train", "Test"), ("training", "testing"), ("TRAIN", "Testing")])
def test_folders_of_a_split_go_by_all_its_names(tmp_path, train, test):
    write(tmp_path, [f"{train}/1.png", f"{train}/2.png", f"{test}/3.png"])
    assert open_dataset(tmp_path, image_size=8, split="train").files == [f"{train}/1.png", f"{train}/2.png"]
    data = open_dataset(tmp_path, image_size=8, split="test")
    assert data.files == [f"{test}/3.png"]
    assert data.labels is None


@pytest.mark.parametrize("inner", ["", "images/"])
def test_a_table_without_a_split_leaves_it_to_the_folders(tmp_path, inner):
    write(tmp_path, [f"{inner}{split}/{i}.png" for split in ("Train", "val", "test") for i in range(4)], 4, 4)
    rows = [f"{split}/{i}.png,{i % 2}" for split in ("Train", "val", "test") for i in range(4)]
    (tmp_path / "attributes.csv").write_text("\n".join(["file,A", *rows]))
    for split, folder in (("train", "Train"), ("valid", "val"), ("test", "test")):
        data = open_dataset(tmp_path, image_size=4, split=split)
        assert data.files == [f"{folder}/{i}.png" for i in range(4)]
        assert data.attributes.tolist() == [[0], [1], [0], [1]]
    (tmp_path / "attributes.csv").write_text("\n".join(["file,split,A", *(row.replace(",", ",test,") for row in rows)]))
    assert len(open_dataset(tmp_path, image_size=4, split="test")) == 12


@pytest.mark.parametrize(("odd", "named", "table"), [
    ("extra/4.png", "extra", False), ("extra/4.png", "extra", True), ("extra/deep/4.png", "extra", True),
    ("4.png", "4.png", True),
])  # fmt: skip
def test_what_lies_beside_the_folders_of_a_split_is_refused_not_split_anew(tmp_path, odd, named, table):
    names = ["Train/1.png", "val/2.png", odd]
    write(tmp_path, names, 4, 4)
    if table:
        (tmp_path / "attributes.csv").write_text("file,Smiling\n" + "".join(f"{name},1\n" for name in names))
    with pytest.raises(DataError, match=f"^{named} lies beside Train/, val/ in .* a column `split`") as caught:
        open_dataset(tmp_path, image_size=4, split="train")
    assert "\n" not in str(caught.value)
    rows = "Train/1.png,1,train\nval/2.png,1,test\n" + f"{odd},1,train\n"
    (tmp_path / "attributes.csv").write_text("file,Smiling,split\n" + rows)
    assert open_dataset(tmp_path, image_size=4, split="test").files == ["val/2.png"]


@pytest.mark.parametrize("where", ["train", "test", "val/images"])
def test_a_table_inside_the_folder_of_a_split_is_refused_not_dropped(tmp_path, where):
    write(tmp_path, ["train/1.png", "test/2.png", "val/images/3.png"], 4, 4)
    (tmp_path / where / "attributes.csv").write_text("file,A\n1.png,1\n")
    with pytest.raises(DataError, match=f"{where}/attributes.csv lies too deep; .* outermost folder"):
        open_dataset(tmp_path, image_size=4)


@pytest.fixture
def celeba(tmp_path):
    write(tmp_path / "img_align_celeba", ["000001.jpg", "000002.jpg", "000003.jpg"], 218, 178, "JPEG")
    (tmp_path / "list_attr_celeba.txt").write_text(
        "3\nSmiling Male\n000001.jpg -1  1\n000002.jpg  1 -1\n000003.jpg  1  1\n"
    )
    (tmp_path / "list_eval_partition.txt").write_text("000001.jpg 0\n000002.jpg 1\n000003.jpg 2\n")
    return tmp_path


def test_celeba_layout(celeba):
    data = open_dataset(celeba, image_size=64)
    assert data.attribute_names == ("Smiling", "Male")
    assert data.attributes.tolist() == [[0, 1], [1, 0], [1, 1]]
    picture = images.load(celeba / "img_align_celeba" / "000001.jpg")
    expected = images.resize_area(np.ascontiguousarray(picture[35:183, 15:163]), (64, 64))
    assert np.array_equal(data.images[0].permute(1, 2, 0).numpy(), expected)
    for split, name in (("train", "000001.jpg"), ("valid", "000002.jpg"), ("test", "000003.jpg")):
        assert open_dataset(celeba, image_size=8, split=split).files == [name]


def test_aligned_celeba_of_another_size_is_left_alone(celeba):
    write(celeba / "img_align_celeba", ["000001.jpg", "000002.jpg", "000003.jpg"], 64, 64, "PNG")
    assert np.array_equal(open_dataset(celeba, image_size=64).images[0].permute(1, 2, 0).numpy(), smooth(64, 64))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda folder: folder / "nowhere", "there is no folder"),
        (lambda folder: folder, "there are no pictures in"),
        (lambda folder: (folder / "x.png").write_text("x") and folder / "x.png", "is a file"),
        (lambda folder: (folder / "x.gif").write_text("x") and folder, ".jpg, .jpeg, .png or .webp"),
    ],
)
def test_a_wrong_folder_is_one_line_that_says_what_would_do(tmp_path, make, words):
    with pytest.raises(DataError) as caught:
        open_dataset(make(tmp_path), image_size=8)
    assert words in str(caught.value)
    assert "is expected" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_jpeg_is_found_by_any_of_its_endings(tmp_path):
    names = ["0.jpg", "1.JPEG", "2.jfif", "3.jpe"]
    write(tmp_path, names, kind="JPEG")
    assert open_dataset(tmp_path, image_size=8).files == names


def test_wrong_arguments_are_one_line(table):
    for wrong, words in (({"split": "dev"}, "'dev'"), ({"channels": 2}, "2 channels"), ({"limit": 0}, "limit 0")):
        with pytest.raises(DataError, match=words):
            open_dataset(table, **{"image_size": 8, **wrong})


def test_cache_file_is_made_once_and_read_again(table, tmp_path, monkeypatch):
    cache = tmp_path / "cache"
    memory = open_dataset(table, image_size=8)
    first = open_dataset(table, image_size=8, cache_dir=cache)
    assert first.fingerprint() == memory.fingerprint()
    assert sorted(path.suffix for path in cache.iterdir()) == [".json", ".u8"]

    def fail(*_, **__):
        raise AssertionError("decoded again")

    monkeypatch.setattr(picture_store.images, "load", fail)
    second = open_dataset(table, image_size=8, cache_dir=cache)
    assert second.fingerprint() == memory.fingerprint()
    second.images[0] = 0  # copy on write: the file keeps its pictures
    assert open_dataset(table, image_size=8, cache_dir=cache).fingerprint() == memory.fingerprint()
    os.utime(table / "images" / "0.png", ns=(1, 1))
    with pytest.raises(AssertionError, match="decoded again"):
        open_dataset(table, image_size=8, cache_dir=cache)
    assert not list(cache.glob("*.part"))


def test_a_large_set_is_mapped_without_being_asked(table, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home-cache"))
    memory = open_dataset(table, image_size=8)
    monkeypatch.setattr(picture_store, "MEMORY_LIMIT", 100)
    assert open_dataset(table, image_size=8).fingerprint() == memory.fingerprint()
    assert list((tmp_path / "home-cache" / "glowcore").glob("*.u8"))


def test_a_cache_that_cannot_be_written_is_one_line(table, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError, match=r"the cache .* cannot take 0 MB of pictures"):
        open_dataset(table, image_size=8, cache_dir=tmp_path / "file" / "cache")


def test_a_full_disk_shows_before_decoding(table, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(picture_store.os, "posix_fallocate", full, raising=False)
    with pytest.raises(DataError, match=r"the disk is full.*--cache-dir"):
        open_dataset(table, image_size=8, cache_dir=tmp_path / "cache")
    assert not list((tmp_path / "cache").iterdir())


def test_progress_is_shown_on_stderr_for_many_pictures(table, monkeypatch, capsys):
    open_dataset(table, image_size=8)
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr(picture_store, "QUIET_BELOW", 1)
    open_dataset(table, image_size=8)
    assert capsys.readouterr() == ("", "")  # stderr is no terminal
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    open_dataset(table, image_size=8)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "decoding: 100%" in shown.err
    assert "pictures/s" in shown.err
    open_dataset(table, image_size=8, progress=False)
    assert capsys.readouterr().err == ""


def test_fingerprint_sees_pixels_names_and_labels(table):
    before = open_dataset(table, image_size=8)
    assert open_dataset(table, image_size=8).fingerprint() == before.fingerprint()
    text = (table / "attributes.csv").read_text()
    (table / "attributes.csv").write_text(text.replace("train,1,0", "train,0,0"))
    assert open_dataset(table, image_size=8).fingerprint() != before.fingerprint()
    (table / "attributes.csv").write_text(text)
    (table / "images" / "0.png").write_bytes((table / "images" / "1.png").read_bytes())
    assert open_dataset(table, image_size=8).fingerprint() != before.fingerprint()
    assert before.labels is None
    labelled = replace(before, labels=torch.zeros(len(before), dtype=torch.int64), class_names=("cat", "dog"))
    others = (replace(labelled, class_names=names) for names in (("dog", "cat"), ("cat", "dog", "cow"), ()))
    assert len({data.fingerprint() for data in (before, labelled, *others)}) == 5


def test_the_shared_sets(faces_folder):
    fairface = open_dataset(faces_folder / "fairface64", image_size=64, split="test")
    assert len(fairface) == 1500
    assert fairface.images.shape == (1500, 3, 64, 64)
    assert {"Smiling", "Eyeglasses", "Male", "Young"} <= set(fairface.attribute_names)
    celeba = open_dataset(faces_folder / "celeba64", image_size=64, split="test", limit=50)
    assert len(celeba.attribute_names) == 40
    assert celeba.attributes.min() == 0
    first = images.load(faces_folder / "celeba64" / "img_align_celeba" / celeba.files[0])
    assert np.array_equal(celeba.images[0].permute(1, 2, 0).numpy(), first)
