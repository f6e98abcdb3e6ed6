"""Which files a folder holds, in it and in those below it: one rule for every command.

What is hidden (its name begins with a dot) is passed over. Links are followed, to files and to folders, but not from
within a folder back to that folder or one around it.
"""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePath

from glowcore.images import PICTURE_SUFFIXES

#: Endings of what lies beside pictures to describe them: nobody misses a picture there.
_WORDS = (".csv", ".html", ".json", ".md", ".pdf", ".txt")


def files_in(folder: Path, *, deep: bool) -> list[str]:
    """Return the names of all files, relative to the folder and sorted; of those below it too if ``deep``.

    Raises:
        OSError: a folder cannot be read.
    """
    return sorted(_walk(folder, "", deep, frozenset()))


def is_picture(name: str) -> bool:
    """Whether a file ends as the pictures that are read do."""
    return name.lower().endswith(PICTURE_SUFFIXES)


def other_kinds(names: Iterable[str]) -> dict[str, int]:
    """Return how many files have each ending that is not read ("" is none), without texts; the most frequent first."""
    endings = Counter(PurePath(name).suffix.lower() for name in names if not is_picture(name))
    return {ending: count for ending, count in endings.most_common() if ending not in _WORDS}


def passed_over(kinds: Mapping[str, int]) -> str:
    """Return :func:`other_kinds` in words: "3 files of other kinds passed over: .heic 2, without an ending 1"."""
    count = sum(kinds.values())
    named = ", ".join(f"{ending or 'without an ending'} {number}" for ending, number in kinds.items())
    what = "1 file of another kind" if count == 1 else f"{count} files of other kinds"
    return f"{what} passed over: {named}"


def _walk(folder: Path, prefix: str, deep: bool, around: frozenset[tuple[int, int]]) -> Iterator[str]:
    status = folder.stat()
    place = (status.st_dev, status.st_ino)
    if place in around:
        return
    for entry in os.scandir(folder):
        if entry.name.startswith("."):
            continue
        if entry.is_file():
            yield prefix + entry.name
        elif deep and entry.is_dir():
            yield from _walk(Path(entry.path), f"{prefix}{entry.name}/", deep, around | {place})
