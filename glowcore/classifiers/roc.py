"""The area under the ROC curve of a score."""

from __future__ import annotations

import numpy as np


def roc_auc(scores: np.ndarray, labels: np.ndarray) -> float | None:
    """Return the area under the ROC curve, the probability that a positive scores above a negative (a tie counts half).

    Args:
        scores: ``[N]``.
        labels: ``[N]``, 1 or 0.

    Returns:
        None if a class is missing.
    """
    positive = labels == 1
    count, rest = int(positive.sum()), int((~positive).sum())
    if count == 0 or rest == 0:
        return None
    _, inverse, sizes = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (sizes.cumsum() - (sizes - 1) / 2)[inverse]
    return float((ranks[positive].sum() - count * (count + 1) / 2) / (count * rest))
