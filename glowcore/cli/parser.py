"""The parser of both command lines, `python -m glowcore` and `python -m explorer`."""

from __future__ import annotations

import argparse
from typing import NoReturn


class Parser(argparse.ArgumentParser):
    """Tells a mistake in one line; the usage is for ``--help``."""

    def error(self, message: str) -> NoReturn:
        """Tell the mistake and exit with 2."""
        self.exit(2, f"error: {message} ({self.prog} --help shows what is expected)\n")
