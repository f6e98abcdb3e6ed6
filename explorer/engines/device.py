"""A device in words, and its memory released: what is the same whatever kind of model it holds."""

from __future__ import annotations

import torch


def in_words(device: torch.device) -> str:
    """The device for the readout: a graphics card by its name, else "CPU" or "MPS"."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else str(device).upper()


def release_memory() -> None:
    """Let the device have what torch keeps for later."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
