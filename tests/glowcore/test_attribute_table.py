"""Attribute tables: accepted forms, and the error messages for all others."""

import numpy as np
import pytest

from glowcore.data.attribute_table import match_rows, read_celeba, read_csv
from glowcore.errors import DataError

PLAIN = "file,split,Smiling,Male\na.jpg,train,1,0\nb.jpg,test,,1\nc.jpg,train,0,\n"
VALUES = [[1, 0], [-1, 1], [0, -1]]


def _read(tmp_path, text: str | bytes):
    path = tmp_path / "attributes.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_csv(path)


@pytest.mark.parametrize(
    "text",
    [
        PLAIN,
        PLAIN.encode("utf-8-sig"),
        PLAIN.encode("utf-16"),
        PLAIN.replace("\n", "\r\n"),
        PLAIN.replace("\n", "\r"),
        PLAIN.replace(",", ";"),
        PLAIN.replace(",", "\t"),
        PLAIN.replace("file,", "", 1),
        PLAIN.replace("\n", "\n\n") + "\n,,,\n",
        PLAIN.replace("a.jpg", '"a.jpg"').replace(",1", ", 1 "),
        PLAIN.replace(",0", ",-1"),
        PLAIN.replace(",0", ",False").replace(",1", ",TRUE"),
        PLAIN.replace(",0", ",no").replace(",1", ",yes"),
        PLAIN.replace(",0", ",0.0").replace(",1", ",1.0").replace(",,", ",nan,"),
        PLAIN.replace("train", "0").replace("test", "2").replace("split", "partition"),
        PLAIN.replace("a.jpg", "./a.jpg"),
    ],
    ids=[
        "plain", "bom", "utf-16", "crlf", "cr", "semicolon", "tab", "header-shifted", "empty-lines", "quotes",
        "minus-one", "true-false", "yes-no", "floats-and-nan", "celeba-partition-numbers", "dot-slash",
    ],
)  # fmt: skip
def test_common_ways_of_writing_a_table_mean_the_same(tmp_path, text):
    table = _read(tmp_path, text)
    assert table.files == ["a.jpg", "b.jpg", "c.jpg"]
    assert table.names == ("Smiling", "Male")
    assert table.values.tolist() == VALUES
    assert table.values.dtype == np.int8
    assert table.splits == ["train", "test", "train"]


def test_split_and_attributes_are_optional(tmp_path):
    assert _read(tmp_path, "file,Smiling\na.jpg,1\n").splits is None
    bare = _read(tmp_path, "image_id\na.jpg\n")
    assert bare.names == ()
    assert bare.values.shape == (1, 0)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        (b"\xff\xfe\0", "not UTF-8"),
        ("file,A\na.jpg,\xe9\n".encode("latin-1"), "not UTF-8"),
        ('file,A\na.jpg,"1\n', "not a CSV table"),
        ("a.jpg,1\nb.jpg,0\n", "begins with a picture"),
        ("file,A\na.jpg,1,0\n", "line 2: 3 cells, the header has 2"),
        ("file,A,B\na.jpg,1\n", "line 2: 2 cells, the header has 3"),
        ("file,A\n,1\n", "line 2: no file name"),
        ("file,A\na.jpg,1\nb.jpg,0\na.jpg,1\n", "line 4: a.jpg is already in line 2"),
        ("file,A\na.jpg,maybe\n", "line 2: A is 'maybe'; 1, 0 or empty"),
        ("file,Age\na.jpg,37\n", "line 2: Age is '37'"),
        (
            "file,label\na.jpg,cat\n",
            "label is 'cat'; 1, 0 or empty (unknown) is expected, also -1 / 1 and true / false; a "
            "column of class names must be called `class`",
        ),
        ("file,A\na.jpg,0\nb.jpg,-1\n", "has 0 (line 2) and -1 (line 3)"),
        ("file,split,A\na.jpg,later,1\n", "line 2: split 'later'; train, valid or test"),
        ("file,A,A\na.jpg,1,0\n", "two columns A"),
        ("file,A,\na.jpg,1,0\n", "a column without a name"),
        (",file,A\n0,a.jpg,1\n", "a first column without a name, as pandas writes its index"),
    ],
)
def test_what_cannot_be_understood_is_named(tmp_path, text, words):
    with pytest.raises(DataError) as caught:
        _read(tmp_path, text)
    assert words in str(caught.value)
    assert "attributes.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_first_column_without_a_name_may_name_the_pictures(tmp_path):
    table = _read(tmp_path, ",name\na.jpg,1\n")
    assert (table.files, table.names) == (["a.jpg"], ("name",))


def test_names_match_whatever_their_unicode_form(tmp_path):
    table = _read(tmp_path, "file,A\ncafe\u0301.jpg,1\nimages/\U0001f600.jpg,0\n")
    rows = match_rows(table, ["caf\u00e9.jpg", "\U0001f600.jpg"], "attributes.csv", prefix="images/")
    assert rows.tolist() == [0, 1]


