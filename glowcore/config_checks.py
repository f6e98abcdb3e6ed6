"""Settings and checks shared by the configs of all models."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from glowcore.errors import ConfigError


@dataclasses.dataclass(frozen=True)
class ImageConfig:
    """Base class of the configs of models: the pictures.

    Args:
        image_size: side of the pictures in pixels, or ``(height, width)``. Each is a multiple of ``2**halvings``.
        channels: 3 for colour, 1 for greyscale, or any other number up to 64.
        n_bits: bits per value that likelihoods and training quantise to, 1 to 8.

    Raises:
        ConfigError: a value outside these ranges; nothing is allocated then.
    """

    image_size: int | tuple[int, int] = 32
    channels: int = 3
    n_bits: int = 5

    def __post_init__(self) -> None:
        make_plain(self)
        check_int("channels", self.channels, 1, 64)
        check_int("n_bits", self.n_bits, 1, 8)
        self.check()
        check_size(self.image_size, self.halvings)

    def check(self) -> None:
        """Raise :class:`ConfigError` if a setting of a subclass is invalid."""
        raise NotImplementedError(f"{type(self).__name__} defines no check")

    @property
    def halvings(self) -> int:
        """Number of times that the model halves its pictures, ``num_levels`` unless a subclass overrides it."""
        return self.num_levels

    @property
    def height_width(self) -> tuple[int, int]:
        """Height and width of the pictures."""
        return check_size(self.image_size, self.halvings)


def make_plain(config: Any) -> None:
    """Replace numpy scalars in a config by Python numbers and lists by tuples, so that it can be hashed and stored."""
    for field in dataclasses.fields(config):
        value = plain(getattr(config, field.name))
        if isinstance(value, list | tuple):
            value = tuple(map(plain, value))
        object.__setattr__(config, field.name, value)


def plain(value: Any) -> Any:
    """Return the numbers of an array or tensor as Python numbers, other values as they are."""
    return value.tolist() if hasattr(value, "tolist") else value


def check_int(name: str, value: Any, low: int, high: int) -> None:
    """Raise :class:`ConfigError` unless ``value`` is an int in ``[low, high]``."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ConfigError(f"{name} is {value!r}, expected a whole number from {low} to {high}")


def is_number(value: Any) -> bool:
    """Return whether ``value`` is an int or a float, and no bool."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def check_number(name: str, value: Any, high: float) -> None:
    """Raise :class:`ConfigError` unless ``value`` is a number in ``[0, high)``."""
    if not (is_number(value) and 0 <= value < high):
        expected = "from 0" if high == math.inf else f"in [0, {high})"
        raise ConfigError(f"{name} is {value!r}, expected a number {expected}")


def check_bool(name: str, value: Any) -> None:
    """Raise :class:`ConfigError` unless ``value`` is a bool."""
    if not isinstance(value, bool):
        raise ConfigError(f"{name} is {value!r}, expected True or False")


def check_choice(name: str, value: Any, choices: tuple[str, ...]) -> None:
    """Raise :class:`ConfigError` unless ``value`` is one of ``choices``."""
    if value not in choices:
        raise ConfigError(f"{name} is {value!r}, expected one of {', '.join(choices)}")


def check_per_level(name: str, value: Any, num_levels: int, high: int) -> None:
    """Raise :class:`ConfigError` unless ``value`` is an int, or one int a level, in ``[1, high]``."""
    if isinstance(value, tuple):
        if len(value) != num_levels:
            raise ConfigError(f"{name} has {len(value)} values, expected 1 or {num_levels} (one a level)")
        for item in value:
            check_int(name, item, 1, high)
    else:
        check_int(name, value, 1, high)


def per_level(value: int | tuple[int, ...], num_levels: int) -> tuple[int, ...]:
    """Return one value per level of a setting that :func:`check_per_level` has accepted."""
    return value if isinstance(value, tuple) else (value,) * num_levels


def check_size(image_size: Any, num_levels: int) -> tuple[int, int]:
    """Return ``(H, W)`` if every level can halve it, else raise :class:`ConfigError` with the nearest valid sizes."""
    size = image_size if isinstance(image_size, tuple) else (image_size, image_size)
    if len(size) != 2:
        raise ConfigError(f"image_size is {image_size!r}, expected one number or (height, width)")
    block = 2**num_levels
    for side in size:
        check_int("image_size" if size[0] == size[1] else f"a side of image_size {size}", side, 2, 4096)
        if side % block:
            near = [s for s in (side // block * block, (side // block + 1) * block) if s > 0]
            raise ConfigError(
                f"image size {side} cannot be halved {num_levels} times (multiples of {block} can): "
                f"use {' or '.join(map(str, near))}, or fewer levels"
            )
    return size
