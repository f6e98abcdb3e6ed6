"""Checks of the pictures that a model is given."""

from __future__ import annotations

import torch
from torch import Tensor

from glowcore.errors import ConfigError
from glowcore.transforms.base import channels_last, under_torch_func

#: Floats that are taken for pictures where they are quantised: [0, 1], and as much as a decoded picture strays from it.
VALUE_RANGE = (-0.5, 1.5)
#: A batch with more than the share of values below the limit is no picture in [0, 1] but one around 0, such as
#: [-0.5, 0.5]. Of samples of the shipped models at temperature 1.2 the share is at most 0.02.
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
    """Check that float pictures are about [0, 1], where quantisation is about to clamp them to that.

    Only values on the CPU are read, and not while ``torch.compile`` or a transform of ``torch.func`` traces: reading
    them from another device would synchronise, which a CUDA graph does not allow.
    :func:`glowcore.likelihood.dequantise` makes NaN of the values that pass unread.

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
    if not inside or (low < BELOW_LIMIT and float((images < BELOW_LIMIT).float().mean()) > BELOW_SHARE):
        raise ConfigError(f"pictures have values from {low:.4g} to {high:.4g}, expected floats in [0, 1] or uint8")
