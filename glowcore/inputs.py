"""Checks of the pictures that a model is given."""

from __future__ import annotations

import torch
from torch import Tensor

from glowcore.errors import ConfigError
from glowcore.networks import channels_last


def checked_images(images: Tensor, channels: int, size: tuple[int, int], device: torch.device) -> Tensor:
    """Return pictures ``[B, channels, *size]`` on a device, in channels-last memory format.

    Raises:
        ConfigError: another shape, an empty batch, or values that are neither uint8 nor floats.
    """
    if images.ndim != 4 or len(images) == 0 or tuple(images.shape[1:]) != (channels, *size):
        raise ConfigError(
            f"pictures have shape {tuple(images.shape)}, this model takes [B, {channels}, {size[0]}, "
            f"{size[1]}], B 1 or more"
        )
    if images.dtype != torch.uint8 and not images.is_floating_point():
        raise ConfigError(f"pictures are {images.dtype}, expected uint8 or floats in [0, 1]")
    return channels_last(images.to(device))
