"""Listing of the pictures in a folder with their splits, attributes and classes, before any picture is opened.

:mod:`glowcore.data.picture_set` describes the layouts.
"""

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from glowcore.data.attribute_table import (
    SPLIT_WORDS,
    UNKNOWN,
    AttributeTable,
    match_rows,
    read_celeba,
    read_csv,
)
from glowcore.data.files import files_in, is_picture, other_kinds, passed_over
from glowcore.errors import DataError, reason
from glowcore.text import printable

ACCEPTED = (
    "a folder of .jpg, .jpeg, .png or .webp pictures is expected, with attributes.csv or class folders if you like, "
    "CelebA's layout, or torchvision:NAME:ROOT"
)
TEST_ONE_IN = 20


@dataclass(frozen=True)
class Listing:
    """The pictures of a data set before they are decoded.

    Attributes:
        folder: the folder that ``files`` are relative to.
        files: N names, sorted.
        splits: str ``[N]``: train, valid or test.
        attributes: int8 ``[N, A]``: 1 yes, 0 no, -1 unknown.
        attribute_names: the A names.
        labels: int64 ``[N]`` class numbers, -1 where unknown, or None.
        class_names: name of each class.
        absent: names in the table that have no picture.
        celeba: whether the pictures are CelebA's aligned ones.
        other_kinds: number of files with each ending that is not read (:func:`glowcore.data.files.other_kinds`).
    """

    folder: Path
    files: list[str]
    splits: np.ndarray
    attributes: np.ndarray
    attribute_names: tuple[str, ...] = ()
    labels: np.ndarray | None = None
    class_names: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    celeba: bool = False
    other_kinds: dict[str, int] = field(default_factory=dict)

    def take(self, rows: Sequence[int] | np.ndarray) -> "Listing":
        """Return the listing of the pictures in ``rows``."""
        rows = np.asarray(rows, dtype=np.int64)
        return replace(
            self,
            files=[self.files[row] for row in rows],
            splits=self.splits[rows],
            attributes=self.attributes[rows],
            labels=None if self.labels is None else self.labels[rows],
        )


def split_by_name(files: Sequence[str]) -> np.ndarray:
    """Return ``"test"`` or ``"train"`` for every file: one in twenty is ``"test"``, by the hash of its name.

    :mod:`glowcore.data.picture_set` gives the rule.
    """
    hashes = np.array(
        [int(hashlib.sha256(file.encode("utf-8", "surrogateescape")).hexdigest()[:8], 16) for file in files]
    )
    test = hashes % TEST_ONE_IN == 0
    if len(files) > 1 and (not test.any() or test.all()):
        test = np.arange(len(files)) == hashes.argmin()
    return np.where(test, "test", "train").astype("<U5")


def list_pictures(folder: Path, *, tolerant: bool = False, any_tree: bool = False) -> Listing:
    """List the pictures of a folder in one of the layouts of :mod:`glowcore.data.picture_set`.

    Args:
        folder: the outermost folder.
        tolerant: take pictures without a row of the table as unlabelled, and skip rows without a picture.
        any_tree: of a folder without a table, take all pictures in and below it, without classes.

    Raises:
        DataError: no such folder, no pictures in it, pictures beside folders of pictures, or a malformed table.
    """
    name = printable(str(folder), 120)
    if not folder.exists():
        raise DataError(f"there is no folder {name}; {ACCEPTED}")
    if not folder.is_dir():
        raise DataError(f"{name} is a file; {ACCEPTED}")
    try:
        listing = _list(folder, tolerant, any_tree)
        return replace(listing, other_kinds=other_kinds(files_in(listing.folder)))
    except OSError as error:
        raise DataError(f"{name} cannot be read ({reason(error)}); {ACCEPTED}") from error


def _list(folder: Path, tolerant: bool, any_tree: bool) -> Listing:
    if (folder / "list_attr_celeba.txt").is_file():
        return _list_table(folder, read_celeba(folder), "list_attr_celeba.txt", "img_align_celeba", tolerant)
    if (folder / "attributes.csv").is_file():
        return _list_table(folder, read_csv(folder / "attributes.csv"), "attributes.csv", "images", tolerant)
    if any_tree:
        return _list_plain(folder, _pictures(folder))
    return _list_folders(folder)


def _list_table(folder: Path, table: AttributeTable, name: str, inner: str, tolerant: bool) -> Listing:
    inside = folder / inner if (folder / inner).is_dir() else folder
    files = _pictures(inside)
    if not files:
        raise _empty(inside)
    rows = match_rows(table, files, name, prefix=f"{inner}/", tolerant=tolerant)
    known = np.flatnonzero(rows >= 0)
    attributes = np.full((len(files), len(table.names)), UNKNOWN, dtype=np.int8)
    attributes[known] = table.values[rows[known]]
    if table.splits is None:
        folders = [file.partition("/")[0] for file in files]
        split_of = _named_splits(inside, set(folders))
        splits = split_by_name(files) if split_of is None else np.array([split_of[f] for f in folders], dtype="<U5")
    else:
        splits = np.full(len(files), "train", dtype="<U5")
        splits[known] = np.array(table.splits, dtype="<U5")[rows[known]]
    matched = set(rows.tolist())
    absent = tuple(file for row, file in enumerate(table.files) if row not in matched)
    labels, class_names = _table_classes(table, rows)
    celeba = inner == "img_align_celeba"
    return Listing(inside, files, splits, attributes, table.names, labels, class_names, absent, celeba)


