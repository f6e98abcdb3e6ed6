"""Listing of the files in a folder and its subfolders, by one rule for every command.

Hidden files and folders (names that begin with a dot) are skipped. Symbolic links to files and folders are followed,
except links to a folder that contains the link. Links that lead nowhere are skipped unless they have the ending of a
picture: those are pictures that cannot be read.
"""

import errno
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePath

from glowcore.images import PICTURE_SUFFIXES

#: Endings of files that describe pictures; they are not counted among the files that are not read.
_TEXT_SUFFIXES = (".csv", ".html", ".json", ".md", ".pdf", ".txt")


def files_in(folder: Path) -> list[str]:
    """Return the sorted names of all files in and below ``folder``, relative to it.

    Raises:
        OSError: a folder cannot be read.
    """
    return sorted(_walk(folder, "", frozenset()))


def is_picture(name: str) -> bool:
    """Return whether a file has one of the endings of pictures."""
    return name.lower().endswith(PICTURE_SUFFIXES)


def other_kinds(names: Iterable[str]) -> dict[str, int]:
    """Count files by ending ("" for none), without pictures and texts; the most frequent ending comes first."""
    endings = Counter(PurePath(name).suffix.lower() for name in names if not is_picture(name))
    return {ending: count for ending, count in endings.most_common() if ending not in _TEXT_SUFFIXES}


def passed_over(kinds: Mapping[str, int]) -> str:
    """Return :func:`other_kinds` as a message: "3 files of other kinds passed over: .heic 2, without an ending 1"."""
    count = sum(kinds.values())
    counts = ", ".join(f"{ending or 'without an ending'} {number}" for ending, number in kinds.items())
    files = "1 file of another kind" if count == 1 else f"{count} files of other kinds"
    return f"{files} passed over: {counts}"


def _walk(folder: Path, prefix: str, parents: frozenset[tuple[int, int]]) -> Iterator[str]:
    status = folder.stat()
    identity = (status.st_dev, status.st_ino)
    if identity in parents:
        return
    for entry in os.scandir(folder):
        if entry.name.startswith("."):
            continue
        try:
            is_file, is_folder = entry.is_file(), entry.is_dir()
        except OSError as error:
            if error.errno != errno.ELOOP:
                raise
            is_file = is_folder = False  # links that lead to each other lead to nothing
        if is_file or (is_picture(entry.name) and entry.is_symlink() and not os.path.exists(entry.path)):
            yield prefix + entry.name
        elif is_folder:
            yield from _walk(Path(entry.path), f"{prefix}{entry.name}/", parents | {identity})
