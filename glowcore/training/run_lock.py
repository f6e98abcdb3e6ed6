"""One training at a time in the folder of a run."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from glowcore.errors import CheckpointError, reason
from glowcore.storage.atomic import fcntl, try_lock

#: An empty file that is there while a training runs; one that was killed leaves it, but not the lock on it.
NAME = ".running"


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Lock the folder of a run (made if missing) against other trainings; the lock ends with the process.

    Where the system has no ``flock`` (Windows) nothing is locked.

    Raises:
        CheckpointError: another training holds it, or the folder cannot be written.
    """
    if fcntl is None:
        yield
        return
    path = folder / NAME
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = _hold(path)
    except OSError as error:
        raise CheckpointError(f"{path}: not written, {reason(error)}") from error
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # the folder may be gone or have become read-only
            path.unlink()
        os.close(descriptor)


def check_free(folder: Path) -> None:
    """Look whether a training runs in ``folder``, writing nothing there.

    Raises:
        CheckpointError: one does.
    """
    with contextlib.suppress(OSError), open(folder / NAME, "rb") as file:
        if fcntl is not None and not try_lock(file.fileno(), shared=True):
            raise _taken(folder)


def _hold(path: Path) -> int:
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        if not try_lock(descriptor):
            os.close(descriptor)
            raise _taken(path.parent)
        # A training that has just ended took the file's name with it: then this is no longer the file others see.
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), os.stat(path)):
                return descriptor
        os.close(descriptor)


def _taken(folder: Path) -> CheckpointError:
    return CheckpointError(
        f"{folder}: another training is running there; expected another folder, or to wait for its end"
    )
