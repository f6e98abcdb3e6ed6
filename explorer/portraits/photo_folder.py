"""The photos in the folder that a command gets with --data."""

from pathlib import Path

from glowcore.data.files import files_in, is_picture, other_kinds, passed_over
from glowcore.errors import ConfigError, reason
from glowcore.images import PICTURE_SUFFIXES

SUFFIXES = ", ".join(PICTURE_SUFFIXES)


def photos_in(folder: Path) -> tuple[list[str], dict[str, int]]:
    """Return the photos of a folder and its subfolders: sorted names relative to it.

    Return also the number of files for each suffix that is not read (``glowcore.data.files.other_kinds``).

    Raises:
        ConfigError: the folder does not exist or holds no photo.
    """
    if not folder.is_dir():
        problem = "is a file" if folder.exists() else "does not exist"
        raise ConfigError(f"--data {folder} {problem}, expected a folder of photos ({SUFFIXES})")
    try:
        names = files_in(folder)
    except OSError as error:
        raise ConfigError(f"--data {folder} cannot be read: {reason(error)}") from error
    photos, kinds = [name for name in names if is_picture(name)], other_kinds(names)
    if not photos:
        others = f"; {passed_over(kinds)}" if kinds else ""
        raise ConfigError(f"--data {folder} holds no photos ({SUFFIXES}){others}")
    return photos, kinds
