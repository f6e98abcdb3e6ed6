"""Exceptions for mistakes of the user and broken files.

Each message is a single line that names the offending value and what would be accepted. The command line prints it and
exits with code 2; the application shows it as a sentence. Programming errors are ordinary Python exceptions with a
traceback.
"""

import errno
import os


class GlowcoreError(Exception):
    """Base class of all errors with a message of one line for the user."""


class ConfigError(GlowcoreError, ValueError):
    """An invalid setting or argument."""


class DataError(GlowcoreError):
    """A folder or table of training data that cannot be used."""


class ImageError(GlowcoreError):
    """A file that is not a picture of a supported format, or exceeds the limits."""


class CheckpointError(GlowcoreError):
    """A model folder that is missing, damaged, malicious or of a newer version."""


class TrainingError(GlowcoreError):
    """A training run that was aborted."""


def reason(error: OSError) -> str:
    """Return the description of an operating system's error, for a message."""
    if error.errno in (errno.ENOENT, errno.ELOOP) and error.filename and os.path.islink(error.filename):
        return "the link leads to nothing"
    words = {
        errno.ENOSPC: "the disk is full",
        errno.EDQUOT: "the disk quota is used up",
        errno.EFBIG: "the file would be larger than the system allows",
        errno.EROFS: "the disk is read-only",
        errno.EACCES: "permission denied",
        errno.EPERM: "permission denied",
    }.get(error.errno)
    text = error.strerror or str(error)
    if words is None:
        return text
    return words if error.errno is None or text == os.strerror(error.errno) else f"{words}: {text}"
