"""Running a command in this process, and reading the picture that it wrote."""

import numpy as np
from PIL import Image

from glowcore.cli import main


def run(capsys, *argv):
    """Run a command that must succeed; returns what it printed."""
    code = main([str(part) for part in argv])
    found = capsys.readouterr()
    assert code == 0, found.err
    return found


def read(path):
    """A picture, uint8 [H, W, C]."""
    with Image.open(path) as opened:
        picture = np.asarray(opened)
    return picture if picture.ndim == 3 else picture[..., None]
