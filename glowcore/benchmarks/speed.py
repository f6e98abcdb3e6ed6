"""Speed of encode, decode and training steps, compared with the limit of the machine."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from glowcore.benchmarks.configs import BENCH_CONFIGS, noise_pictures, ready_model
from glowcore.devices import forbid_tf32, synchronize
from glowcore.flow import Flow
from glowcore.fused import FusedFlow
from glowcore.progress import progress_bar
from glowcore.reversible import MEMORY_MODES

#: Shortest duration of a measurement in seconds.
SECONDS = 1.5


@dataclass(frozen=True)
class Row:
    """One measurement.

    Attributes:
        what: the operation.
        batch: number of pictures.
        dtype: of the networks.
        milliseconds: median time of the batch.
        floor_ms: time of its convolutions at the limit of the machine.
        floor: dtype of the convolutions that this limit was measured with, float32 or bfloat16.
        ratio: ``milliseconds / floor_ms``.
        images_per_second: from ``milliseconds``.
    """

    what: str
    batch: int
    dtype: str
    milliseconds: float
    floor_ms: float
    floor: str
    ratio: float
    images_per_second: float


def measure_speed(
    name: str,
    *,
    device: torch.device,
    batches: Iterable[int] = (1, 32),
    train_batch: int = 32,
    backends: Iterable[str] = ("torch", "onnxruntime"),
    progress: bool = False,
) -> dict[str, Any]:
    """Measure config A, B or C and the limits of the machine in one run.

    Args:
        name: of the config.
        device: to run on.
        batches: batch sizes of encode and decode.
        train_batch: pictures per training step.
        backends: of the fused form.
        progress: show a bar on stderr.

    Returns:
        the limits and settings, and as ``rows`` a list of :class:`Row`.
    """
    config = BENCH_CONFIGS[name]
    model = ready_model(config, steps=2).to(device)
    flops = forward_flops(model)
    limits = {dtype: conv_limit(getattr(torch, dtype), device) for dtype in ("float32", "bfloat16")}
    jobs = [
        *_inference_jobs(model, batches, backends),
        *_training_jobs(model, train_batch),
    ]
    rows = []
    for what, batch, dtype, passes, run in progress_bar(jobs, desc="bench", progress=progress):
        milliseconds = median_ms(run, device)
        for floor in ("float32", "bfloat16") if dtype == "bfloat16" or passes == 3 else ("float32",):
            floor_ms = passes * batch * flops / limits[floor] * 1e3
            rows.append(
                Row(
                    what,
                    batch,
                    dtype,
                    milliseconds,
                    floor_ms,
                    floor,
                    milliseconds / floor_ms,
                    batch / milliseconds * 1e3,
                )
            )
    # Measured again: a difference from the first limit reveals other load on the machine.
    after = {dtype: conv_limit(getattr(torch, dtype), device) for dtype in limits}
    return {
        "config": name,
        "device": str(device),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "mflop_per_image": flops / 1e6,
        "conv_gflops_per_second": {k: v / 1e9 for k, v in limits.items()},
        "conv_gflops_per_second_after": {k: v / 1e9 for k, v in after.items()},
        "rows": rows,
    }


def conv_limit(dtype: torch.dtype, device: torch.device) -> float:
    """Return the FLOP/s of a 3x3 convolution of 16x16 maps from 128 to 128 channels, as the limit of the machine.

    The batch is 32 on a CPU and 1024 elsewhere: with 32 a GPU spends most of the time on the launch.
    """
    forbid_tf32(device)
    count = 32 if device.type == "cpu" else 1024
    x = torch.randn(count, 128, 16, 16, device=device).to(dtype).contiguous(memory_format=torch.channels_last)
    weight = torch.randn(128, 128, 3, 3, device=device).to(dtype).contiguous(memory_format=torch.channels_last)
    milliseconds = median_ms(lambda: F.conv2d(x, weight, padding=1), device)
    return 2 * count * 16 * 16 * 128 * 128 * 9 / milliseconds * 1e3


def forward_flops(model: Flow) -> float:
    """Return the operations of the convolutions in encoding one picture; a multiply-add counts as two."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model.encode(torch.zeros(1, model.config.channels, *model.image_size, device=model.device))
    return counter.get_flop_counts()["Global"][torch.ops.aten.convolution]


def median_ms(run: Callable[[], Any], device: torch.device) -> float:
    """Return the median time of a call in milliseconds, over :data:`SECONDS` after a warm-up."""
    for _ in range(2):
        run()
    times = []
    stop = time.perf_counter() + SECONDS
    while len(times) < 5 or time.perf_counter() < stop:
        synchronize(device)
        start = time.perf_counter()
        run()
        synchronize(device)
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e3


def _inference_jobs(model: Flow, batches: Iterable[int], backends: Iterable[str]):
    forms = [(backend, "float32", FusedFlow(model, backend=backend)) for backend in backends]
    forms.append(("torch", "bfloat16", FusedFlow(model, dtype="bfloat16", backend="torch")))
    for batch in batches:
        images = noise_pictures(model.config, batch).to(model.device)
        latents = model.encode(images).detach()
        for backend, dtype, form in forms:
            yield f"encode ({backend})", batch, dtype, 1, lambda f=form, x=images: f.encode(x)
            yield f"decode ({backend})", batch, dtype, 1, lambda f=form, z=latents: f.decode(z)
        yield "encode (module)", batch, "float32", 1, _without_gradients(model.encode, images)
        yield "decode (module)", batch, "float32", 1, _without_gradients(model.decode, latents)


def _training_jobs(model: Flow, batch: int):
    images = noise_pictures(model.config, batch).to(model.device)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-9, fused=True)
    for dtype in ("float32", "bfloat16"):
        for memory in MEMORY_MODES:
            yield (
                f"train step ({memory})",
                batch,
                dtype,
                3,
                lambda m=memory, d=dtype: train_step(model, optimizer, images, m, d == "bfloat16"),
            )


def train_step(model: Flow, optimizer: torch.optim.Optimizer, images: torch.Tensor, memory: str, bf16: bool) -> None:
    """Take a training step like that of the training loop: loss, gradient, clipping, optimizer."""
    model.memory = memory
    optimizer.zero_grad(set_to_none=True)
    with torch.autocast(model.device.type, torch.bfloat16, enabled=bf16):
        loss = model.bits_per_dim(images).mean()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 50.0)
    optimizer.step()


def _without_gradients(function: Callable, argument: Any) -> Callable[[], Any]:
    def run() -> Any:
        with torch.inference_mode():
            return function(argument)

    return run