def _table_classes(table: AttributeTable, rows: np.ndarray) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """Return the class numbers of the pictures in ``rows`` (-1 without a row or a class), and the names of classes."""
    if table.classes is None:
        return None, ()
    names = _sorted_classes(set(table.classes) - {""})
    # A picture without a row has row -1, which selects the last number.
    numbers = [names.index(name) if name else UNKNOWN for name in table.classes] + [UNKNOWN]
    return np.array(numbers, dtype=np.int64)[rows], tuple(names)


def _sorted_classes(names: Iterable[str]) -> list[str]:
    """Sort names of classes, as integers if all names are decimal numbers, otherwise alphabetically."""
    names = sorted(names)
    return sorted(names, key=int) if all(name.isdecimal() for name in names) else names


def _named_splits(folder: Path, names: Collection[str]) -> dict[str, str] | None:
    """Return the split of each name, if there are several and all are names of splits, among them train; else None.

    Raises:
        DataError: another name beside train and test; a guess could let test pictures into training.
    """
    split_of = {name: SPLIT_WORDS[name.lower()] for name in names if name.isalpha() and name.lower() in SPLIT_WORDS}
    splits, others = set(split_of.values()), sorted(set(names) - set(split_of))
    if others and {"train"} < splits:
        raise DataError(
            f"{printable(others[0], 60)} lies beside {'/, '.join(sorted(split_of))}/ in "
            f"{printable(str(folder), 120)}, and is no split; expected only those, or an attributes.csv "
            "with a column `split` that says where each picture belongs"
        )
    return split_of if len(split_of) > 1 and not others and "train" in splits else None


def _list_folders(folder: Path) -> Listing:
    if (folder / "attributes.csv").is_file():  # in the outermost folder, _list would have read it
        raise DataError(
            f"{printable(str(folder / 'attributes.csv'), 120)} lies too deep; one table for all pictures "
            "is expected in the outermost folder, which names them such as train/0001.png"
        )
    files = _pictures(folder)
    loose = [file for file in files if "/" not in file]
    inner = _sorted_classes({file.partition("/")[0] for file in files if "/" in file})
    if loose and inner:
        raise DataError(
            f"{printable(str(folder), 120)} holds pictures ({printable(loose[0], 60)}) beside folders of "
            f"pictures ({printable(inner[0], 60)}/); only the one or only the other is expected"
        )
    if not inner:
        return _list_plain(folder, files)
    if inner == ["images"]:
        return _list_folders(folder / "images")
    if len(inner) == 1 and inner[0].isalpha() and inner[0].lower() in SPLIT_WORDS:
        part = _list_folders(folder / inner[0])
        if (part.splits != split_by_name(part.files)).any():
            raise DataError(
                f"{printable(str(part.folder), 120)} has splits of its own inside; give that folder, or move them "
                f"to {printable(str(folder), 120)}"
            )
        lone = _join(folder, [(inner[0], "", part)])
        return replace(lone, splits=split_by_name(lone.files))  # by the names that a table has, as _list_table
    if (split_of := _named_splits(folder, inner)) is not None:
        return _join(folder, [(name, split, _list_folders(folder / name)) for name, split in split_of.items()])
    number = {name: index for index, name in enumerate(inner)}
    files.sort(key=lambda file: number[file.partition("/")[0]])
    labels = np.array([number[file.partition("/")[0]] for file in files], dtype=np.int64)
    return replace(_list_plain(folder, files), labels=labels, class_names=tuple(inner))


def _list_plain(folder: Path, files: list[str]) -> Listing:
    if not files:
        raise _empty(folder)
    return Listing(folder, files, split_by_name(files), np.zeros((len(files), 0), dtype=np.int8))


def _join(folder: Path, parts: list[tuple[str, str, Listing]]) -> Listing:
    """Join the listings of ``train/``, ``test/`` ..., given as (folder name, split, listing), into one.

    Raises:
        DataError: the class folders differ.
    """
    first_name, _, first = parts[0]
    for name, _, part in parts:
        if part.class_names != first.class_names:
            raise DataError(
                f"{first_name}/ and {name}/ in {printable(str(folder), 120)} have different class folders; the same "
                "are expected in each"
            )
    files = [
        (part.folder / file).relative_to(folder).as_posix()  # the folder of a part may be its subfolder ``images/``
        for _, _, part in parts
        for file in part.files
    ]
    splits = np.concatenate([np.full(len(part.files), split, dtype="<U5") for _, split, part in parts])
    labels = None if first.labels is None else np.concatenate([part.labels for _, _, part in parts])
    return Listing(folder, files, splits, np.zeros((len(files), 0), dtype=np.int8), (), labels, first.class_names)


def choose_split(listing: Listing, split: str) -> Listing:
    """Return the listing of one split, ``"train"``, ``"valid"`` or ``"test"``, or of ``"all"`` pictures.

    Raises:
        DataError: there is no picture of that split.
    """
    if split == "all":
        return listing
    rows = np.flatnonzero(listing.splits == split)
    if len(rows) == 0:
        names, counts = np.unique(listing.splits, return_counts=True)
        others = ", ".join(f"{name} ({count})" for name, count in zip(names, counts, strict=True))
        raise DataError(f"{printable(str(listing.folder), 120)} has no pictures of split {split!r}; it has {others}")
    return listing.take(rows)


def _pictures(folder: Path) -> list[str]:
    return [name for name in files_in(folder) if is_picture(name)]


def _empty(folder: Path) -> DataError:
    kinds = other_kinds(files_in(folder))
    others = f" ({passed_over(kinds)})" if kinds else ""
    return DataError(f"there are no pictures in {printable(str(folder), 120)}{others}; {ACCEPTED}")
