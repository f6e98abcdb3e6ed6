r"""Actnorm and 1x1 convolution of a flow step, composed into one affine map of the channels.

.. math:: W((x + b) \odot e^s) = (W \mathrm{diag}(e^s))\,x + W (b \odot e^s)

The composition takes dozens of operators on small matrices, and its gradient as many again: on a CPU a tenth of the
training time. Composing all steps of a level in one batch takes no more operators than composing one.
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
    """An affine map of the channels, the same at every position, or K of them with a leading dimension K.

    Attributes:
        weight: ``[..., C, C]``.
        bias: ``[..., C]``.
        logdet: ``[...]``, the logarithm of the absolute determinant of ``weight``.
    """

    weight: Tensor
    bias: Tensor
    logdet: Tensor

    def __call__(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map ``[B, C, H, W]`` to the same shape; return it and the log-determinant ``[B]``."""
        with exact_arithmetic(x):
            z = F.conv2d(x, self.weight[:, :, None, None], self.bias)
            return z, (self.logdet * (x.shape[2] * x.shape[3])).expand(x.shape[0])

    def inverse(self) -> Mixing:
        """Return the inverse map, computed in float64. Its values are not finite if the map is singular."""
        with exact_arithmetic(self.weight):
            weight = torch.linalg.inv_ex(float64(self.weight)).inverse
            bias = -(weight @ float64(self.bias)[..., None])[..., 0]
            return Mixing(weight.to(self.weight), bias.to(self.bias), -self.logdet)

    def each(self) -> list[Mixing]:
        """Return the K maps as a list."""
        return [Mixing(*parts) for parts in zip(*(part.unbind() for part in self), strict=True)]


def mixings(steps: Sequence[FlowStep]) -> Mixing:
    """Return the composed maps of steps whose 1x1 convolutions have the same class and size."""
    log_scales = [step.actnorm.log_scale for step in steps]
    with exact_arithmetic(log_scales[0]):
        log_scale, bias = torch.stack(log_scales), torch.stack([step.actnorm.bias for step in steps])
        convolutions = [step.permutation for step in steps]
        weight, logdet = type(convolutions[0]).compose(convolutions)
        weight = weight * log_scale.exp()[:, None, :]
        return Mixing(weight, (weight @ bias[..., None])[..., 0], logdet + log_scale.sum(1))


class MixingGradients:
    """The composed maps of steps in a backward pass that recovers their inputs.

    It collects the gradients of the maps step by step and differentiates the composition once, at the end.
    """

    def __init__(self, steps: Sequence[FlowStep]) -> None:
        self.params = mixing_parameters(steps)
        with torch.enable_grad():
            self._mixings = mixings(steps)
        detached = Mixing(*(part.detach() for part in self._mixings))
        self._weights = detached.weight[..., None, None].unbind()
        self._inverses = detached.inverse().each()
        self._grads: list[tuple[Tensor, Tensor, Tensor]] = [()] * len(steps)

    def pull_back(self, index: int, z: Tensor, grad_z: Tensor, grad_logdet: Tensor) -> tuple[Tensor, Tensor]:
        """Return the ``x`` that step ``index`` mapped to ``z``, and its gradient (:meth:`Transform.pull_back`)."""
        x, _ = self._inverses[index](z)
        channels = x.shape[1]
        with exact_arithmetic(z):
            grad_x, grad_weight, grad_bias = torch.ops.aten.convolution_backward(
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
        grad_log_det = grad_logdet.sum() * (x.shape[2] * x.shape[3])
        self._grads[index] = (grad_weight.reshape(channels, channels), grad_bias, grad_log_det)
        return x, grad_x

    def gradients(self) -> list[Tensor | None]:
        """Return the gradients of :func:`mixing_parameters`, once :meth:`pull_back` has been called for every step."""
        grads = [torch.stack(parts) for parts in zip(*self._grads, strict=True)]
        return local_gradients(self.params, self._mixings, grads, ())[1]


def mixing_parameters(steps: Sequence[FlowStep]) -> list[Tensor]:
    """Return the parameters of the actnorms and 1x1 convolutions of steps, in order, shared ones once."""
    params = [p for step in steps for part in (step.actnorm, step.permutation) for p in part.parameters()]
    return list(dict.fromkeys(params))
