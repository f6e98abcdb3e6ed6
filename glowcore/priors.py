"""Priors of latents: densities, noise drawn from seeds, the prior of the top level and that of a split."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Sequence
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from glowcore.errors import ConfigError
from glowcore.networks import ZeroConv2d
from glowcore.transforms.base import exact_arithmetic, under_torch_func

#: Distributions of standardised latents.
PRIORS = ("logistic", "gaussian")


def noise_log_prob(eps: Tensor, prior: str = "gaussian") -> Tensor:
    """Return ``log p(eps)`` in nats, ``[B]``, of independent standard normal or standard logistic noise."""
    if prior == "gaussian":
        return -0.5 * eps.square().sum(dim=(1, 2, 3)) - 0.5 * math.log(2 * math.pi) * eps[0].numel()
    return -(F.softplus(eps) + F.softplus(-eps)).sum(dim=(1, 2, 3))


def draw_noise(shape: tuple[int, ...], generator: torch.Generator, prior: str = "gaussian") -> Tensor:
    """Draw the noise of one picture, float32 on the CPU, so that it does not depend on the device."""
    if prior == "gaussian":
        return torch.randn(shape, generator=generator, dtype=torch.float32, device="cpu")
    uniform = torch.rand(shape, generator=generator, dtype=torch.float64, device="cpu")
    return torch.logit(uniform.clamp_min(2.0**-54)).float()  # logit(0) is minus infinity


def checked_seeds(seeds: Iterable[int]) -> list[int]:
    """Return seeds as a list.

    Raises:
        ConfigError: there are no seeds, or one is not a whole number from 0 to 2**32 - 1.
    """
    try:
        values = [operator.index(seed) for seed in seeds]
    except TypeError:
        raise ConfigError(f"seeds are {seeds!r:.80}, expected a list of whole numbers") from None
    if not values:
        raise ConfigError("seeds are empty, expected one a picture")
    if min(values) < 0 or max(values) >= 2**32:  # torch's CPU generator uses only the lower 32 bits
        raise ConfigError(f"seeds are {min(values)} to {max(values)}, expected whole numbers from 0 to {2**32 - 1}")
    return values


class TopPrior(nn.Module):
    r"""Diagonal prior of the top level: ``z = mean + exp(log_std) * eps``.

    Mean and log-std are learned for each value of the level and initialised to zero; with ``learned=False`` they stay
    zero. With ``num_classes`` K > 0 each class adds its own (``ycond`` in the paper's code).

    :class:`~glowcore.flow.Flow` also accepts a top prior of your own, a module with ``labels``, ``forward`` and
    ``inverse`` of the signatures below. A ``labels`` that returns None makes a model without classes.
    """

    def __init__(self, shape: tuple[int, int, int], *, learned: bool = True, num_classes: int = 0) -> None:
        super().__init__()
        self.learned = learned
        self.num_classes = num_classes
        stacked = (2, *shape)
        self.stats = nn.Parameter(torch.zeros(stacked), requires_grad=learned)
        self.class_stats = nn.Parameter(torch.zeros(num_classes, 2, shape[0], 1, 1)) if num_classes else None

    def labels(self, y: Tensor | Sequence[int] | int | None, batch: int) -> Tensor | None:
        """Return labels as int64 ``[batch]`` on the device of the weights; None stays None.

        ``y`` is one number for all pictures, or one for each.

        Raises:
            ConfigError: a class that the model does not have (checked only for labels on the CPU, since reading them
                from another device would synchronize, and not while ``torch.compile`` or ``torch.export`` traces), a
                wrong number of labels, or labels for a model without classes.
        """
        if y is None:
            return None
        y = self._checked(y)
        if y.ndim > 1 or y.numel() not in (1, batch):
            raise ConfigError(
                f"labels y have shape {tuple(y.shape)}, expected one number or one for each of {batch} pictures"
            )
        return y.to(self.stats.device).expand(batch)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """See ``nn.Module``. ``to(memory_format=torch.channels_last)`` supports no tensors of five dimensions."""
        return super()._apply(lambda t: fn(t.flatten(2)).reshape(t.shape) if t.ndim == 5 else fn(t), recurse)

    def mean_log_std(self, y: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return mean and log-std, each ``[1, C, H, W]`` or, with labels ``y`` (``[B]``), ``[B, C, H, W]``.

        Raises:
            ConfigError: as :meth:`labels`, or labels are missing for a model with classes.
        """
        # Detached where not learned: ``model.requires_grad_()`` must not turn the constants into trained weights.
        stats = (self.stats if self.learned else self.stats.detach())[None]
        if y is not None:
            y = self._checked(y)
            stats = stats + self.class_stats[y]
        elif self.class_stats is not None:
            raise ConfigError(
                f"this model is class-conditional: give labels y, 0 to {self.num_classes - 1} "
                "(of latents: set latents.y)"
            )
        return stats[:, 0], stats[:, 1]

    def _checked(self, y: Tensor | Sequence[int] | int) -> Tensor:
        if self.class_stats is None:
            raise ConfigError("this model has no classes, expected no labels y")
        if not isinstance(y, Tensor):  # as_tensor would move a tensor to the default device
            try:
                y = torch.as_tensor(y, device="cpu")
            except (TypeError, ValueError, RuntimeError):
                found = " ".join(repr(y).split())
                raise ConfigError(
                    f"labels y are {found:.40}, expected whole numbers from 0 to {self.num_classes - 1} "
                    "(glowcore.classes.class_number returns that of a name)"
                ) from None
        if y.is_floating_point() or y.is_complex() or y.dtype == torch.bool:
            raise ConfigError(f"labels y are {y.dtype}, expected whole numbers from 0 to {self.num_classes - 1}")
        if y.device.type == "cpu" and not torch.compiler.is_compiling() and not under_torch_func(y):
            invalid = y[(y < 0) | (y >= self.num_classes)]
            if len(invalid):
                raise ConfigError(
                    f"label {int(invalid[0])} is no class of this model, expected 0 to {self.num_classes - 1}"
                )
        return y.long()

    def forward(self, z: Tensor, y: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return the standardised ``eps`` of ``z`` and the log-determinant ``[B]``."""
        return _standardise(z, *self.mean_log_std(y))

    def inverse(self, eps: Tensor, y: Tensor | None) -> Tensor:
        """Return ``z``."""
        return _destandardise(eps, *self.mean_log_std(y))


class Split(nn.Module):
    r"""Split that factors out half of the channels under a prior that depends on the kept half (Dinh et al. 2016, 3.6).

    ``forward`` maps ``x = (x_1, x_2)`` to ``(x_1, eps)`` with ``eps = (x_2 - mean(x_1)) / std(x_1)`` and returns the
    log-determinant. Mean and log-std come from a zero convolution of ``x_1`` (``split2d_prior`` in the paper's code),
    plus a learned value for each position with ``position_bias``. With ``learned=False`` the mean is 0 and std 1, as in
    Real NVP. ``eps`` is the latent of the level.
    """

    def __init__(
        self, channels: int, size: tuple[int, int], *, position_bias: bool = False, learned: bool = True
    ) -> None:
        super().__init__()
        self.conv = ZeroConv2d(channels // 2, channels) if learned else None
        self.position = nn.Parameter(torch.zeros(channels, *size)) if position_bias else None

    def mean_log_std(self, kept: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log-std of the other half given the kept half, each of its shape."""
        if self.conv is None:
            return torch.zeros_like(kept), torch.zeros_like(kept)
        with exact_arithmetic(kept):
            stats = self.conv(kept)
            if self.position is not None:
                stats = stats + self.position
            return stats.chunk(2, dim=1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the kept half, ``eps`` of the other half, and the log-determinant ``[B]``."""
        kept, other = x.chunk(2, dim=1)
        eps, logdet = _standardise(other, *self.mean_log_std(kept))
        return kept, eps, logdet

    def inverse(self, kept: Tensor, eps: Tensor) -> Tensor:
        """Return ``x``."""
        return torch.cat([kept, _destandardise(eps, *self.mean_log_std(kept))], dim=1)


def _standardise(z: Tensor, mean: Tensor, log_std: Tensor) -> tuple[Tensor, Tensor]:
    """Return ``(z - mean) / exp(log_std)`` and its log-determinant ``[B]``; mean and log-std broadcast."""
    log_std = log_std.expand(-1, *z.shape[1:])
    return (z - mean) * (-log_std).exp(), -log_std.sum(dim=(1, 2, 3)).expand(z.shape[0])


def _destandardise(eps: Tensor, mean: Tensor, log_std: Tensor) -> Tensor:
    """Undo :func:`_standardise`."""
    return mean + log_std.exp() * eps
