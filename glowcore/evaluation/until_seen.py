"""What an edit costs when it goes only as far as it takes.

Whoever moves a slider stops on seeing what was wanted. At one strength for all, faces that needed half of it are pushed
on and change in other ways; so this counts for each picture the smallest of the strengths tried at which the attribute
is seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class UntilSeen:
    """One attribute moved until it is seen, over ``images`` pictures in which it was not seen before.

    Attributes:
        attribute: what is moved.
        sign: 1, or -1 where it is taken away.
        images: number of pictures; the other figures are NaN where it is 0.
        success: share of them in which it is seen at one of the strengths.
        strength: mean of the smallest such strengths, of the largest where none was enough; in sigmas.
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
    """Return what stopping at the first success gives.

    Args:
        attribute, sign: of the edit.
        strengths: S of them, in any order.
        seen: bool ``[1 + S, N]``, whether the attribute is seen in each picture, the untouched ones first.
        leak: ``[S, N]``, of each edit.
        change: ``[S, N]``; values that are not finite are left out of the mean.
    """
    order = torch.tensor(strengths).argsort()
    asked = (~seen[0]).nonzero()[:, 0]
    reached = seen[1:][order][:, asked]
    success = reached.any(0)
    first = torch.where(success, reached.int().argmax(0), len(strengths) - 1)

    def mean(values: Tensor) -> float:
        return float(values[order][first, asked].double().nanmean())

    sizes = torch.tensor(strengths, dtype=torch.float64)[:, None].expand(-1, seen.shape[1])
    return UntilSeen(attribute, sign, len(asked), float(success.double().mean()), mean(sizes), mean(leak), mean(change))
