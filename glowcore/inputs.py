"""Checks of the pictures that are passed to a model."""

from __future__ import annotations

import torch
from torch import Tensor

from glowcore.errors import ConfigError
from glowcore.transforms.base import channels_last, under_torch_func

#: Range of the floats that quantisation accepts. It is wider than [0, 1], since decoded pictures can leave that range.
VALUE_RANGE = (-0.5, 1.5)
#: A batch with a larger share of values below the limit is assumed to have another range, such as [-0.5, 0.5]. In
#: batches of samples of the shipped models the share is at most 0.015 at temperature 1 and 0.03 at 1.2.
BELOW_LIMIT, BELOW_SHARE = -0.1, 0.1


def checked_images(images: Tensor, channels: int, size: tuple[int, int], device: torch.device) -> Tensor:
    """Return pictures ``[B, channels, *size]`` on a device, in channels-last memory format.

    Raises:
        ConfigError: no tensor, another shape, an empty batch, or values that are neither uint8 nor floats.
    """
    if not isinstance(images, Tensor):
        raise ConfigError(
            f"pictures are of type {type(images).__name__}, expected a tensor [B, {channels}, {size[0]}, {size[1]}]"
        )
    if images.ndim != 4 or images.shape[0] == 0 or tuple(images.shape[1:]) != (channels, *size):
        raise ConfigError(
            f"pictures have shape {tuple(images.shape)}, this model takes [B, {channels}, {size[0]}, "
            f"{size[1]}], B 1 or more"
        )
    if images.dtype != torch.uint8 and not images.is_floating_point():
        raise ConfigError(f"pictures are {images.dtype}, expected uint8 or floats in [0, 1]")
    return channels_last(images.to(device))


def check_values(images: Tensor) -> None:
    """Check that float pictures are about [0, 1], since quantisation clamps them to that range.

    Only values on the CPU are read, and not while ``torch.compile`` or a transform of ``torch.func`` traces: reading
    them from another device would synchronise, which a CUDA graph does not allow. Where they are not read, values that
    this check refuses become NaN (:func:`nan_where_refused`).

    Raises:
        ConfigError: values outside :data:`VALUE_RANGE`, or not finite, or too many below :data:`BELOW_LIMIT`.
    """
    if not images.is_floating_point() or images.device.type != "cpu":
        return
    if torch.compiler.is_compiling() or under_torch_func(images):
        return
    images = images.detach()
    low, high = map(float, images.aminmax())
    inside = VALUE_RANGE[0] <= low and high <= VALUE_RANGE[1]  # False for NaN
    if not inside or (low < BELOW_LIMIT and bool(_many_below(images))):
        raise ConfigError(f"pictures have values from {low:.4g} to {high:.4g}, expected floats in [0, 1] or uint8")


def nan_where_refused(images: Tensor, x: Tensor) -> Tensor:
    """Return ``x`` with NaN where :func:`check_values` refuses the values of ``images``, without reading them.

    Single values outside :data:`VALUE_RANGE` become NaN, and all of a batch with too many below :data:`BELOW_LIMIT`.
    """
    if not images.is_floating_point():
        return x
    accepted = (images >= VALUE_RANGE[0]) & (images <= VALUE_RANGE[1]) & ~_many_below(images)
    return torch.where(accepted, x, torch.nan)


def _many_below(images: Tensor) -> Tensor:
    return (images < BELOW_LIMIT).float().mean() > BELOW_SHARE
