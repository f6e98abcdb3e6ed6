"""The interface of all bijections, and functions that several of them share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor, nn


class Transform(nn.Module):
    r"""Base class of bijections ``z = f(x)`` of pictures ``[B, C, H, W]`` with a tractable log-determinant.

    ``forward(x)`` returns ``(z, logdet)`` with ``logdet`` of shape ``[B]``: the natural logarithm of
    :math:`|\det \partial z / \partial x|`, summed over all dimensions, so that
    :math:`\log p(x) = \log p(z) + \mathrm{logdet}`. ``inverse(z)`` returns ``(x, logdet)`` with the log-determinant of
    the inverse map, the negative of the forward one. Neither changes its input in place.

    The arithmetic of a bijection runs in the dtype of its input even under ``torch.autocast``; only the networks inside
    couplings follow autocast.
    """

    #: Whether ``x`` can be recovered from ``z`` in training, as memory mode "reversible" requires.
    RECOVERABLE = True

    def output_shape(self, channels: int, height: int, width: int) -> tuple[int, int, int]:
        """Return the ``(C, H, W)`` of the output for an input ``[C, H, W]``; only a squeeze changes it."""
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
        """Set data-dependent parameters from a first batch ``x``. The default does nothing."""


def is_exactly(module: nn.Module, *kinds: type[nn.Module]) -> bool:
    """Return whether a module is of one of these classes, not of a subclass, and is not :func:`hooked`.

    A shortcut that does not call the methods of a module (a folded step, a gradient in closed form) is taken for such
    modules only. All others are called.
    """
    return type(module) in kinds and not hooked(module)


def hooked(module: nn.Module) -> bool:
    """Return whether a module has hooks or a ``forward`` of its own, which may change its output or its gradient.

    Some libraries assign ``forward`` to a single module instead of registering a hook.
    """
    return any(hooks_of(module)) or "forward" in vars(module)


def hooks_of(module: nn.Module) -> tuple[dict, dict, dict, dict]:
    """Return the registries of a module's forward and backward hooks; they are empty if there are none."""
    return module._forward_hooks, module._forward_pre_hooks, module._backward_hooks, module._backward_pre_hooks


def exact_arithmetic(x: Tensor) -> torch.autocast:
    """Return a context without autocast, for the arithmetic of a bijection on the device of ``x``."""
    return torch.autocast(x.device.type, enabled=False)


def float64(x: Tensor) -> Tensor:
    """Return ``x`` in float64, on the CPU if its device does not support float64 (mps)."""
    return (x.cpu() if x.device.type == "mps" else x).double()


def under_torch_func(x: Tensor) -> bool:
    """Return whether ``x`` is wrapped by a transform of ``torch.func``, so that its values cannot be inspected."""
    # torch.compile cannot trace the check.
    return not torch.compiler.is_compiling() and torch._C._functorch.is_functorch_wrapped_tensor(x)


def in_torch_func() -> bool:
    """Return whether a transform of ``torch.func`` is active, which recomputation in backward would not apply."""
    return not torch.compiler.is_compiling() and torch._C._are_functorch_transforms_active()


def same_for_batch(logdet: Tensor, x: Tensor) -> Tensor:
    """Expand a log-determinant that is the same for all pictures to ``[B]``."""
    return logdet.expand(x.shape[0])


def pull_back_through(
    params: Iterable[Tensor],
    function: Callable[[Tensor], tuple[Tensor, Tensor]],
    x: Tensor,
    grad_z: Tensor,
    grad_logdet: Tensor,
) -> tuple[Tensor, Tensor, list[Tensor | None]]:
    """Return ``x`` and the vector-Jacobian product of ``z, logdet = function(x)`` for ``x`` and ``params``.

    ``function`` is evaluated once, in a graph of its own.
    """
    x = x.detach().requires_grad_()
    with torch.enable_grad():
        outputs = function(x)
    (grad_x,), grads = local_gradients(params, outputs, (grad_z, grad_logdet), (x,))
    return x.detach(), grad_x, grads


def local_gradients(
    params: Iterable[Tensor], outputs: Sequence[Tensor], grad_outputs: Sequence[Tensor], inputs: Sequence[Tensor]
) -> tuple[Sequence[Tensor], list[Tensor | None]]:
    """Return the gradients of ``inputs`` and of the parameters that require one, None for each that has none.

    Each parameter's gradient has the strides of the parameter.
    """
    params = [p for p in params if p.requires_grad]
    pairs = [
        (out, grad) for out, grad in zip(outputs, grad_outputs, strict=True) if out.requires_grad and grad is not None
    ]
    if not pairs:
        return [None] * len(inputs), [None] * len(params)
    grads = torch.autograd.grad(
        [out for out, _ in pairs], [*inputs, *params], [grad for _, grad in pairs], allow_unused=True
    )
    # Autograd keeps a gradient with the strides of its parameter and copies any other.
    param_grads = [
        g if g is None or g.stride() == p.stride() else laid_out_as(p, g)
        for p, g in zip(params, grads[len(inputs) :], strict=True)
    ]
    return grads[: len(inputs)], param_grads


def channels_last(x: Tensor) -> Tensor:
    """Return ``x.contiguous(memory_format=torch.channels_last)`` in operators that ``torch.func.vmap`` supports."""
    return x.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)


def laid_out_as(like: Tensor, values: Tensor, memory_format: torch.memory_format = torch.preserve_format) -> Tensor:
    """Return a copy of ``values`` with the strides of ``like``, or with those it would have in ``memory_format``.

    Unlike ``values.contiguous(memory_format=...)``, this also changes the strides of a 1x1 kernel, which PyTorch counts
    as channels-last already. Autograd would copy the gradient of a weight with other strides at every step.
    """
    return torch.empty_like(like, memory_format=memory_format).copy_(values)
