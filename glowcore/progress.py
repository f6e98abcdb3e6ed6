"""Bars on stderr, for work that takes a while."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from tqdm import tqdm


def progress_bar(items: Iterable | None = None, *, progress: bool, **options: Any) -> tqdm:
    """Return tqdm's bar over ``items`` (or to be moved by hand), shown where ``progress`` is wanted and has a terminal.

    In a file or a pipe each drawing would be kept, of which there are ten a second.
    """
    return tqdm(items, file=sys.stderr, disable=None if progress else True, **options)
