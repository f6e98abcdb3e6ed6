"""Reading of the file sets that :mod:`glowcore.storage.atomic` writes, with every file's hash verified."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from glowcore.errors import CheckpointError, reason
from glowcore.storage.atomic import COMMITTED_FOLDER, MANIFEST

T = TypeVar("T")
MAX_JSON_BYTES = 1 << 20
ATTEMPTS = 50


class SealedSet:
    """The files of one manifest, in the folder or in an unfinished commit inside it."""

    def __init__(self, folder: Path, known: tuple[str, ...]) -> None:
        self.folder = folder
        self.manifest = _read_manifest(folder)
        self.entries = _check_manifest(folder / MANIFEST, self.manifest, known)

    def __contains__(self, name: str) -> bool:
        return name in self.entries

    def read(self, name: str, look: Callable[[BinaryIO], None] | None = None) -> bytes:
        """Return the contents of a file, after checking its size and SHA-256 against the manifest.

        Args:
            name: name of the file.
            look: called with the open file before the contents are read; it may raise to reject the file early.

        Raises:
            CheckpointError: missing, of another size, damaged, or not a regular file.
        """
        path = self.folder / name
        if name not in self.entries:
            raise CheckpointError(f"{path}: not listed in {MANIFEST}")
        size, digest = self.entries[name]
        with _open(self.folder, name) as file:
            actual = os.fstat(file.fileno()).st_size
            if actual != size:
                raise CheckpointError(f"{path}: damaged, {actual} bytes long where {MANIFEST} says {size}")
            if look is not None:
                look(file)
                file.seek(0)
            data = file.read(size + 1)
        if hashlib.sha256(data).hexdigest() != digest:
            raise CheckpointError(f"{path}: damaged, its SHA-256 is not the one in {MANIFEST}")
        return data


def read_set(folder: Path, known: tuple[str, ...], read: Callable[[SealedSet], T]) -> T:
    """Return ``read(files)`` of the set in ``folder``; call ``read`` again if a save replaced the set meanwhile.

    Raises:
        CheckpointError: the set is missing, incomplete or damaged.
    """
    if folder.is_file():
        raise CheckpointError(f"{folder}: is a file, expected the folder that holds it")
    if not folder.is_dir():
        raise CheckpointError(f"{folder}: no such folder")
    for _ in range(ATTEMPTS):
        files = SealedSet(folder, known)
        try:
            return read(files)
        except CheckpointError:
            if _read_manifest(folder) == files.manifest:
                raise
        except OSError as error:
            raise CheckpointError(f"{folder}: cannot be read, {reason(error)}") from error
        time.sleep(0.01)
    raise CheckpointError(f"{folder}: is being written to without pause, so it could not be read whole")


def _read_manifest(folder: Path) -> bytes:
    """Return the bytes of the valid manifest, unparsed.

    Raises:
        CheckpointError: there is no manifest, or it is too long.
    """
    try:
        with _open(folder, MANIFEST) as file:
            data = file.read(MAX_JSON_BYTES + 1)
    except OSError as error:
        raise CheckpointError(f"{folder / MANIFEST}: cannot be read, {reason(error)}") from error
    if len(data) > MAX_JSON_BYTES:
        raise CheckpointError(f"{folder / MANIFEST}: longer than {MAX_JSON_BYTES} bytes")
    return data


def parse_json(path: Path, data: bytes, limit: int = MAX_JSON_BYTES) -> dict[str, Any]:
    """Parse a JSON object without duplicate keys, NaN or Infinity.

    Args:
        path: name of the file in messages.
        data: UTF-8 text.
        limit: largest size of ``data`` in bytes.

    Raises:
        CheckpointError: ``data`` is anything else.
    """
    if len(data) > limit:
        raise CheckpointError(f"{path}: longer than {limit} bytes")
    try:
        value = json.loads(data.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: not valid JSON ({str(error)[:100]})") from error
    if not isinstance(value, dict):
        raise CheckpointError(f"{path}: holds a JSON {type(value).__name__}, expected an object")
    return value


def _open(folder: Path, name: str) -> BinaryIO:
    for path in (folder / COMMITTED_FOLDER / name, folder / name):
        try:
            # Without O_NONBLOCK, opening a named pipe would block until a writer opens it.
            descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        except (FileNotFoundError, NotADirectoryError):
            continue
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise CheckpointError(f"{path}: not a plain file")
        return os.fdopen(descriptor, "rb")
    hint = ", expected a folder that this program has saved, such as a model's" if name == MANIFEST else ""
    raise CheckpointError(f"{folder / name}: missing{hint}")


def _check_manifest(path: Path, data: bytes, known: tuple[str, ...]) -> dict[str, tuple[int, str]]:
    manifest = parse_json(path, data)
    version = manifest.get("manifest_version")
    if type(version) is not int or version != 1:
        raise CheckpointError(f"{path}: manifest version {version!r:.40}, this program reads version 1; update it")
    files = manifest.get("files")
    if set(manifest) != {"manifest_version", "files"} or not isinstance(files, dict):
        raise CheckpointError(f"{path}: expected the keys manifest_version and files")
    entries = {}
    for name, entry in files.items():
        if name not in known:
            raise CheckpointError(f"{path}: lists {name!r:.80}, expected only {', '.join(known)}")
        if not isinstance(entry, dict) or set(entry) != {"size", "sha256"}:
            raise CheckpointError(f"{path}: the entry of {name} needs size and sha256")
        size, digest = entry["size"], entry["sha256"]
        if type(size) is not int or size < 0 or not isinstance(digest, str):
            raise CheckpointError(f"{path}: the entry of {name} has no valid size and sha256")
        entries[name] = (size, digest)
    return entries


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a key appears twice")
    return result


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON number")
