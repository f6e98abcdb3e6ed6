"""Single files for the user, written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Sequence
from pathlib import Path

from glowcore.errors import ConfigError, reason
from glowcore.storage.atomic import sync_folder


def check_path(path: str | os.PathLike, suffixes: Sequence[str]) -> Path:
    """Return the path of a file to write, after a look before the work whether it can be written.

    Args:
        path: the file; its folder must exist, an earlier file there will be replaced.
        suffixes: the endings that are accepted, such as ``(".png",)``; upper case will do.

    Raises:
        ConfigError: another ending, no such folder, a folder of that name, or no permission.
    """
    path = Path(path)
    if path.is_dir():
        raise ConfigError(f"cannot write {path}: it is a folder, expected the name of a file")
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
    """Look before the work whether a folder is there to write into, or can be made with those above it.

    ``name`` is what the message calls it.

    Raises:
        ConfigError: it, or one above it, is a file, or permission is missing.
    """
    path = Path(path)
    there = next(above for above in (path, *path.absolute().parents) if above.exists())
    if not there.is_dir():
        raise ConfigError(f"{name} {path}: {there} is a file, expected a folder, which is made if it is missing")
    if not os.access(there, os.W_OK | os.X_OK):
        raise ConfigError(f"{name} {path}: the folder {there} is not writable")


def write(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path``: under another name beside it first, then by one rename.

    Raises:
        ConfigError: the disk is full, read-only, or permission is missing; an earlier file at ``path`` is intact.
    """
    part = path.with_name(f".{secrets.token_hex(8)}.part")  # its own name may be as long as allowed
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
