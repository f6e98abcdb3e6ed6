"""Activation normalisation (Kingma & Dhariwal 2018, section 3.1)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from glowcore.transforms.base import Transform, same_for_batch


class ActNorm(Transform):
    r"""Scale and shift of each channel, initialised from the first batch.

    .. math:: z = (x + b) \odot e^{s}, \qquad x = z \odot e^{-s} - b, \qquad \mathrm{logdet} = H W \textstyle\sum_c s_c

    It is the identity until :meth:`initialize` is called. The flag ``initialized`` is a buffer, so a saved model is not
    initialised again.
    """

    #: Smallest standard deviation that initialisation divides by.
    STD_FLOOR = 1e-3

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(channels))
        self.log_scale = nn.Parameter(torch.zeros(channels))
        self.register_buffer("initialized", torch.tensor(False))

    @torch.no_grad()
    def initialize(self, x: Tensor) -> None:
        """Set bias and scale so that each channel of ``forward(x)`` has mean 0 and standard deviation 1.

        Both are taken over B, H and W (population). The scale of a constant channel is 1. Later calls do nothing.
        """
        if self.initialized:
            return
        std, mean = torch.std_mean(x, dim=(0, 2, 3), correction=0)
        self.bias.copy_(-mean)
        self.log_scale.copy_(-torch.where(std > 1e-6, std.clamp_min(self.STD_FLOOR), torch.ones_like(std)).log())
        self.initialized.fill_(True)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map data to latent."""
        z = (x + self.bias.reshape(-1, 1, 1)) * self.log_scale.exp().reshape(-1, 1, 1)
        return z, same_for_batch(self.logdet(x), x)

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Map latent to data."""
        x = z * (-self.log_scale).exp().reshape(-1, 1, 1) - self.bias.reshape(-1, 1, 1)
        return x, same_for_batch(-self.logdet(z), z)

    def logdet(self, x: Tensor) -> Tensor:
        """Return the forward log-determinant for pictures of the size of ``x`` as a scalar."""
        return self.log_scale.sum() * (x.shape[2] * x.shape[3])
