"""The attributes that have enough labelled pictures to be fitted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from glowcore.errors import DataError

MIN_COUNT = 30


def fittable(labels: np.ndarray, names: Sequence[str]) -> tuple[list[int], dict[str, str]]:
    """Return the indices of the columns of ``labels`` that can be fitted, and the reasons against the others by name.

    Args:
        labels: ``[N, A]``, 1 yes, 0 no, -1 unknown.
        names: the A attributes.

    Raises:
        DataError: no column can be fitted.
    """
    usable, refused = [], {}
    for index, name in enumerate(names):
        yes, no = int((labels[:, index] == 1).sum()), int((labels[:, index] == 0).sum())
        if min(yes, no) >= MIN_COUNT:
            usable.append(index)
        else:
            refused[name] = f"{yes} pictures with and {no} without it, at least {MIN_COUNT} of each are needed"
            if yes >= MIN_COUNT and not no and (labels[:, index] == -1).any():
                refused[name] += "; -1 is unknown, 0 is without"
    if not names:
        raise DataError(
            "the pictures have no attributes; expected attributes.csv in their folder, with a column file (such as "
            "glasses/0001.jpg) and a column for each attribute (1 with it, 0 without, empty if unknown); folders of "
            "pictures are classes, not attributes"
        )
    if not usable:
        words = "; ".join(f"{name}: {reason}" for name, reason in refused.items())
        raise DataError(f"no attribute can be fitted ({words[:400]})")
    return usable, refused
