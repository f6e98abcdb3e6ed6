"""Attribute tables of pictures, as a CSV file or in CelebA's format.

A CSV file has a header. The first column names the picture, with or without its ending; a column ``split`` and a column
``class`` (any name, for class-conditional models) are optional; every other column is an attribute with 1 / 0 / empty
for yes / no / unknown. Other common forms of these values are accepted (``-1 / 1``, ``true / false``, ``t / f``,
``yes / no``, ``y / n``, ``1.0 / 0.0``, ``+1``; ``?``, ``nan``, ``na``, ``n/a``, ``none``, ``null`` and ``unknown`` for
unknown), in upper or lower case, as are a byte order mark, ``;`` or tabs, CRLF and a header without a name for the file
column. Anything else raises a :class:`DataError` that names the row or column; nothing is guessed.
"""

import csv
import io
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from glowcore.errors import DataError, reason
from glowcore.images import PICTURE_SUFFIXES
from glowcore.text import counted, printable

UNKNOWN = -1
SPLIT_WORDS = {
    "train": "train", "training": "train", "0": "train",
    "valid": "valid", "val": "valid", "validation": "valid", "1": "valid",
    "test": "test", "testing": "test", "2": "test",
}  # fmt: skip

_MINUS_ONE = ("-1", "-1.0", "−1")
_VALUES = {
    **dict.fromkeys(("1", "1.0", "+1", "true", "yes", "t", "y"), 1),
    **dict.fromkeys(("0", "0.0", "false", "no", "f", "n"), 0),
    **dict.fromkeys(_MINUS_ONE, 0),
    **dict.fromkeys(("", "nan", "na", "n/a", "none", "null", "unknown", "?"), UNKNOWN),
}
_FILE_COLUMNS = frozenset(("file", "filename", "file_name", "image", "image_id", "name", "path", "picture"))


@dataclass(frozen=True)
class AttributeTable:
    """The rows of a table, in the order of the file.

    Attributes:
        files: N names, in the form of :func:`_normalise`.
        names: the A attribute names.
        values: int8 ``[N, A]``: 1 yes, 0 no, -1 unknown.
        splits: N of ``"train"``, ``"valid"``, ``"test"``, or None if the table has no such column.
        classes: N names of classes, empty where unknown, or None if the table has no such column.
    """

    files: list[str]
    names: tuple[str, ...]
    values: np.ndarray
    splits: list[str] | None
    classes: list[str] | None = None


def _normalise(name: str) -> str:
    """Return a file name in the form used for comparison: NFC, ``/`` between folders, no leading ``./``."""
    return unicodedata.normalize("NFC", name.strip()).replace("\\", "/").removeprefix("./")


def read_csv(path: Path) -> AttributeTable:
    """Read a CSV attribute table.

    Raises:
        DataError: not readable as UTF-8 CSV, no header, a row of another length, a duplicate name, an unknown value or
            split, or both 0 and -1 in one table (-1 could then mean no or unknown).
    """
    text = _read_text(path)
    first = text.lstrip("\n").partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    try:
        rows = [
            (number, [cell.strip() for cell in row])
            for number, row in enumerate(csv.reader(io.StringIO(text), delimiter=delimiter, strict=True), 1)
            if any(cell.strip() for cell in row)
        ]
    except csv.Error as error:
        raise DataError(f"{path.name} is not a CSV table ({error}); a header and rows of cells are expected") from error
    if not rows:
        raise DataError(f"{path.name} is empty; a header `file,split,NAME,...` and one row a picture are expected")
    header = rows.pop(0)[1]
    named = bool(rows) and rows[0][1][0].lower().endswith(PICTURE_SUFFIXES)
    if named and len(rows[0][1]) == len(header) + 1 and header[0].lower() not in _FILE_COLUMNS:
        header = ["file", *header]
    elif not header[0] and not named and any(column.lower() in _FILE_COLUMNS for column in header):
        raise DataError(
            f"{path.name} has a first column without a name, as pandas writes its index; the first column names the "
            "picture: leave that of the index out (index=False)"
        )
    elif header[0].lower().endswith(PICTURE_SUFFIXES):
        raise DataError(f"{path.name} begins with a picture; its first line must be a header `file,split,NAME,...`")
    return _build(path, header, rows)