def test_names_without_endings_match_the_only_picture_of_that_name(tmp_path):
    table = _read(tmp_path, "file,A\n001,1\nsub/002,0\n003.png,1\n")
    assert match_rows(table, ["001.jpg", "003.png", "sub/002.JPEG"], "attributes.csv").tolist() == [0, 2, 1]
    with pytest.raises(DataError, match=r"attributes.csv: 001 may be 001.jpg or 001.png; write the ending"):
        match_rows(table, ["001.jpg", "001.png", "003.png", "sub/002.JPEG"], "attributes.csv")
    # A row that names another picture in full is not taken for its lookalike.
    rows = match_rows(table, ["001.jpg", "003.png", "003.png.jpg", "sub/002.JPEG"], "attributes.csv", tolerant=True)
    assert rows.tolist() == [0, 2, -1, 1]
    # Those with --skip-broken are left out, as pictures without a row are.
    rows = match_rows(table, ["001.jpg", "001.png", "003.png"], "attributes.csv", tolerant=True)
    assert rows.tolist() == [-1, -1, 2]


@pytest.mark.parametrize("tolerant", [False, True])
def test_two_rows_for_one_picture_are_refused(tmp_path, tolerant):
    both = _read(tmp_path, "file,A\ntest/a,1\ntest/a.jpg,0\n")
    with pytest.raises(DataError, match=r"attributes.csv names one picture twice, as test/a and test/a.jpg; drop one"):
        match_rows(both, ["test/a.jpg"], "attributes.csv", tolerant=tolerant)
    prefixed = _read(tmp_path, "file,A\nimages/a.jpg,1\na.jpg,0\n")
    with pytest.raises(DataError, match=r"attributes.csv names one picture twice, as images/a.jpg and a.jpg; drop one"):
        match_rows(prefixed, ["a.jpg"], "attributes.csv", prefix="images/", tolerant=tolerant)
    # Here the shorter name is that of another picture.
    names = _read(tmp_path, "file,A\na.png,1\na.png.jpg,0\n")
    assert match_rows(names, ["a.png", "a.png.jpg"], "attributes.csv", tolerant=tolerant).tolist() == [0, 1]


@pytest.mark.parametrize("tolerant", [False, True])
def test_a_table_of_other_names_is_refused(tmp_path, tolerant):
    table = _read(tmp_path, "file,A\n/data/a.jpg,1\n/data/b.jpg,0\n")
    with pytest.raises(
        DataError, match=r"any picture: the table says '/data/a.jpg', the folder 'a.jpg'; write its first"
    ):
        match_rows(table, ["a.jpg", "b.jpg"], "attributes.csv", tolerant=tolerant)


def test_missing_and_extra_rows_are_refused_or_tolerated(tmp_path):
    table = _read(tmp_path, PLAIN)
    with pytest.raises(DataError, match=r"no row for 2 pictures \(d.jpg, ...\) of 3"):
        match_rows(table, ["a.jpg", "d.jpg", "e.jpg"], "attributes.csv")
    with pytest.raises(DataError, match=r"names 1 picture \(c.jpg\) not in the folder"):
        match_rows(table, ["a.jpg", "b.jpg"], "attributes.csv")
    assert match_rows(table, ["b.jpg", "d.jpg"], "attributes.csv", tolerant=True).tolist() == [1, -1]


ATTRIBUTES = "3\nSmiling Male \n1.jpg  1 -1\n2.jpg -1  1\n3.jpg -1 -1\n"
PARTITION = "1.jpg 0\n2.jpg 1\n3.jpg 2\n"


def test_celeba_tables(tmp_path):
    (tmp_path / "list_attr_celeba.txt").write_text(ATTRIBUTES)
    assert read_celeba(tmp_path).splits is None
    (tmp_path / "list_eval_partition.txt").write_text(PARTITION)
    table = read_celeba(tmp_path)
    assert table.names == ("Smiling", "Male")
    assert table.values.tolist() == [[1, 0], [0, 1], [0, 0]]
    assert table.splits == ["train", "valid", "test"]


@pytest.mark.parametrize(
    ("attributes", "partition", "words"),
    [
        ("Smiling\n1.jpg 1\n", PARTITION, "does not begin with the number of pictures"),
        (ATTRIBUTES.replace("3\n", "4\n", 1), PARTITION, "announces 4 pictures and has 3 rows"),
        (ATTRIBUTES.replace("-1 -1\n", "-1\n"), PARTITION, "line 5: 2 cells, the header has 3"),
        (ATTRIBUTES, "1.jpg 0\n", "list_eval_partition.txt lacks 2 pictures (2.jpg, ...)"),
        (ATTRIBUTES, PARTITION.replace(" 2", " 7"), "split '7'"),
    ],
)
def test_broken_celeba_tables_are_named(tmp_path, attributes, partition, words):
    (tmp_path / "list_attr_celeba.txt").write_text(attributes)
    (tmp_path / "list_eval_partition.txt").write_text(partition)
    with pytest.raises(DataError) as caught:
        read_celeba(tmp_path)
    assert words in str(caught.value)
