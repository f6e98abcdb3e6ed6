"""The cost of an edit at the smallest strength that succeeds.

A user who moves a slider stops once the attribute shows. At one strength for all pictures, those that need half of it
are edited too far and change in other ways. Here each picture counts at the smallest of the tried strengths at which
the classifier sees the attribute.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class UntilSeen:
    """One attribute edited until it is seen, over pictures in which it was not seen before.

    Attributes:
        attribute: the attribute.
        sign: 1 if it is added, -1 if it is taken away.
        images: number of pictures; the other figures are NaN where it is 0.
        success: share of them in which it is seen at one of the strengths.
        strength: mean of the smallest such strengths, in sigmas; the largest strength counts for the other pictures.
        leak: mean absolute change of the probabilities of all other attributes at that strength.
        change: mean absolute change of the picture there.
    """

    attribute: str
    sign: int
    images: int
    success: float
    strength: float
    leak: float
    change: float


def until_seen(
    attribute: str, sign: int, strengths: Sequence[float], seen: Tensor, leak: Tensor, change: Tensor
) -> UntilSeen:
    """Average edits at their smallest successful strength.

    Args:
        attribute, sign: of the edit.
        strengths: S strengths, in any order.
        seen: bool ``[1 + S, N]``, whether the attribute is seen in each picture; row 0 is before the edit.
        leak: ``[S, N]``, of each edit.
        change: ``[S, N]``, of each edit; NaN is left out of the mean.
    """
    order = torch.tensor(strengths).argsort()
    unseen = (~seen[0]).nonzero()[:, 0]
    reached = seen[1:][order][:, unseen]
    success = reached.any(0)
    first = torch.where(success, reached.int().argmax(0), len(strengths) - 1)

    def mean(values: Tensor) -> float:
        return float(values[order][first, unseen].double().nanmean())

    sizes = torch.tensor(strengths, dtype=torch.float64)[:, None].expand(-1, seen.shape[1])
    return UntilSeen(
        attribute, sign, len(unseen), float(success.double().mean()), mean(sizes), mean(leak), mean(change)
    )