def read_celeba(folder: Path) -> AttributeTable:
    """Read ``list_attr_celeba.txt`` and, if present, ``list_eval_partition.txt`` (0 train, 1 valid, 2 test).

    Raises:
        DataError: as :func:`read_csv`, or the count in the first line differs from the number of rows.
    """
    path = folder / "list_attr_celeba.txt"
    lines = _read_text(path).split("\n")
    if len(lines) < 2 or not lines[0].strip().isdigit():
        raise DataError(f"{path.name} does not begin with the number of pictures and a line of attribute names")
    rows = [(number, line.split()) for number, line in enumerate(lines[2:], 3) if line.strip()]
    if len(rows) != int(lines[0]):
        raise DataError(f"{path.name} announces {int(lines[0])} pictures and has {len(rows)} rows; is it cut short?")
    table = _build(path, ["file", *lines[1].split()], rows)
    partition = folder / "list_eval_partition.txt"
    if not partition.is_file():
        return table
    rows = [(number, line.split()) for number, line in enumerate(_read_text(partition).split("\n"), 1) if line.strip()]
    parts = _build(partition, ["file", "split"], rows)
    split_of = dict(zip(parts.files, parts.splits or [], strict=True))
    missing = [name for name in table.files if name not in split_of]
    if missing:
        raise DataError(f"{partition.name} lacks {_count(missing)} of {path.name}; every picture needs 0, 1 or 2")
    return AttributeTable(table.files, table.names, table.values, [split_of[name] for name in table.files])


def match_rows(
    table: AttributeTable, files: Sequence[str], name: str, *, prefix: str = "", tolerant: bool = False
) -> np.ndarray:
    """Return the row of every file in the table, int64 ``[len(files)]``, -1 for a file without a row.

    A row may leave out the ending of a picture, unless two pictures differ only in their endings.

    Args:
        table: the table to search.
        files: paths of the pictures relative to their folder.
        name: name of the table in messages.
        prefix: optional prefix of the names in the table, such as ``"images/"``.
        tolerant: accept pictures without a row and rows without a picture.

    Raises:
        DataError: pictures without a row, rows without a picture or with several, unless ``tolerant``; two rows for one
            picture; or no picture has a row.
    """
    row_of: dict[str, int] = {}
    for row, file in enumerate(table.files):
        if (other := row_of.setdefault(file.removeprefix(prefix), row)) != row:
            raise _named_twice(name, table.files[other], file)
    keys = [_normalise(file) for file in files]
    stems = [key.rpartition(".")[0] for key in keys]
    full, count_of = set(keys), Counter(keys + stems)
    for key, stem in zip(keys, stems, strict=True):
        if key in row_of and stem in row_of and count_of[stem] == 1:
            raise _named_twice(name, stem, key)
        if not tolerant and stem in row_of and count_of[stem] > 1 and stem not in full:
            choices = " or ".join(printable(other) for other in keys if other.rpartition(".")[0] == stem)
            raise DataError(f"{name}: {printable(stem)} may be {choices}; write the ending")
    names = [stem if key not in row_of and count_of[stem] == 1 else key for key, stem in zip(keys, stems, strict=True)]
    rows = np.array([row_of.get(name, -1) for name in names], dtype=np.int64)
    if table.files and (rows < 0).all():
        raise DataError(
            f"{name} has no row for any picture: the table says {printable(table.files[0])!r}, the folder "
            f"{printable(files[0])!r}; write its first column as in the folder"
        )
    if tolerant:
        return rows
    missing = [file for file, row in zip(files, rows, strict=True) if row < 0]
    if missing:
        raise DataError(
            f"{name} has no row for {_count(missing)} of {len(files)}; "
            "add rows (empty cells are unknown) or go on with --skip-broken"
        )
    extra = sorted(set(row_of) - set(names))
    if extra:
        raise DataError(f"{name} names {_count(extra)} not in the folder; drop the rows or go on with --skip-broken")
    return rows


