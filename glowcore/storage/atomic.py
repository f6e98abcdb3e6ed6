"""Atomic writing of a set of files.

A set is several named files in a folder and ``manifest.json`` with the size and SHA-256 of each. Several files cannot
be renamed at once, so a save uses two temporary folders inside the target folder as a journal::

    .saving/      all files are written and flushed here; after a crash, the next save removes this folder
    .committed/   .saving is renamed to .committed, which makes the new set the valid one; its files are then renamed to
                  their final names, manifest.json last, and the empty folder is removed

A reader takes the manifest from ``.committed/`` if it exists, otherwise from the folder, looks for every file in the
same two places, and rejects a file whose hash differs (:mod:`glowcore.storage.sealed`). At any moment, also after a
crash, it reads either the complete old set or the complete new one. Files of other names in the folder are never
touched.
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
except ImportError:  # Windows has no flock, so concurrent writers are not excluded there
    fcntl = None

MANIFEST = "manifest.json"
STAGING_FOLDER = ".saving"
COMMITTED_FOLDER = ".committed"
LOCK_WAIT = 30.0
SPARE_BYTES = 1 << 20


def write_set(folder: Path, files: Mapping[str, bytes], known: tuple[str, ...]) -> None:
    """Replace the set of files in ``folder`` (created if missing) by ``files``; other files in it stay.

    Args:
        folder: the folder of the files.
        files: contents by name.
        known: all names that such a set may contain; those not in ``files`` are removed.

    Raises:
        CheckpointError: the disk is full or read-only, or another process is saving here. The earlier set stays valid.
    """
    created = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder):
            _finish_commit(folder, known)
            stage = folder / STAGING_FOLDER
            try:
                stage_set(stage, files)
                os.replace(stage, folder / COMMITTED_FOLDER)
            except BaseException:
                shutil.rmtree(stage, ignore_errors=True)
                raise
            sync_folder(folder)
            _finish_commit(folder, known)
    except OSError as error:
        if created:
            with contextlib.suppress(OSError):
                folder.rmdir()
        raise CheckpointError(f"{folder}: not saved, {reason(error)}") from error


def stage_set(stage: Path, files: Mapping[str, bytes]) -> None:
    """Write ``files`` and their manifest into the new folder ``stage`` and flush them to the disk."""
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


def _finish_commit(folder: Path, known: tuple[str, ...]) -> None:
    """Complete a save that was interrupted after its commit, and remove one interrupted before."""
    shutil.rmtree(folder / STAGING_FOLDER, ignore_errors=True)
    committed = folder / COMMITTED_FOLDER
    if not committed.exists():
        return
    # The manifest moves last, so without one all files have moved already.
    if (committed / MANIFEST).exists():
        entries = json.loads((committed / MANIFEST).read_bytes())["files"]
        for name in known:
            if (committed / name).exists():
                os.replace(committed / name, folder / name)
            elif name not in entries:
                (folder / name).unlink(missing_ok=True)
        sync_folder(folder)
        os.replace(committed / MANIFEST, folder / MANIFEST)
        sync_folder(folder)
    shutil.rmtree(committed)


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder's writer lock, which the system releases when the process ends.

    Raises:
        CheckpointError: another process still holds the lock after ``LOCK_WAIT`` seconds.
    """
    if fcntl is None:
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    deadline = time.monotonic() + LOCK_WAIT
    try:
        while not try_lock(descriptor):
            if time.monotonic() > deadline:
                raise CheckpointError(
                    f"{folder}: not saved, another process is saving there; try again when it has ended"
                )
            time.sleep(0.02)
        yield
    finally:
        os.close(descriptor)


def try_lock(descriptor: int, *, shared: bool = False) -> bool:
    """Try to lock an open file or folder, exclusively or ``shared``; return whether the lock was acquired."""
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def sync_folder(folder: Path) -> None:
    """Flush a folder's directory entries to the disk, so that renames survive a power failure."""
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
