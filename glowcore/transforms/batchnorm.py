"""Batch normalisation as a bijection (Dinh et al. 2016, section 3.7)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from glowcore.transforms.base import Transform, same_for_batch


class BatchNorm(Transform):
    r"""Shift and scale of each channel by statistics of the data.

    .. math::
        z = \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}}, \qquad x = z \sqrt{\sigma^2 + \epsilon} + \mu, \qquad
        \mathrm{logdet} = -\tfrac12 H W \textstyle\sum_c \log(\sigma_c^2 + \epsilon)

    With the running statistics this is a bijection. A training step (training mode, gradients enabled) uses the
    statistics of its batch instead. Its log-determinant is that of the normalisation applied: it serves as a loss, but
    is not the density of a fixed map, and :meth:`inverse` does not undo it. Without gradients the running statistics
    are used in training mode too, so that an evaluation during training measures the model that will be saved.

    The running statistics are parameters, so an average of the parameters (``torch.optim.swa_utils.AveragedModel``)
    averages them too. ``torch.optim.swa_utils.update_bn`` is not needed and does nothing to this class.
    """

    #: Added to the variance.
    EPSILON = 1e-5
    #: Weight of a batch in the running average.
    MOMENTUM = 0.1
    RECOVERABLE = False

    def __init__(self, channels: int) -> None:
        super().__init__()
        # Frozen parameters, not buffers, so that an average of the parameters includes them.
        self.mean = nn.Parameter(torch.zeros(channels), requires_grad=False)
        self.variance = nn.Parameter(torch.ones(channels), requires_grad=False)

    @torch.no_grad()
    def initialize(self, x: Tensor) -> None:
        """Set the running statistics to those of a first batch."""
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
        """Map latent to data with the running statistics."""
        mean, variance = self._running()
        std = self._std(variance)
        x = z * std.reshape(-1, 1, 1) + mean.reshape(-1, 1, 1)
        return x, same_for_batch(std.log().sum() * (z.shape[2] * z.shape[3]), z)

    def _std(self, variance: Tensor) -> Tensor:
        return (variance + self.EPSILON).sqrt()

    def _running(self) -> tuple[Tensor, Tensor]:
        # Detached: ``model.requires_grad_()`` must not turn the statistics into trained weights.
        return self.mean.detach(), self.variance.detach()

    def _statistics(self, x: Tensor) -> tuple[Tensor, Tensor]:
        if not (self.training and torch.is_grad_enabled()):
            return self._running()
        variance, mean = torch.var_mean(x, dim=(0, 2, 3), correction=0)
        with torch.no_grad():
            self.mean.lerp_(mean, self.MOMENTUM)
            self.variance.lerp_(variance, self.MOMENTUM)
        return mean, variance


def running_statistics(model: nn.Module) -> list[Tensor]:
    """Return the running means and variances of all batch norms of a model, which forward passes in training change."""
    return [p for module in model.modules() if isinstance(module, BatchNorm) for p in module.parameters()]
