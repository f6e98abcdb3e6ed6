"""Sets of files that are written whole or not at all.

A set is a few named files in a folder and ``manifest.json`` with the size and SHA-256 of each. Several files cannot be
renamed at once, so a save goes through a journal of two folders inside the target folder::

    .saving/      everything is written and flushed here; a crash leaves it, the next save sweeps it
    .committed/   one rename makes .saving to .committed: from this moment on the new set is the valid one
                  its files are then renamed to their final names, manifest.json last, and the empty folder is removed

A reader takes the manifest from ``.committed/`` if it is there, else from the folder, looks for every file in the same
two places, and trusts nothing whose hash differs (:mod:`glowcore.storage.sealed`). It sees the old set or the new one,
whole, at any moment and after a crash at any moment. Files of other names in the folder are never touched.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from glowcore.errors import CheckpointError, reason

try:
    import fcntl
except ImportError:  # Windows has no flock; there two writers are on their own
    fcntl = None

MANIFEST = "manifest.json"
STAGING_FOLDER = ".saving"
COMMITTED_FOLDER = ".committed"
LOCK_WAIT = 30.0
SPARE_BYTES = 1 << 20


def write_set(folder: Path, files: Mapping[str, bytes], known: tuple[str, ...]) -> None:
    """Replace the set of files in ``folder`` (made if missing) by ``files``; other files in it stay.

    Args:
        folder: where the files go under their own names.
        files: contents by name.
        known: all names such a set may hold; those not in ``files`` are removed.

    Raises:
        CheckpointError: the disk is full or read-only, or another process is saving here. What the folder held before
            is intact and valid.
    """
    created = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder):
            finish_commit(folder, known)
            stage = folder / STAGING_FOLDER
            try:
                stage_set(stage, files)
                os.replace(stage, folder / COMMITTED_FOLDER)
            except BaseException:
                shutil.rmtree(stage, ignore_errors=True)
                raise
            sync_folder(folder)
            finish_commit(folder, known)
    except OSError as error:
        if created:
            with contextlib.suppress(OSError):
                folder.rmdir()
        raise CheckpointError(f"{folder}: not saved, {reason(error)}") from error


def stage_set(stage: Path, files: Mapping[str, bytes]) -> None:
    """Write ``files`` and their manifest into the new folder ``stage`` and flush all of it to the disk."""
    needed = sum(map(len, files.values())) + SPARE_BYTES
    free = shutil.disk_usage(stage.parent).free
    if free < needed:
        raise OSError(errno.ENOSPC, f"it needs {needed / 1e6:.1f} MB and the disk has {free / 1e6:.1f} MB left")
    stage.mkdir()
    entries = {}
    for name, data in files.items():
        _write(stage / name, data)
        entries[name] = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    manifest = {"manifest_version": 1, "files": entries}
    _write(stage / MANIFEST, json.dumps(manifest, indent=2).encode())
    sync_folder(stage)


def finish_commit(folder: Path, known: tuple[str, ...]) -> None:
    """Complete a save that was interrupted after it became valid, and sweep one interrupted before."""
    shutil.rmtree(folder / STAGING_FOLDER, ignore_errors=True)
    committed = folder / COMMITTED_FOLDER
    if not committed.exists():
        return
    # The manifest moves last, so without one everything has moved already.
    if (committed / MANIFEST).exists():
        listed = json.loads((committed / MANIFEST).read_bytes())["files"]
        for name in known:
            if (committed / name).exists():
                os.replace(committed / name, folder / name)
            elif name not in listed:
                (folder / name).unlink(missing_ok=True)
        sync_folder(folder)
        os.replace(committed / MANIFEST, folder / MANIFEST)
        sync_folder(folder)
    shutil.rmtree(committed)


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder's writer lock; it ends with the process, so a killed writer leaves none behind.

    Raises:
        CheckpointError: another process still holds it after ``LOCK_WAIT`` seconds.
    """
    if fcntl is None:
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    deadline = time.monotonic() + LOCK_WAIT
    try:
        while not try_lock(descriptor):
            if time.monotonic() > deadline:
                raise CheckpointError(f"{folder}: not saved, another process is saving there")
            time.sleep(0.02)
        yield
    finally:
        os.close(descriptor)


def try_lock(descriptor: int, *, shared: bool = False) -> bool:
    """Lock an open file or folder, alone or ``shared`` with others that share it; False where another holds it."""
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def sync_folder(folder: Path) -> None:
    """Flush a folder's list of names to the disk, so that renames survive a power cut."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write(path: Path, data: bytes) -> None:
    with open(path, "xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
