"""The interface of every bijection in this package."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor, nn


class Transform(nn.Module):
    r"""A bijection ``z = f(x)`` of pictures ``[B, C, H, W]`` with a tractable log-determinant.

    ``forward(x)`` returns ``(z, logdet)`` with ``logdet`` of shape ``[B]``: the natural logarithm of
    :math:`|\det \partial z / \partial x|`, summed over all dimensions, so that
    :math:`\log p(x) = \log p(z) + \mathrm{logdet}`. ``inverse(z)`` returns ``(x, logdet)`` with the log-determinant of
    the inverse map, the negative of the forward one. Neither changes its input in place.

    The arithmetic of a bijection runs in the dtype of its input even under ``torch.autocast``; only the networks inside
    couplings follow autocast.
    """

    #: Whether training can recover ``x`` from ``z`` alone, as memory mode "reversible" does.
    RECOVERABLE = True

    def output_shape(self, channels: int, height: int, width: int) -> tuple[int, int, int]:
        """Return the ``(C, H, W)`` of the latent of a picture ``[C, H, W]``; the same but for a squeeze."""
        return channels, height, width

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map data to latent."""
        raise NotImplementedError(f"{type(self).__name__} defines no forward")

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Map latent to data."""
        raise NotImplementedError(f"{type(self).__name__} defines no inverse")

    def pull_back(self, z: Tensor, grad_z: Tensor, grad_logdet: Tensor) -> tuple[Tensor, Tensor, list[Tensor | None]]:
        r"""Recover ``x`` from ``z`` and compute the vector-Jacobian product of ``forward`` at ``x``.

        The backward pass of training that keeps only ``z``. For :math:`(z, \ell) = f(x; \theta)` with log-determinant
        :math:`\ell` and given gradients :math:`g_z`, :math:`g_\ell` of the loss,

        .. math::
            g_x = \Big(\frac{\partial z}{\partial x}\Big)^{\!T} g_z
                + \Big(\frac{\partial \ell}{\partial x}\Big)^{\!T} g_\ell,

        and likewise :math:`g_\theta`. This version calls ``inverse`` and then differentiates ``forward``.

        Returns:
            ``x``; its gradient; the gradients of the parameters that require one, in the order of ``parameters()``,
            each with the strides of its parameter.
        """
        with torch.no_grad():
            x, _ = self.inverse(z)
        return pull_back_through(self.parameters(), self.forward, x, grad_z, grad_logdet)

    @torch.no_grad()
    def initialize(self, x: Tensor) -> None:
        """Set data-dependent parameters from a first batch ``x``; most transforms have none."""


def is_exactly(module: nn.Module, *kinds: type[nn.Module]) -> bool:
    """Return whether a module is of one of these classes, not of a subclass, and has no hooks.

    A shortcut that does not call the methods of a module (a folded step, a gradient in closed form) is taken for such
    modules only. All others are called.
    """
    return type(module) in kinds and not hooked(module)


def hooked(module: nn.Module) -> bool:
    """Return whether a module has forward or backward hooks, which may change its output or its gradient."""
    return any(hooks_of(module))


def hooks_of(module: nn.Module) -> tuple[dict, dict, dict, dict]:
    """Return the registries of a module's forward and backward hooks; they are empty if there are none."""
    return module._forward_hooks, module._forward_pre_hooks, module._backward_hooks, module._backward_pre_hooks


def exact_arithmetic(x: Tensor) -> torch.autocast:
    """Return a context in which autocast is off, for the operators that define a bijection."""
    return torch.autocast(x.device.type, enabled=False)


def float64(x: Tensor) -> Tensor:
    """Return ``x`` in float64, on the CPU where its device has none (mps)."""
    return (x.cpu() if x.device.type == "mps" else x).double()


def under_torch_func(x: Tensor) -> bool:
    """Whether ``x`` stands for other tensors in a transform of ``torch.func``; such a one has no values to look at."""
    # torch.compile, which traces transforms as they come, cannot look.
    return not torch.compiler.is_compiling() and torch._C._functorch.is_functorch_wrapped_tensor(x)


def in_torch_func() -> bool:
    """Whether a transform of ``torch.func`` is at work, which what is evaluated again in backward does not know of."""
    return not torch.compiler.is_compiling() and torch._C._are_functorch_transforms_active()


def same_for_batch(logdet: Tensor, x: Tensor) -> Tensor:
    """Expand a log-determinant that does not depend on the picture to ``[B]``."""
    return logdet.expand(x.shape[0])


def pull_back_through(
    params: Iterable[Tensor],
    function: Callable[[Tensor], tuple[Tensor, Tensor]],
    x: Tensor,
    grad_z: Tensor,
    grad_logdet: Tensor,
) -> tuple[Tensor, Tensor, list[Tensor | None]]:
    """Evaluate ``z, logdet = function(x)`` with a graph of its own; return ``x`` and the gradients that reach it and
    ``params``."""
    x = x.detach().requires_grad_()
    with torch.enable_grad():
        outputs = function(x)
    (grad_x,), grads = local_gradients(params, outputs, (grad_z, grad_logdet), (x,))
    return x.detach(), grad_x, grads


def local_gradients(
    params: Iterable[Tensor], outputs: Sequence[Tensor], grad_outputs: Sequence[Tensor], inputs: Sequence[Tensor]
) -> tuple[Sequence[Tensor], list[Tensor | None]]:
    """Return the gradients of ``inputs`` and of the parameters that require one; None where none comes from the
    outputs, as where all that they depend on is frozen."""
    params = [p for p in params if p.requires_grad]
    pairs = [
        (out, grad) for out, grad in zip(outputs, grad_outputs, strict=True) if out.requires_grad and grad is not None
    ]
    if not pairs:
        return [None] * len(inputs), [None] * len(params)
    grads = torch.autograd.grad(
        [out for out, _ in pairs], [*inputs, *params], [grad for _, grad in pairs], allow_unused=True
    )
    # In its parameter's strides autograd takes a gradient over instead of copying it.
    of_params = [
        g if g is None or g.stride() == p.stride() else laid_out_as(p, g)
        for p, g in zip(params, grads[len(inputs) :], strict=True)
    ]
    return grads[: len(inputs)], of_params


def laid_out_as(like: Tensor, values: Tensor, memory_format: torch.memory_format = torch.preserve_format) -> Tensor:
    """Return a copy of ``values`` in the strides that ``like`` has, or would have in a memory format.

    Not ``values.contiguous(memory_format=...)``: a 1x1 kernel counts as channels-last whatever its strides say. But
    gradients come in those strides, and would be copied at every step if their weights had others.
    """
    return torch.empty_like(like, memory_format=memory_format).copy_(values)
