r"""A trained Glow with another floor under its scales.

The floor m of :class:`~glowcore.transforms.coupling.AffineCoupling` bounds what one step of decoding can magnify, by
1 / m. Trained models seldom use the smallest scales that they are allowed, so a higher floor costs them little and
training wins it back; pictures unlike those they know lead there at every step, and their way back to infinity.
"""

from __future__ import annotations

import math
from dataclasses import replace

import torch

from glowcore.errors import ConfigError
from glowcore.flow import Flow
from glowcore.transforms.affine_move import RAW_SHIFT
from glowcore.transforms.coupling import AffineCoupling


@torch.no_grad()
def set_scale_min(model: Flow, scale_min: float) -> None:
    r"""Change the floor of every affine coupling of a Glow, in place.

    The last layer of each network makes up for it: with :math:`s(r) = m + (1 - m)\,\mathrm{sigmoid}(r + 2)`, the raw
    scale becomes :math:`a r + b` such that s and its slope at r = 0, where a fresh model starts, are as before.

    Args:
        model: a Glow.
        scale_min: the new floor, in [0, 1) and below the scale at r = 0 (0.88 to 1, by the floor so far).

    Raises:
        ConfigError: it is not.
    """
    config = replace(model.config, scale_min=scale_min)
    sigmoid = 1 / (1 + math.exp(-RAW_SHIFT))
    start = model.config.scale_min + (1 - model.config.scale_min) * sigmoid
    share = (start - scale_min) / (1 - scale_min)
    if share <= 0:
        raise ConfigError(f"scale_min {scale_min} leaves no room below {start:.3f}, where the model's scales start")
    slope = (1 - model.config.scale_min) * sigmoid * (1 - sigmoid)
    factor = slope / ((1 - scale_min) * share * (1 - share))
    offset = math.log(share / (1 - share)) - RAW_SHIFT
    for coupling in model.modules():
        if isinstance(coupling, AffineCoupling):
            last = coupling.net.conv_out
            last.rescale(slice(len(last.bias) // 2, None), factor, offset)
            coupling.scale_min = scale_min
    model.config = config
