"""Which device to run on, and what it can do."""

from __future__ import annotations

import contextlib

import torch

from glowcore.errors import ConfigError


def pick_device(name: str = "auto") -> torch.device:
    """Return the device called ``name``; ``"auto"`` is CUDA where there is one, then the CPU (``"mps"`` on request).

    Raises:
        ConfigError: a device that torch does not know or that this machine does not have.
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
    """Return a context in which new tensors are made on the CPU, whatever the program's default device is."""
    # The context costs some microseconds a tensor; most programs have no need of it.
    here = torch.get_default_device().type == "cpu"
    return contextlib.nullcontext() if here else torch.device("cpu")


def forbid_tf32(device: torch.device) -> None:
    """Turn TF32 off for this process where ``device`` is CUDA: its 10 bits would make an encode and a decode disagree.

    cuDNN has it on by default.
    """
    if device.type != "cuda":
        return
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    cudnn.allow_tf32 = matmul.allow_tf32 = False
    # For cuDNN that leaves it to `torch.backends.fp32_precision`, which may be "tf32". All three alike, since PyTorch
    # refuses to read allow_tf32 where they differ.
    cudnn.conv.fp32_precision = cudnn.rnn.fp32_precision = matmul.fp32_precision = "ieee"


def has_fast_bfloat16(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 in hardware; emulation is several times slower than float32."""
    if device.type == "cuda":
        with torch.cuda.device(device):
            return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu":
        can = torch.cpu.get_capabilities()
        return bool(can.get("avx512_bf16") or can.get("amx_bf16") or can.get("bf16"))
    return False


def synchronize(device: torch.device) -> None:
    """Wait until a device has finished, so that a clock measures the work and not its launch."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