def _count(names: Sequence[str]) -> str:
    return f"{counted(len(names), 'picture')} ({printable(names[0])}{', ...' if len(names) > 1 else ''})"


def _named_twice(name: str, first: str, second: str) -> DataError:
    return DataError(f"{name} names one picture twice, as {printable(first)} and {printable(second)}; drop one row")


def _read_text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path.name} cannot be read ({reason(error)})") from error
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise DataError(f"{path.name} is not UTF-8 text (byte {error.start}); save it as UTF-8") from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _build(path: Path, header: list[str], rows: list[tuple[int, list[str]]]) -> AttributeTable:
    """Build a table from the cells of its header and, with their line numbers, of its rows."""
    columns = [_normalise(cell) for cell in header]
    split_column = _find_column(columns, "split", "partition")
    class_column = _find_column(columns, "class")
    attributes = [i for i in range(1, len(columns)) if i not in (split_column, class_column)]
    names = tuple(columns[i] for i in attributes)
    _check_names(path, names)
    line_of: dict[str, int] = {}
    splits: list[str] = []
    classes: list[str] = []
    values = np.full((len(rows), len(names)), UNKNOWN, dtype=np.int8)
    zero = minus = None  # the first lines with 0 and with -1
    for index, (number, cells) in enumerate(rows):
        if len(cells) != len(columns):
            raise DataError(f"{path.name}, line {number}: {len(cells)} cells, the header has {len(columns)}")
        file = _normalise(cells[0])
        if not file:
            raise DataError(f"{path.name}, line {number}: no file name in the first column")
        if line_of.setdefault(file, number) != number:
            raise DataError(f"{path.name}, line {number}: {printable(file)} is already in line {line_of[file]}")
        if split_column is not None:
            splits.append(_split(path, number, cells[split_column]))
        if class_column is not None:
            classes.append(unicodedata.normalize("NFC", cells[class_column]))
        for column, i in enumerate(attributes):
            values[index, column] = value = _value(path, number, names[column], cells[i])
            if cells[i] in _MINUS_ONE:
                minus = minus or number
            elif value == 0:
                zero = zero or number
    if zero and minus:
        raise DataError(f"{path.name} has 0 (line {zero}) and -1 (line {minus}); write 1 / 0 / empty (unknown)")
    return AttributeTable(
        list(line_of),
        names,
        values,
        splits if split_column is not None else None,
        classes if class_column is not None else None,
    )


def _find_column(columns: Sequence[str], *names: str) -> int | None:
    return next((i for i, column in enumerate(columns) if i and column.lower() in names), None)


def _check_names(path: Path, names: Sequence[str]) -> None:
    if "" in names or len(set(names)) < len(names):
        wrong = next(name for name in names if not name or names.count(name) > 1)
        columns = f"two columns {printable(wrong, 30)}" if wrong else "a column without a name"
        raise DataError(f"{path.name} has {columns}; every attribute needs a name of its own")


def _value(path: Path, number: int, name: str, cell: str) -> int:
    value = _VALUES.get(cell.lower())
    if value is None:
        raise DataError(
            f"{path.name}, line {number}: {name} is {printable(cell, 30)!r}; "
            "1, 0 or empty (unknown) is expected, also -1 / 1 and true / false; "
            "a column of class names must be called `class`"
        )
    return value


def _split(path: Path, number: int, cell: str) -> str:
    if cell.lower() not in SPLIT_WORDS:
        raise DataError(f"{path.name}, line {number}: split {printable(cell, 30)!r}; train, valid or test is expected")
    return SPLIT_WORDS[cell.lower()]
