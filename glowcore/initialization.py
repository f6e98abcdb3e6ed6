"""Whether the weights of a flow are still those that it was built with."""

from __future__ import annotations

from torch import nn

from glowcore.networks import ZeroConv2d
from glowcore.transforms.actnorm import ActNorm
from glowcore.transforms.diagonal_scale import DiagonalScale

#: Modules whose parameters are all zero until they are initialised from data or trained; every model has some.
ZERO_AS_BUILT = (ActNorm, DiagonalScale, ZeroConv2d)


def is_trained(levels: nn.ModuleList) -> bool:
    """Return whether the weights of levels have left the values that they are built with.

    The weights themselves show it, so the answer survives ``state_dict``, copies and saved folders. A step of an
    optimizer that does not freeze all modules of :data:`ZERO_AS_BUILT` moves some of them, and so does an
    initialisation. Levels without such modules count as untrained.
    """
    return any(bool(p.any()) for m in levels.modules() if isinstance(m, ZERO_AS_BUILT) for p in m.parameters())
