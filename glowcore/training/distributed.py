"""Several processes training one model (``torchrun``), or just one."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from datetime import timedelta

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

from glowcore.errors import ConfigError, TrainingError

#: How long a process waits for the others, an evaluation of the first one included, before it gives up.
PATIENCE = timedelta(minutes=30)
# What the wrapper calls sending buffers at every step: torch 2.13 has renamed it.
_SYNC_BUFFERS = (
    "forward_sync_buffers"
    if "forward_sync_buffers" in inspect.signature(DistributedDataParallel.__init__).parameters
    else "broadcast_buffers"
)


class Processes:
    """This process as one of those that train together.

    Made by :meth:`from_environment`; the plain constructor is a run of one.
    """

    def __init__(self, rank: int = 0, world_size: int = 1) -> None:
        self.rank = rank
        self.world_size = world_size

    @classmethod
    def from_environment(cls, device: torch.device) -> Processes:
        """Join the other processes if ``torchrun`` started this one: NCCL on CUDA, gloo elsewhere.

        Raises:
            ConfigError: more processes than GPUs, or one GPU named for all of them.
        """
        world_size = int(os.environ.get("WORLD_SIZE", "1"))
        if world_size == 1:
            return cls()
        if device.type == "cuda":
            if device.index is not None:
                raise ConfigError(
                    f"device {str(device)!r} is one GPU for {world_size} processes, expected cuda: each takes its own"
                )
            index, count = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
            if index >= count:
                raise ConfigError(f"there is no GPU for process {index}, expected --nproc-per-node {count} at most")
            torch.cuda.set_device(index)
        distributed.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=PATIENCE)
        return cls(distributed.get_rank(), world_size)

    @property
    def is_first(self) -> bool:
        """Whether this process writes files and shows progress."""
        return self.rank == 0

    def wrap(self, module: nn.Module) -> nn.Module:
        """Return ``module`` with gradients averaged over the processes; all start from the first one's weights."""
        if self.world_size == 1:
            return module
        # Permutations and signs are buffers; they never change, so once is enough.
        for buffer in module.buffers():
            distributed.broadcast(buffer, src=0)
        return DistributedDataParallel(module, **{_SYNC_BUFFERS: False})

    def mean(self, value: float) -> float:
        """Return the mean of a number over the processes, the same on all of them."""
        if self.world_size == 1:
            return value
        total = torch.tensor(value, dtype=torch.float64, device=_reduce_device())
        distributed.all_reduce(total)
        return float(total) / self.world_size

    def largest(self, value: float) -> float:
        """Return the largest of the processes' numbers, so that all of them decide alike."""
        if self.world_size == 1:
            return value
        largest = torch.tensor(value, dtype=torch.float64, device=_reduce_device())
        distributed.all_reduce(largest, distributed.ReduceOp.MAX)
        return float(largest)

    def on_first(self, work: Callable[[], None]) -> None:
        """Let the first process do ``work`` (write files) and the others wait; if it fails, all of them fail.

        Raises:
            TrainingError: in the other processes; the first one raises its own error.
        """
        error: Exception | None = None
        if self.is_first:
            try:
                work()
            except Exception as caught:
                error = caught
        if not self.largest(float(error is not None)):
            return
        raise error or TrainingError("the first process has failed and says why; this one stops with it")

    def close(self) -> None:
        """Leave the group."""
        if self.world_size > 1:
            distributed.destroy_process_group()


def _reduce_device() -> str:
    return "cuda" if distributed.get_backend() == "nccl" else "cpu"
