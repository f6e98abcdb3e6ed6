"""Run a command in this process, and read the picture that it wrote."""

import numpy as np
from PIL import Image

from glowcore.cli import main


def run(capsys, *argv):
    """Run a command that must succeed; return its output."""
    code = main([str(part) for part in argv])
    found = capsys.readouterr()
    assert code == 0, found.err
    return found


def refused(capsys, *argv):
    """Run a command that must fail with a user's mistake; return its line."""
    try:
        code = main([str(part) for part in argv])
    except SystemExit as stop:  # argparse's own
        code = stop.code
    found = capsys.readouterr()
    assert (code, found.out) == (2, ""), found
    assert found.err.startswith("error: ")
    assert found.err.endswith("\n")
    assert len(found.err.splitlines()) == found.err.count("\n") == 1, found.err
    return found.err


def read(path):
    """Read a picture, uint8 ``[H, W, C]``."""
    with Image.open(path) as opened:
        picture = np.asarray(opened)
    return picture if picture.ndim == 3 else picture[..., None]
