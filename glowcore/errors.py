"""The errors that a user's mistake or a broken file leads to.

Every one carries a single line that names the offending value and says what would be accepted; the command line
prints that line and exits with code 2, the application shows it as a sentence. Errors of the program itself are
ordinary Python exceptions and keep their traceback.
"""

import errno
import os


class GlowcoreError(Exception):
    """Base of all errors whose message is meant for the user: one line, no traceback needed."""


class ConfigError(GlowcoreError, ValueError):
    """A setting that no model can be built or run with."""


class DataError(GlowcoreError):
    """A folder or table of training data that cannot be used as it is."""


class ImageError(GlowcoreError):
    """A file that is not a picture this program reads, or one beyond its limits."""


class CheckpointError(GlowcoreError):
    """A model folder that is missing, damaged, hostile or made by a newer version; names the file and the cause."""


class TrainingError(GlowcoreError):
    """A training run that had to stop."""


def reason(error: OSError) -> str:
    """Return an operating system's error as words for a message."""
    words = {
        errno.ENOSPC: "the disk is full",
        errno.EDQUOT: "the disk quota is used up",
        errno.EFBIG: "the file would be larger than the system allows",
        errno.EROFS: "the disk is read-only",
        errno.EACCES: "permission denied",
        errno.EPERM: "permission denied",
    }.get(error.errno)
    own = error.strerror or str(error)
    if words is None:
        return own
    return words if error.errno is None or own == os.strerror(error.errno) else f"{words}: {own}"
