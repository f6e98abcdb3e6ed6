"""Batch normalisation as a bijection (Dinh et al. 2016, section 3.7)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from glowcore.transforms.base import Transform, same_for_batch


class BatchNorm(Transform):
    r"""Shift and scale each channel by statistics of data instead of by learned numbers.

    .. math::
        z = \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}}, \qquad x = z \sqrt{\sigma^2 + \epsilon} + \mu, \qquad
        \mathrm{logdet} = -\tfrac12 H W \textstyle\sum_c \log(\sigma_c^2 + \epsilon)

    The statistics are the running ones, and with them this is a bijection. A training step (training mode, gradients
    on) normalises by those of its own batch instead, and the log-determinant is of what was applied: a loss, not the
    density of a fixed map, which :meth:`inverse` does not invert. Without gradients the running statistics hold in
    training mode as well, so an evaluation in the middle of training measures the model that will be saved.
    """

    #: Added to the variance.
    EPSILON = 1e-5
    #: How far the running statistics move to those of a batch.
    MOMENTUM = 0.1
    RECOVERABLE = False

    def __init__(self, channels: int) -> None:
        super().__init__()
        # Parameters that no optimizer moves, not buffers: an average of the parameters then averages them as well.
        self.mean = nn.Parameter(torch.zeros(channels), requires_grad=False)
        self.variance = nn.Parameter(torch.ones(channels), requires_grad=False)

    @torch.no_grad()
    def initialize(self, x: Tensor) -> None:
        """Take the statistics of a first batch as the running ones."""
        variance, mean = torch.var_mean(x, dim=(0, 2, 3), correction=0)
        self.mean.copy_(mean)
        self.variance.copy_(variance)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map data to latent."""
        mean, variance = self._statistics(x)
        std = self._std(variance)
        z = (x - mean.reshape(-1, 1, 1)) / std.reshape(-1, 1, 1)
        return z, same_for_batch(-std.log().sum() * (x.shape[2] * x.shape[3]), x)

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Map latent to data, by the running statistics."""
        std = self._std(self.variance)
        x = z * std.reshape(-1, 1, 1) + self.mean.reshape(-1, 1, 1)
        return x, same_for_batch(std.log().sum() * (z.shape[2] * z.shape[3]), z)

    def _std(self, variance: Tensor) -> Tensor:
        return (variance + self.EPSILON).sqrt()

    def _statistics(self, x: Tensor) -> tuple[Tensor, Tensor]:
        if not (self.training and torch.is_grad_enabled()):
            return self.mean, self.variance
        variance, mean = torch.var_mean(x, dim=(0, 2, 3), correction=0)
        with torch.no_grad():
            self.mean.lerp_(mean, self.MOMENTUM)
            self.variance.lerp_(variance, self.MOMENTUM)
        return mean, variance


def running_statistics(model: nn.Module) -> list[Tensor]:
    """Return the running means and variances of all batch norms of a model: what a forward pass in training changes."""
    return [p for module in model.modules() if isinstance(module, BatchNorm) for p in module.parameters()]
