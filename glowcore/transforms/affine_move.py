r"""The affine map of the moving half of a coupling, its inverse, and its gradient in closed form.

.. math::
    (t, r) = h, \quad \sigma = \mathrm{sigmoid}(r + 2), \quad s = m + (1 - m)\,\sigma, \quad z_b = (x_b + t) \odot s
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

#: A network whose output is 0 leaves the scale near 1: sigmoid(2) is 0.88 (Glow's code).
RAW_SHIFT = 2.0


def affine_move(x_b: Tensor, h: Tensor, scale_min: float) -> tuple[Tensor, Tensor]:
    """Return ``z_b`` and ``log s``, each of the shape of ``x_b``.

    ``h`` is the network's output, with twice the channels of ``x_b``, and ``scale_min`` is m.
    """
    parts = _parts(h, scale_min)
    return (x_b + parts.t) * parts.s, _log_s(parts, scale_min)


def affine_move_back(z_b: Tensor, h: Tensor, scale_min: float) -> tuple[Tensor, Tensor]:
    """Return ``x_b`` and ``log s`` given ``z_b``."""
    parts = _parts(h, scale_min)
    return z_b / parts.s - parts.t, _log_s(parts, scale_min)


def affine_pull_back(
    z_b: Tensor, h: Tensor, scale_min: float, grad_z: Tensor, grad_log_s: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    r"""Return ``x_b`` and the gradients of ``x_b`` and ``h``, given ``z_b`` and the gradients of both outputs.

    The inverse of :func:`affine_move` together with its vector-Jacobian product, from
    :math:`\partial s / \partial r = (1 - m)\,\sigma (1 - \sigma)`. For m = 0 the derivative of :math:`\log s` is
    :math:`1 - \sigma`, without the quotient that could be 0 / 0.
    """
    parts = _parts(h, scale_min)
    shifted = z_b / parts.s  # x_b + t
    grad_x = grad_z * parts.s
    if scale_min:
        slope = (1 - scale_min) * parts.sigmoid * (1 - parts.sigmoid)
        grad_raw = (grad_z * shifted + grad_log_s / parts.s) * slope
    else:
        grad_raw = (grad_x * shifted + grad_log_s) * (1 - parts.sigmoid)
    return shifted - parts.t, grad_x, torch.cat([grad_x, grad_raw], dim=1)


class _Parts(NamedTuple):
    t: Tensor
    raw: Tensor
    sigmoid: Tensor
    s: Tensor


def _parts(h: Tensor, scale_min: float) -> _Parts:
    t, raw = h.chunk(2, dim=1)
    # The sum is contiguous: a sigmoid of a view of few channels is several times slower.
    raw = raw + RAW_SHIFT
    sigmoid = torch.sigmoid(raw)
    return _Parts(t, raw, sigmoid, sigmoid * (1 - scale_min) + scale_min if scale_min else sigmoid)


def _log_s(parts: _Parts, scale_min: float) -> Tensor:
    """Return ``log s``, stable for any raw value."""
    return parts.s.log() if scale_min else F.logsigmoid(parts.raw)
