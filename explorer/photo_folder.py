"""The photos of a folder that a command is given with --data."""

from pathlib import Path

from glowcore.errors import ConfigError
from glowcore.images import PICTURE_SUFFIXES

SUFFIXES = ", ".join(PICTURE_SUFFIXES)


def photos_in(folder: Path, pattern: str) -> list[Path]:
    """Return the files of a folder that match a pattern of :meth:`pathlib.Path.glob` and end like a photo, sorted.

    Raises:
        ConfigError: there are none.
    """
    paths = sorted(p for p in folder.glob(pattern) if p.suffix.lower() in PICTURE_SUFFIXES and p.is_file())
    if not paths:
        raise ConfigError(f"--data {folder} holds no photos ({SUFFIXES})")
    return paths
