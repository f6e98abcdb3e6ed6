"""Choice of the device, and settings and capabilities of devices."""

from __future__ import annotations

import contextlib
import functools
import math
import time
from collections.abc import Iterable, Iterator

import torch
from torch.nn import functional

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


@contextlib.contextmanager
def on_cpu() -> Iterator[None]:
    """Create new tensors on the CPU, regardless of the default device, in a context or a decorated function."""
    # torch.device as a context costs some microseconds for each tensor, so it is used only where needed.
    is_default = torch.get_default_device().type == "cpu"
    with contextlib.nullcontext() if is_default else torch.device("cpu"):
        yield


def forbid_tf32(device: torch.device) -> None:
    """Disable TF32 in this process if ``device`` is CUDA: with its 10 bits, decode would not invert encode.

    cuDNN enables it by default.
    """
    if device.type != "cuda":
        return
    torch.set_float32_matmul_precision("highest")
    cudnn = torch.backends.cudnn
    cudnn.allow_tf32 = False
    # allow_tf32 = False leaves cuDNN with `torch.backends.fp32_precision`, which may be "tf32". Both are set: if they
    # differ, PyTorch raises an error when allow_tf32 is read.
    cudnn.conv.fp32_precision = cudnn.rnn.fp32_precision = "ieee"


@functools.cache
def has_fast_bfloat16(device: torch.device) -> bool:
    """Return whether convolutions in bfloat16 are faster on ``device`` than in float32.

    On a CPU this is measured, once in a process (some 0.1 s). AVX-512's bfloat16 alone does not decide it: on one AMD
    EPYC it doubles the rate of oneDNN's convolutions, on one Intel Xeon without AMX it halves it.
    """
    if device.type == "cuda":
        with torch.cuda.device(device):
            return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type != "cpu":
        return False
    features = torch.cpu.get_capabilities()
    if not (features.get("avx512_bf16") or features.get("amx_bf16") or features.get("bf16")):
        return False  # emulation is several times slower than float32
    seconds = _conv_seconds((torch.float32, torch.bfloat16))
    return seconds[torch.bfloat16] < 0.8 * seconds[torch.float32]


def _conv_seconds(dtypes: Iterable[torch.dtype], repeats: int = 10) -> dict[torch.dtype, float]:
    """Return the shortest time of a convolution on the CPU, of the size of those in coupling networks, per dtype."""
    times = dict.fromkeys(dtypes, math.inf)
    with on_cpu(), torch.no_grad():
        x, weight = torch.zeros(8, 128, 16, 16), torch.zeros(128, 128, 3, 3)
        for _ in range(repeats):  # in turns: other load then slows all of them
            for dtype in times:
                operands = [t.to(dtype, memory_format=torch.channels_last) for t in (x, weight)]
                start = time.perf_counter()
                functional.conv2d(*operands, padding=1)
                times[dtype] = min(times[dtype], time.perf_counter() - start)
    return times


def synchronize(device: torch.device) -> None:
    """Wait until the device has finished all work, for measurements of time."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
