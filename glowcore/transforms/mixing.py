r"""Actnorm and 1x1 convolution of a step of flow as one affine map of the channels.

.. math:: W((x + b) \odot e^s) = (W \mathrm{diag}(e^s))\,x + W (b \odot e^s)

Composing it takes dozens of operators on small matrices, and their gradient as many again: on a CPU a tenth of the time
of training. For all steps of a level together they are as few as for one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from glowcore.transforms.base import exact_arithmetic, float64, local_gradients

if TYPE_CHECKING:
    from glowcore.transforms.step import FlowStep


class Mixing(NamedTuple):
    """An affine map of the channels, the same at every position; with a dimension K in front, that of K steps.

    Attributes:
        weight: ``[..., C, C]``.
        bias: ``[..., C]``.
        logdet: ``[...]``, the logarithm of the absolute determinant of ``weight``.
    """

    weight: Tensor
    bias: Tensor
    logdet: Tensor

    def __call__(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map pictures ``[B, C, H, W]``; returns them and the log-determinant ``[B]``."""
        with exact_arithmetic(x):
            z = F.conv2d(x, self.weight[:, :, None, None], self.bias)
            return z, (self.logdet * (x.shape[2] * x.shape[3])).expand(x.shape[0])

    def inverse(self) -> Mixing:
        """Return the inverse map, computed in float64; of a singular one, values that are not finite."""
        with exact_arithmetic(self.weight):
            weight = torch.linalg.inv_ex(float64(self.weight)).inverse
            bias = -(weight @ float64(self.bias)[..., None])[..., 0]
            return Mixing(weight.to(self.weight), bias.to(self.bias), -self.logdet)

    def each(self) -> list[Mixing]:
        """Return the maps of K steps one by one."""
        return [Mixing(*parts) for parts in zip(*(part.unbind() for part in self), strict=True)]


def mixings(steps: Sequence[FlowStep]) -> Mixing:
    """Return the maps of steps whose 1x1 convolutions are of one kind and size."""
    log_scales = [step.actnorm.log_scale for step in steps]
    with exact_arithmetic(log_scales[0]):
        log_scale, bias = torch.stack(log_scales), torch.stack([step.actnorm.bias for step in steps])
        convolutions = [step.permutation for step in steps]
        weight, logdet = type(convolutions[0]).compose(convolutions)
        weight = weight * log_scale.exp()[:, None, :]
        return Mixing(weight, (weight @ bias[..., None])[..., 0], logdet + log_scale.sum(1))


class MixingGradients:
    """The maps of steps in a backward pass that recovers their inputs: one graph, gone through once at the end."""

    def __init__(self, steps: Sequence[FlowStep]) -> None:
        self.params = mixing_parameters(steps)
        with torch.enable_grad():
            self._mixings = mixings(steps)
        detached = Mixing(*(part.detach() for part in self._mixings))
        self._weights = detached.weight[..., None, None].unbind()
        self._inverses = detached.inverse().each()
        self._grads: list[tuple[Tensor, Tensor, Tensor]] = [()] * len(steps)

    def pull_back(self, index: int, z: Tensor, grad_z: Tensor, grad_logdet: Tensor) -> tuple[Tensor, Tensor]:
        """Return the ``x`` that step ``index`` mapped to ``z``, and the gradient that reaches it."""
        x, _ = self._inverses[index](z)
        channels = x.shape[1]
        with exact_arithmetic(z):
            grad_x, of_weight, of_bias = torch.ops.aten.convolution_backward(
                grad_z,
                x,
                self._weights[index],
                [channels],
                [1, 1],
                [0, 0],
                [1, 1],
                False,
                [0, 0],
                1,
                (True, True, True),
            )
        of_logdet = grad_logdet.sum() * (x.shape[2] * x.shape[3])
        self._grads[index] = (of_weight.reshape(channels, channels), of_bias, of_logdet)
        return x, grad_x

    def gradients(self) -> list[Tensor | None]:
        """Return the gradients of :func:`mixing_parameters`, after the last :meth:`pull_back`."""
        grads = [torch.stack(parts) for parts in zip(*self._grads, strict=True)]
        return local_gradients(self.params, self._mixings, grads, ())[1]


def mixing_parameters(steps: Sequence[FlowStep]) -> list[Tensor]:
    """Return the parameters behind the maps of steps, in order, once each where steps share them."""
    params = [p for step in steps for part in (step.actnorm, step.permutation) for p in part.parameters()]
    return list(dict.fromkeys(params))
