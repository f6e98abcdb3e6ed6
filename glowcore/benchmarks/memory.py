"""Memory of a training step against depth in three modes; each measurement runs in its own process."""

from __future__ import annotations

import dataclasses
import gc
import multiprocessing
import statistics
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import torch

from glowcore.benchmarks.configs import BENCH_CONFIGS, noise_pictures, ready_model
from glowcore.benchmarks.speed import train_step
from glowcore.devices import synchronize
from glowcore.errors import ConfigError
from glowcore.flow import Flow
from glowcore.heap import keep_heap, release_heap
from glowcore.memory import saved_bytes
from glowcore.progress import progress_bar
from glowcore.reversible import MEMORY_MODES

STEPS_PER_LEVEL = (4, 8, 16, 32, 64, 128)
#: Interval of the anchors in "reversible with anchors".
ANCHOR_EVERY = 8
#: Training steps per measurement.
DEFAULT_STEPS = 5
#: Linux's files about this process.
PROC = Path("/proc/self")


@dataclass(frozen=True)
class Row:
    """One mode at one depth; all sizes are in bytes.

    Attributes:
        memory: the mode.
        steps_per_level: the depth.
        saved: saved by autograd between forward and backward, without parameters.
        peak: largest resident memory (allocated memory on CUDA) during a step, minus that at rest with model, gradients
            and optimizer state.
        largest_level: of the parameters of the largest level, and so of their gradients.
        resident: largest resident memory, including model, gradients, optimizer and Python.
        seconds: median of a step.
        gradient_error: norm of the difference of all gradients from those of ``full``, relative, in float32.
    """

    memory: str
    steps_per_level: int
    saved: int
    peak: int
    largest_level: int
    resident: int
    seconds: float
    gradient_error: float


def measure_memory(
    name: str,
    *,
    device: torch.device,
    batch: int = 32,
    depths: Sequence[int] = STEPS_PER_LEVEL,
    modes: Sequence[str] = MEMORY_MODES,
    steps: int = DEFAULT_STEPS,
    progress: bool = False,
) -> dict[str, Any]:
    """Measure config A, B or C at several depths in float32, ``reversible`` also with anchors.

    Args:
        name: of the config.
        device: to train on.
        batch: pictures per step.
        depths: steps per level.
        modes: of :data:`glowcore.reversible.MEMORY_MODES`.
        steps: training steps per measurement, 2 or more.
        progress: show a bar on stderr.

    Returns:
        the settings, and as ``rows`` a list of :class:`Row`.

    Raises:
        ConfigError: on a device other than CUDA, this system cannot reset the peak of a process.
    """
    kinds = [(memory, 0) for memory in modes] + [("reversible", ANCHOR_EVERY)] * ("reversible" in modes)
    jobs = [(name, str(device), batch, depth, memory, anchor, steps) for depth in depths for memory, anchor in kinds]
    rows = [in_fresh_process(probe, job) for job in progress_bar(jobs, desc="bench", progress=progress)]
    return {"config": name, "device": str(device), "batch": batch, "threads": torch.get_num_threads(), "rows": rows}


def in_fresh_process(function, arguments: Iterable[Any]) -> Any:
    """Return ``function(*arguments)``, called in a new process."""
    with multiprocessing.get_context("spawn").Pool(1, torch.set_num_threads, (torch.get_num_threads(),)) as pool:
        return pool.apply(function, tuple(arguments))


def probe(name: str, device: str, batch: int, depth: int, memory: str, anchor_every: int, steps: int) -> Row:
    """Measure one mode at one depth over ``steps`` training steps, of which the first is not timed."""
    keep_heap()  # as in training; otherwise page faults dominate the time
    config = dataclasses.replace(BENCH_CONFIGS[name], steps_per_level=depth)
    flow = ready_model(config, steps=3, memory=memory).to(device)
    flow.anchor_every = anchor_every
    images = noise_pictures(config, batch).to(device)
    optimizer = torch.optim.Adam(flow.parameters(), lr=1e-9)
    saved = saved_bytes(flow, batch)

    def step() -> None:
        train_step(flow, optimizer, images, memory, bf16=False)

    step()
    resting = _reset_peak(flow)
    times = []
    for _ in range(steps - 1):
        synchronize(flow.device)
        start = time.perf_counter()
        step()
        synchronize(flow.device)
        times.append(time.perf_counter() - start)
    resident = max(_peak(flow), resting)  # Linux counts pages lazily: its peak can be a few below what it said before
    label = memory if not anchor_every else f"{memory}, anchor every {anchor_every}"
    levels = [sum(p.numel() * p.element_size() for p in level.parameters()) for level in flow.levels]
    return Row(
        label,
        depth,
        saved,
        resident - resting,
        max(levels),
        resident,
        statistics.median(times),
        _gradient_error(flow, images[: min(batch, 8)]),
    )


def plot(result: dict[str, Any], path: Path) -> None:
    """Plot saved bytes, peak and time against depth to a PNG; needs matplotlib."""
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 3, figsize=(13, 4), constrained_layout=True)
    panels = (
        ("saved", 1e6, "saved for backward, MB"),
        ("peak", 1e6, "peak above resting, MB"),
        ("seconds", 1, "time of a step, s"),
    )
    for axis, (field, unit, title) in zip(axes, panels, strict=True):
        for memory in dict.fromkeys(row.memory for row in result["rows"]):
            rows = [row for row in result["rows"] if row.memory == memory]
            axis.plot([r.steps_per_level for r in rows], [getattr(r, field) / unit for r in rows], "o-", label=memory)
        axis.set(title=title, xlabel="steps per level", xscale="log", yscale="log")
        axis.grid(alpha=0.3)
    axes[0].legend()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def _gradient_error(flow: Flow, images: torch.Tensor) -> float:
    def gradients(memory: str) -> torch.Tensor:
        before, flow.memory = flow.memory, memory
        flow.zero_grad(set_to_none=True)
        flow.bits_per_dim(images, generator=torch.Generator().manual_seed(0)).mean().backward()
        flow.memory = before
        return torch.cat([p.grad.flatten() for p in flow.parameters()])

    expected = gradients("full")
    return float((gradients(flow.memory) - expected).norm() / expected.norm())


def _reset_peak(flow: Flow) -> int:
    """Reset the peak; return the memory in use."""
    if flow.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(flow.device)
        return torch.cuda.memory_allocated(flow.device)
    gc.collect()
    release_heap()
    try:
        # Linux: writing 5 resets the peak of the resident set.
        (PROC / "clear_refs").write_text("5")
    except OSError as error:
        raise ConfigError(
            f"bench memory needs to write {PROC / 'clear_refs'}, which this system does not allow; run it on Linux or "
            "with --device cuda"
        ) from error
    return psutil.Process().memory_info().rss


def _peak(flow: Flow) -> int:
    if flow.device.type == "cuda":
        return torch.cuda.max_memory_allocated(flow.device)
    status = (PROC / "status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))
