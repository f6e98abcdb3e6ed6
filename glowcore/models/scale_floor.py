r"""Change of the floor under the coupling scales of a trained Glow.

The floor m of :class:`~glowcore.transforms.coupling.AffineCoupling` bounds by 1 / m how much the division by the scale
magnifies an error in one step of decoding. Trained models seldom use the smallest scales on pictures like their
training data, so a higher floor costs little likelihood, which further training regains. Out-of-distribution pictures
lead to the smallest scales at every step, and their decoding can diverge.
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

    The last layer of each network is adapted: with :math:`s(r) = m + (1 - m)\,\mathrm{sigmoid}(r + 2)`, the raw
    scale becomes :math:`a r + b` such that s and its slope at r = 0, the initial value, do not change.

    Args:
        model: a Glow.
        scale_min: the new floor, in [0, 1) and below the scale at r = 0 (0.88 to 1, depending on the old floor).

    Raises:
        ConfigError: ``scale_min`` is not in this range.
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
