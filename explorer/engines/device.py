"""Facts about a torch device that hold for any kind of model: its name, its clock and its free memory."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import torch

from glowcore.devices import synchronize

T = TypeVar("T")


def in_words(device: torch.device) -> str:
    """Return the device's name for the readout: the name of a graphics card, else "CPU" or "MPS"."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else str(device).upper()


def timed(device: torch.device, work: Callable[[], T]) -> tuple[T, float]:
    """Return the result of ``work`` and the milliseconds until ``device`` has finished it."""
    start = time.perf_counter()
    result = work()
    synchronize(device)
    return result, (time.perf_counter() - start) * 1000


def release_memory() -> None:
    """Return the memory that torch caches to the device."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
