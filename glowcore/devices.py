"""Choice of the device, and settings and capabilities of devices."""

from __future__ import annotations

import contextlib

import torch

from glowcore.errors import ConfigError


def pick_device(name: str = "auto") -> torch.device:
    """Return the device called ``name``; ``"auto"`` is CUDA if available, else the CPU, never ``"mps"``.

    Raises:
        ConfigError: torch does not support the device, or this machine does not have it.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ConfigError(f"device {name!r} is unknown, expected auto, cpu, cuda, cuda:N or mps") from None
    available = {
        "cpu": True,
        "cuda": torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count(),
        "mps": torch.backends.mps.is_available(),
    }
    if not available.get(device.type, False):
        raise ConfigError(f"device {name!r} is not on this machine, expected auto or cpu")
    return device


def on_cpu() -> contextlib.AbstractContextManager:
    """Return a context in which new tensors are created on the CPU, regardless of the default device."""
    # torch.device as a context costs some microseconds for each tensor, so it is used only where needed.
    is_default = torch.get_default_device().type == "cpu"
    return contextlib.nullcontext() if is_default else torch.device("cpu")


def forbid_tf32(device: torch.device) -> None:
    """Disable TF32 in this process if ``device`` is CUDA: with its 10 bits, decode would not invert encode.

    cuDNN enables it by default.
    """
    if device.type != "cuda":
        return
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    cudnn.allow_tf32 = matmul.allow_tf32 = False
    # allow_tf32 = False leaves cuDNN with `torch.backends.fp32_precision`, which may be "tf32". All three are set:
    # if they differ, PyTorch raises an error when allow_tf32 is read.
    cudnn.conv.fp32_precision = cudnn.rnn.fp32_precision = matmul.fp32_precision = "ieee"


def has_fast_bfloat16(device: torch.device) -> bool:
    """Return whether the device multiplies bfloat16 in hardware; emulation is several times slower than float32."""
    if device.type == "cuda":
        with torch.cuda.device(device):
            return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu":
        features = torch.cpu.get_capabilities()
        return bool(features.get("avx512_bf16") or features.get("amx_bf16") or features.get("bf16"))
    return False


def synchronize(device: torch.device) -> None:
    """Wait until the device has finished all work, for measurements of time."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
