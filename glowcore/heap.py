"""Control of glibc's heap: whether freed memory stays in the process."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys

# From glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3


def release_heap() -> None:
    """Return freed memory to the system now, so that the resident set shows the memory in use; glibc only."""
    if sys.platform.startswith("linux"):
        with contextlib.suppress(AttributeError, OSError):
            ctypes.CDLL(None).malloc_trim(0)


def keep_heap() -> bool:
    """Configure glibc to keep freed memory in the process; return whether that succeeded.

    By default glibc maps new pages for every large activation, and the page faults take as long as the arithmetic of a
    batch. On systems other than Linux with glibc, or if ``MALLOC_TRIM_THRESHOLD_`` or ``MALLOC_MMAP_THRESHOLD_`` is set
    in the environment, nothing is changed.
    """
    if not sys.platform.startswith("linux") or {"MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_"} & set(os.environ):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return False
    return all([mallopt(_M_MMAP_THRESHOLD, 2**30), mallopt(_M_TRIM_THRESHOLD, 2**31 - 1), mallopt(_M_TOP_PAD, 2**26)])
