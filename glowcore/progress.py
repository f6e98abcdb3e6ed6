"""Progress bars on stderr."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from tqdm import tqdm


def progress_bar(items: Iterable | None = None, *, progress: bool, **options: Any) -> tqdm:
    """Return a tqdm bar, drawn only if ``progress`` is set and stderr is a terminal.

    Off a terminal nothing is drawn: a log would keep ten redraws a second.

    Args:
        items: the items to iterate over, or None for a bar that the caller advances.
        progress: whether to draw the bar.
        options: further arguments of tqdm.
    """
    return tqdm(items, file=sys.stderr, disable=None if progress else True, **options)
