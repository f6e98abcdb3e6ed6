"""Logit preprocessing: from the cube of pictures to real space (Dinh et al. 2016, section 4.1)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from glowcore.transforms.base import Transform


class Logit(Transform):
    r"""``logit(u)`` of ``u = alpha + (1 - 2 alpha)(x + 0.5)``, for x in the cube [-0.5, 0.5].

    .. math::
        z = \log\frac{u}{1 - u}, \qquad x = \frac{\mathrm{sigmoid}(z) - \alpha}{1 - 2\alpha} - \tfrac12, \qquad
        \mathrm{logdet} = \sum \log(1 - 2\alpha) - \log u - \log(1 - u)

    Pictures have u in ``[alpha, 1 - alpha]``. Outside ``[alpha / 2, 1 - alpha / 2]`` the function continues as a
    straight line, so that it is a bijection of the real numbers: values outside the cube, such as those of decoded or
    edited latents, can be encoded again and have a finite likelihood.
    """

    def __init__(self, alpha: float = 0.05) -> None:
        super().__init__()
        self.alpha = alpha
        self.low = alpha / 2
        self.slope = 1 / (self.low * (1 - self.low))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map data to latent."""
        u = self.alpha + (1 - 2 * self.alpha) * (x + 0.5)
        inside = u.clamp(self.low, 1 - self.low)
        z = torch.logit(inside) + (u - inside) * self.slope
        return z, self._logdet(inside)

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Map latent to data."""
        edge = math.log((1 - self.low) / self.low)
        bounded = z.clamp(-edge, edge)
        inside = torch.sigmoid(bounded)
        u = inside + (z - bounded) / self.slope
        return (u - self.alpha) / (1 - 2 * self.alpha) - 0.5, -self._logdet(inside)

    def _logdet(self, inside: Tensor) -> Tensor:
        per_value = math.log(1 - 2 * self.alpha) - inside.log() - torch.log1p(-inside)
        return per_value.sum(dim=(1, 2, 3))
