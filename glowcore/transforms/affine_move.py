r"""What an affine coupling does to the half that moves, with its gradient written out.

.. math::
    (t, r) = h, \quad \sigma = \mathrm{sigmoid}(r + 2), \quad s = m + (1 - m)\,\sigma, \quad z_b = (x_b + t) \odot s
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

#: A network that gives 0 leaves the scale near 1: sigmoid(2) is 0.88 (Glow's code).
RAW_SHIFT = 2.0


def affine_move(x_b: Tensor, h: Tensor, scale_min: float) -> tuple[Tensor, Tensor]:
    """Return ``z_b`` and ``log s``, each of the shape of ``x_b``, given the network's output ``h``, of twice its
    channels, and m.

    Differentiable, also twice. One operator for autograd instead of a dozen, and only its inputs are kept.
    """
    return _Move.apply(x_b, h, scale_min)


def affine_move_back(z_b: Tensor, h: Tensor, scale_min: float) -> tuple[Tensor, Tensor]:
    """Return ``x_b`` and ``log s`` given ``z_b``."""
    parts = _parts(h, scale_min)
    return z_b / parts.s - parts.t, _log_s(parts, scale_min)


def affine_pull_back(
    z_b: Tensor, h: Tensor, scale_min: float, grad_z: Tensor, grad_log_s: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Return ``x_b`` and the gradients of ``x_b`` and ``h``, given ``z_b`` and the gradients of both outputs."""
    parts = _parts(h, scale_min)
    moved = z_b / parts.s
    return moved - parts.t, *_gradients(moved, parts, scale_min, grad_z, grad_log_s)


class _Parts(NamedTuple):
    t: Tensor
    raw: Tensor
    sigmoid: Tensor
    s: Tensor


def _parts(h: Tensor, scale_min: float) -> _Parts:
    t, raw = h.chunk(2, dim=1)
    # The sum lays the values side by side in memory: a sigmoid of a view of few channels is several times slower.
    raw = raw + RAW_SHIFT
    sigmoid = torch.sigmoid(raw)
    return _Parts(t, raw, sigmoid, sigmoid * (1 - scale_min) + scale_min if scale_min else sigmoid)


def _log_s(parts: _Parts, scale_min: float) -> Tensor:
    """Return ``log s``, stable for any raw value."""
    return parts.s.log() if scale_min else F.logsigmoid(parts.raw)


class _Move(torch.autograd.Function):
    generate_vmap_rule = True  # with a context set apart from the values, torch.func takes it as well

    @staticmethod
    def forward(x_b: Tensor, h: Tensor, scale_min: float) -> tuple[Tensor, Tensor]:
        parts = _parts(h, scale_min)
        return (x_b + parts.t) * parts.s, _log_s(parts, scale_min)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, float], output: tuple[Tensor, Tensor]) -> None:
        x_b, h, ctx.scale_min = inputs
        ctx.save_for_backward(x_b, h)

    @staticmethod
    def backward(ctx: Any, grad_z: Tensor, grad_log_s: Tensor) -> tuple[Tensor, Tensor, None]:
        # From the inputs once more, in differentiable operators: less memory, and a second derivative for nothing.
        x_b, h = ctx.saved_tensors
        parts = _parts(h, ctx.scale_min)
        return *_gradients(x_b + parts.t, parts, ctx.scale_min, grad_z, grad_log_s), None


def _gradients(
    moved: Tensor, parts: _Parts, scale_min: float, grad_z: Tensor, grad_log_s: Tensor
) -> tuple[Tensor, Tensor]:
    r"""Return the gradients of ``x_b`` and ``h``, where ``moved`` is :math:`x_b + t`.

    :math:`\partial s / \partial r = (1 - m)\,\sigma (1 - \sigma)`. For m = 0 the gradient of :math:`\log s` is
    :math:`1 - \sigma`, without the quotient that could be 0 / 0.
    """
    grad_x = grad_z * parts.s
    if scale_min:
        slope = (1 - scale_min) * parts.sigmoid * (1 - parts.sigmoid)
        grad_raw = (grad_z * moved + grad_log_s / parts.s) * slope
    else:
        grad_raw = (grad_x * moved + grad_log_s) * (1 - parts.sigmoid)
    return grad_x, torch.cat([grad_x, grad_raw], dim=1)
