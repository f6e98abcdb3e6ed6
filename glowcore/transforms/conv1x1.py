"""Invertible 1x1 convolutions (Kingma & Dhariwal 2018, section 3.2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from glowcore.transforms.base import Transform, exact_arithmetic, float64, same_for_batch


class ChannelLinear(Transform):
    r"""Base class of learned invertible matrices over channels, the same at every position.

    .. math:: z_{:,i,j} = W x_{:,i,j}, \qquad \mathrm{logdet} = H W \log |\det W|

    Subclasses define the parametrisation of ``W`` in :meth:`compose`.
    """

    @classmethod
    def compose(cls, convolutions: Sequence[Self]) -> tuple[Tensor, Tensor]:
        """Return the matrices ``W`` of K convolutions, ``[K, C, C]``, and ``log |det W|``, ``[K]``."""
        raise NotImplementedError(f"{cls.__name__} defines no compose")

    def weight(self) -> Tensor:
        """Return ``W``, ``[C, C]``."""
        return self.compose([self])[0][0]

    def inverse_weight(self) -> Tensor:
        """Return the inverse of ``W``, ``[C, C]``, in float64 (on the CPU if the device is mps).

        The values are not finite if ``W`` is singular.
        """
        return torch.linalg.inv_ex(float64(self.weight())).inverse

    def log_abs_det(self) -> Tensor:
        """Return ``log |det W|`` as a scalar."""
        return self.compose([self])[1][0]

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map data to latent."""
        with exact_arithmetic(x):
            z = F.conv2d(x, self.weight()[:, :, None, None])
            return z, same_for_batch(self.log_abs_det() * (x.shape[2] * x.shape[3]), x)

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Map latent to data."""
        with exact_arithmetic(z):
            x = F.conv2d(z, self.inverse_weight().to(z)[:, :, None, None])
            return x, same_for_batch(-self.log_abs_det() * (z.shape[2] * z.shape[3]), z)


class InvertibleConv1x1(ChannelLinear):
    """Plain parametrisation: ``W`` is the parameter, and ``slogdet`` computes its determinant in float64.

    ``W`` is initialised to a random rotation (QR of a Gaussian matrix), whose log-determinant is 0.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.matrix = nn.Parameter(_random_rotation(channels))

    @classmethod
    def compose(cls, convolutions: Sequence[Self]) -> tuple[Tensor, Tensor]:
        """Return matrices and ``log |det W|``."""
        weights = torch.stack([convolution.matrix for convolution in convolutions])
        return weights, torch.linalg.slogdet(float64(weights)).logabsdet.to(weights.dtype).to(weights.device)


class InvertibleConv1x1LU(ChannelLinear):
    r"""LU parametrisation, whose log-determinant is a sum of parameters (section 3.2, equation 10).

    .. math:: W = P\,L\,(U + \mathrm{diag}(\sigma \odot e^{s})), \qquad \log |\det W| = \textstyle\sum_c s_c

    The permutation ``P`` and the signs are fixed buffers; ``L`` (unit lower triangular), ``U`` (strictly upper
    triangular) and ``s`` are learned.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        p, lower, upper = torch.linalg.lu(_random_rotation(channels).double())
        diagonal = upper.diagonal()
        default = torch.get_default_dtype()
        self.register_buffer("p", p.to(default))
        self.register_buffer("sign", diagonal.sign().to(default))
        self.register_buffer("lower_mask", torch.ones(channels, channels).tril(-1))
        self.lower = nn.Parameter(lower.tril(-1).to(default))
        self.upper = nn.Parameter(upper.triu(1).to(default))
        self.log_s = nn.Parameter(diagonal.abs().log().to(default))

    @classmethod
    def compose(cls, convolutions: Sequence[Self]) -> tuple[Tensor, Tensor]:
        """Return matrices and ``log |det W|``."""
        p, sign, log_s, lower, upper = (
            torch.stack([getattr(convolution, name) for convolution in convolutions])
            for name in ("p", "sign", "log_s", "lower", "upper")
        )
        mask = convolutions[0].lower_mask
        lower = lower * mask + torch.eye(len(mask), dtype=p.dtype, device=p.device)
        upper = upper * mask.T + torch.diag_embed(sign * log_s.exp())
        return p @ lower @ upper, log_s.sum(1)


def _random_rotation(channels: int) -> Tensor:
    """Return a random orthogonal matrix ``[C, C]`` (QR of a Gaussian) from torch's global generator."""
    return torch.linalg.qr(torch.randn(channels, channels, dtype=torch.float64)).Q.to(torch.get_default_dtype())
