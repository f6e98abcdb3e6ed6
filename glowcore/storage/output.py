"""Atomic writing of a single output file, and checks of an output's path before the work."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Sequence
from pathlib import Path

from glowcore.errors import ConfigError, reason
from glowcore.storage.atomic import sync_folder


def check_path(path: str | os.PathLike, suffixes: Sequence[str]) -> Path:
    """Return ``path`` if a file can be written there, so that a mistake is reported before the work.

    Args:
        path: the file to write; its folder must exist, an earlier file will be replaced.
        suffixes: the accepted endings, such as ``(".png",)``, in lower case; the case in ``path`` does not matter.

    Raises:
        ConfigError: another ending, a missing folder, a folder of that name, or no permission.
    """
    given, path = os.fspath(path), Path(path)
    if path.is_dir() or given.endswith(("/", os.sep)):
        raise ConfigError(f"cannot write {given}: it is a folder, expected the name of a file")
    if path.suffix.lower() not in suffixes:
        raise ConfigError(
            f"cannot write {path}: its ending is {path.suffix or 'missing'}, expected " + " or ".join(suffixes)
        )
    if not path.parent.is_dir():
        raise ConfigError(f"cannot write {path}: the folder {path.parent} does not exist")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise ConfigError(f"cannot write {path}: the folder {path.parent} is not writable")
    return path


def check_folder(path: str | os.PathLike, name: str) -> None:
    """Check that a folder can be written to, or created with its missing parents.

    Args:
        path: the folder.
        name: what messages call the folder.

    Raises:
        ConfigError: the folder or one of its parents is a file, or permission is missing.
    """
    path = Path(path)
    existing = next(folder for folder in (path, *path.absolute().parents) if folder.exists())
    if not existing.is_dir():
        raise ConfigError(f"{name} {path}: {existing} is a file, expected a folder, which is made if it is missing")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise ConfigError(f"{name} {path}: the folder {existing} is not writable")


def write(path: Path, data: bytes) -> None:
    """Write ``data`` to a temporary file beside ``path`` and rename it to ``path``.

    Raises:
        ConfigError: the disk is full or read-only, or permission is missing; an earlier file at ``path`` is intact.
    """
    part = path.with_name(f".{secrets.token_hex(8)}.part")  # a suffix to the name could exceed the longest name allowed
    try:
        try:
            with open(part, "xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, path)
        except BaseException:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {reason(error)}") from error
