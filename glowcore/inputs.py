"""Checks of the pictures that a model is given."""

from __future__ import annotations

import torch
from torch import Tensor

from glowcore.errors import ConfigError
from glowcore.transforms.base import channels_last, under_torch_func

#: Floats that are taken for pictures where they are quantised: [0, 1], and as much as a decoded picture strays from it.
VALUE_RANGE = (-0.5, 1.5)


def checked_images(images: Tensor, channels: int, size: tuple[int, int], device: torch.device) -> Tensor:
    """Return pictures ``[B, channels, *size]`` on a device, in channels-last memory format.

    Raises:
        ConfigError: no tensor, another shape, an empty batch, or values that are neither uint8 nor floats.
    """
    if not isinstance(images, Tensor):
        raise ConfigError(
            f"pictures are of type {type(images).__name__}, expected a tensor [B, {channels}, {size[0]}, {size[1]}]"
        )
    if images.ndim != 4 or len(images) == 0 or tuple(images.shape[1:]) != (channels, *size):
        raise ConfigError(
            f"pictures have shape {tuple(images.shape)}, this model takes [B, {channels}, {size[0]}, "
            f"{size[1]}], B 1 or more"
        )
    if images.dtype != torch.uint8 and not images.is_floating_point():
        raise ConfigError(f"pictures are {images.dtype}, expected uint8 or floats in [0, 1]")
    return channels_last(images.to(device))


def check_values(images: Tensor) -> None:
    """Check that float pictures are in :data:`VALUE_RANGE`, where quantisation is about to clamp them to [0, 1].

    Only values on the CPU are read, and not while ``torch.compile`` or a transform of ``torch.func`` traces: reading
    them from another device would synchronise, which a CUDA graph does not allow.
    :func:`glowcore.likelihood.dequantise` makes NaN of the values that pass unread.

    Raises:
        ConfigError: values outside the range, or not finite.
    """
    if not images.is_floating_point() or images.device.type != "cpu":
        return
    if torch.compiler.is_compiling() or under_torch_func(images):
        return
    low, high = (float(value) for value in images.detach().aminmax())
    if not (VALUE_RANGE[0] <= low and high <= VALUE_RANGE[1]):  # also true of NaN
        raise ConfigError(f"pictures have values from {low:.4g} to {high:.4g}, expected floats in [0, 1] or uint8")
