"""A lock that keeps a second training out of the folder of a run."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from glowcore.errors import CheckpointError, reason
from glowcore.storage.atomic import fcntl, try_lock

#: Empty file that exists while a training runs. A killed process leaves the file behind, but not the lock on it.
NAME = ".running"


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Lock the folder of a run, created if missing, against other trainings; the lock ends with the process.

    Nothing is locked on systems without ``flock`` (Windows).

    Raises:
        CheckpointError: another training holds the lock, or the folder cannot be written.
    """
    if fcntl is None:
        yield
        return
    path = folder / NAME
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = _acquire(path)
    except OSError as error:
        raise CheckpointError(f"{path}: not written, {reason(error)}") from error
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # the folder may be gone or have become read-only
            path.unlink()
        os.close(descriptor)


def check_free(folder: Path) -> None:
    """Check that no training runs in ``folder``, without writing there.

    Raises:
        CheckpointError: a training runs there.
    """
    with contextlib.suppress(OSError), open(folder / NAME, "rb") as file:
        if fcntl is not None and not try_lock(file.fileno(), shared=True):
            raise _in_use(folder)


def _acquire(path: Path) -> int:
    """Open and lock the file at ``path``; return its descriptor."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        if not try_lock(descriptor):
            os.close(descriptor)
            raise _in_use(path.parent)
        # If a training ended between open and lock, it has unlinked this file; others would then lock a new one.
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), os.stat(path)):
                return descriptor
        os.close(descriptor)


def _in_use(folder: Path) -> CheckpointError:
    return CheckpointError(f"{folder}: a training is running there; expected another folder, or to wait for its end")
