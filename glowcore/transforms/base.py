"""What every bijection of this package is."""

from __future__ import annotations

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

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map data to latent."""
        raise TypeError(f"{type(self).__name__} defines no forward")

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Map latent to data."""
        raise TypeError(f"{type(self).__name__} defines no inverse")

    @torch.no_grad()
    def initialize(self, x: Tensor) -> None:
        """Set data-dependent parameters from a first batch ``x``; most transforms have none."""


def exact_arithmetic(x: Tensor) -> torch.autocast:
    """Return a context in which autocast is off, for the operators that define a bijection."""
    return torch.autocast(x.device.type, enabled=False)


def same_for_batch(logdet: Tensor, x: Tensor) -> Tensor:
    """Expand a log-determinant that does not depend on the picture to ``[B]``."""
    return logdet.expand(x.shape[0])
