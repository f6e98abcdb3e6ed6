"""The photos of a folder that a command is given with --data."""

from pathlib import Path

from glowcore.data.files import files_in, is_picture, other_kinds, passed_over
from glowcore.errors import ConfigError, reason
from glowcore.images import PICTURE_SUFFIXES

SUFFIXES = ", ".join(PICTURE_SUFFIXES)


def photos_in(folder: Path) -> tuple[list[str], dict[str, int]]:
    """The photos of a folder and of those below it: their names relative to it, sorted.

    With them how many files have each ending that is not read (`glowcore.data.files.other_kinds`).

    Raises:
        ConfigError: there is no such folder, or no photo in it.
    """
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "does not exist"
        raise ConfigError(f"--data {folder} {what}, expected a folder of photos ({SUFFIXES})")
    try:
        names = files_in(folder, deep=True)
    except OSError as error:
        raise ConfigError(f"--data {folder} cannot be read: {reason(error)}") from error
    photos, kinds = [name for name in names if is_picture(name)], other_kinds(names)
    if not photos:
        others = f"; {passed_over(kinds)}" if kinds else ""
        raise ConfigError(f"--data {folder} holds no photos ({SUFFIXES}){others}")
    return photos, kinds
