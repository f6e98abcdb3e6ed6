r"""What an affine coupling does to the half that moves, with its gradient written out.

.. math::
    (t, r) = h, \quad \sigma = \mathrm{sigmoid}(r + 2), \quad s = m + (1 - m)\,\sigma, \quad z_b = (x_b + t) \odot s
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from glowcore.transforms.base import under_torch_func

#: A network that gives 0 leaves the scale near 1: sigmoid(2) is 0.88 (Glow's code).
RAW_SHIFT = 2.0


def affine_move(x_b: Tensor, h: Tensor, scale_min: float) -> tuple[Tensor, Tensor]:
    """Return ``z_b`` and ``log s``, each of the shape of ``x_b``, given the network's output ``h``, of twice its
    channels, and m.

    Differentiable, also twice, and forwards. One operator for autograd instead of a dozen, and only its inputs are
    kept.
    """
    # torch.func differentiates the formula itself: of an operator with a derivative of its own it gets the second one
    # forwards wrong (as PyTorch 2.13 does), and says nothing.
    if under_torch_func(x_b) or under_torch_func(h):
        return _move(x_b, _parts(h, scale_min), scale_min)
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


def _move(x_b: Tensor, parts: _Parts, scale_min: float) -> tuple[Tensor, Tensor]:
    return (x_b + parts.t) * parts.s, _log_s(parts, scale_min)


class _Move(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x_b: Tensor, h: Tensor, scale_min: float) -> tuple[Tensor, Tensor]:
        ctx.scale_min = scale_min
        ctx.save_for_backward(x_b, h)
        ctx.save_for_forward(x_b, h)
        return _move(x_b, _parts(h, scale_min), scale_min)

    @staticmethod
    def backward(ctx: Any, grad_z: Tensor, grad_log_s: Tensor) -> tuple[Tensor, Tensor, None]:
        # From the inputs once more, in differentiable operators: less memory, and a second derivative for nothing.
        x_b, h = ctx.saved_tensors
        parts = _parts(h, ctx.scale_min)
        return *_gradients(x_b + parts.t, parts, ctx.scale_min, grad_z, grad_log_s), None

    @staticmethod
    def jvp(ctx: Any, along_x: Tensor, along_h: Tensor, _: None) -> tuple[Tensor, Tensor]:
        x_b, h = ctx.saved_tensors
        parts = _parts(h, ctx.scale_min)
        along_t, along_raw = along_h.chunk(2, dim=1)
        rest = 1 - parts.sigmoid
        along_log_s = along_raw * ((1 - ctx.scale_min) * parts.sigmoid * rest / parts.s if ctx.scale_min else rest)
        return (along_x + along_t + (x_b + parts.t) * along_log_s) * parts.s, along_log_s


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
