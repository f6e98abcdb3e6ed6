"""Invertible 1x1 convolutions (Kingma & Dhariwal 2018, section 3.2)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from glowcore.transforms.base import Transform, exact_arithmetic, same_for_batch


class ChannelLinear(Transform):
    r"""A learned invertible matrix over channels, the same at every position.

    .. math:: z_{:,i,j} = W x_{:,i,j}, \qquad \mathrm{logdet} = H W \log |\det W|

    Subclasses say how ``W`` is parametrised: :meth:`weight`, :meth:`inverse_weight` (computed in float64) and
    :meth:`log_abs_det`.
    """

    def weight(self) -> Tensor:
        """Return ``W``, ``[C, C]``."""
        raise TypeError(f"{type(self).__name__} defines no weight")

    def inverse_weight(self) -> Tensor:
        """Return the inverse of ``W``, ``[C, C]`` in float64."""
        raise TypeError(f"{type(self).__name__} defines no inverse_weight")

    def log_abs_det(self) -> Tensor:
        """Return ``log |det W|`` as a scalar."""
        raise TypeError(f"{type(self).__name__} defines no log_abs_det")

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map data to latent."""
        with exact_arithmetic(x):
            z = F.conv2d(x, self.weight()[:, :, None, None])
            return z, same_for_batch(self.log_abs_det() * (x.shape[2] * x.shape[3]), x)

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Map latent to data."""
        with exact_arithmetic(z):
            x = F.conv2d(z, self.inverse_weight().to(z.dtype)[:, :, None, None])
            return x, same_for_batch(-self.log_abs_det() * (z.shape[2] * z.shape[3]), z)


class InvertibleConv1x1(ChannelLinear):
    """The plain form: ``W`` itself is the parameter, its determinant by ``slogdet`` in float64.

    Starts as a random rotation (QR of a Gaussian matrix), whose log-determinant is 0.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.matrix = nn.Parameter(random_rotation(channels))

    def weight(self) -> Tensor:
        """Return ``W``, ``[C, C]``."""
        return self.matrix

    def inverse_weight(self) -> Tensor:
        """Return the inverse of ``W`` in float64."""
        return torch.linalg.inv(self.matrix.double())

    def log_abs_det(self) -> Tensor:
        """Return ``log |det W|``."""
        return torch.linalg.slogdet(self.matrix.double()).logabsdet.to(self.matrix.dtype)


class InvertibleConv1x1LU(ChannelLinear):
    r"""The LU form, whose determinant costs nothing (section 3.2, equation 10).

    .. math:: W = P\,L\,(U + \mathrm{diag}(\sigma \odot e^{s})), \qquad \log |\det W| = \textstyle\sum_c s_c

    The permutation ``P`` and the signs are buffers and stay as they start; ``L`` (unit lower triangular), ``U``
    (strictly upper triangular) and ``s`` are learned. The inverse is two triangular solves.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        p, lower, upper = torch.linalg.lu(random_rotation(channels).double())
        diagonal = upper.diagonal()
        default = torch.get_default_dtype()
        self.register_buffer("p", p.to(default))
        self.register_buffer("sign", diagonal.sign().to(default))
        self.register_buffer("lower_mask", torch.ones(channels, channels).tril(-1))
        self.lower = nn.Parameter(lower.tril(-1).to(default))
        self.upper = nn.Parameter(upper.triu(1).to(default))
        self.log_s = nn.Parameter(diagonal.abs().log().to(default))

    def factors(self) -> tuple[Tensor, Tensor]:
        """Return ``L`` with its unit diagonal and ``U + diag(sign * exp(log_s))``, both ``[C, C]``."""
        eye = torch.eye(len(self.sign), dtype=self.sign.dtype, device=self.sign.device)
        lower = self.lower * self.lower_mask + eye
        upper = self.upper * self.lower_mask.T + torch.diag(self.sign * self.log_s.exp())
        return lower, upper

    def weight(self) -> Tensor:
        """Return ``W``, ``[C, C]``."""
        lower, upper = self.factors()
        return self.p @ lower @ upper

    def inverse_weight(self) -> Tensor:
        """Return the inverse of ``W`` in float64."""
        lower, upper = (factor.double() for factor in self.factors())
        solved = torch.linalg.solve_triangular(lower, self.p.double().T, upper=False, unitriangular=True)
        return torch.linalg.solve_triangular(upper, solved, upper=True)

    def log_abs_det(self) -> Tensor:
        """Return ``log |det W|``."""
        return self.log_s.sum()


def random_rotation(channels: int) -> Tensor:
    """Return a random orthogonal matrix ``[C, C]`` (QR of a Gaussian) from torch's global generator."""
    return torch.linalg.qr(torch.randn(channels, channels, dtype=torch.float64)).Q.to(torch.get_default_dtype())
