"""The processes that train one model together (``torchrun``), or the only one."""

from __future__ import annotations

import contextlib
import inspect
import os
from collections.abc import Callable
from datetime import timedelta

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

from glowcore.errors import ConfigError, TrainingError

#: Timeout of a process that waits for the others. The first process evaluates meanwhile, which takes minutes.
TIMEOUT = timedelta(minutes=30)
# Name of the argument that synchronises buffers in every forward pass; torch 2.13 renamed it.
_SYNC_BUFFERS = (
    "forward_sync_buffers"
    if "forward_sync_buffers" in inspect.signature(DistributedDataParallel.__init__).parameters
    else "broadcast_buffers"
)


class Processes:
    """The rank of this process among those that train one model, and their collective operations.

    :meth:`from_environment` reads both from ``torchrun``; the defaults of the constructor are a run of one process.
    """

    def __init__(self, rank: int = 0, world_size: int = 1) -> None:
        self.rank = rank
        self.world_size = world_size

    @classmethod
    def from_environment(cls, device: torch.device) -> Processes:
        """Join the process group if ``torchrun`` started this process: NCCL on CUDA, gloo elsewhere.

        Raises:
            ConfigError: more processes than GPUs, or a device with an index, which is one GPU for all of them.
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
        distributed.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=TIMEOUT)
        return cls(distributed.get_rank(), world_size)

    @property
    def is_first(self) -> bool:
        """Whether this process writes files and shows progress."""
        return self.rank == 0

    def wrap(self, module: nn.Module) -> nn.Module:
        """Return ``module`` with gradients averaged over the processes and the initial weights of the first process."""
        if self.world_size == 1:
            return module
        # Buffers hold permutations and signs, which never change: one broadcast is enough.
        for buffer in module.buffers():
            distributed.broadcast(buffer, src=0)
        return DistributedDataParallel(module, **{_SYNC_BUFFERS: False})

    def averaging(self, module: nn.Module, *, last: bool) -> contextlib.AbstractContextManager:
        """Return a context for forward and backward of a wrapped module; gradients are averaged in the ``last`` alone.

        Gradients of the micro-batches of a step are added up in each process before that.
        """
        return contextlib.nullcontext() if last or self.world_size == 1 else module.no_sync()

    def mean(self, value: float) -> float:
        """Return the mean of a number over the processes, equal in all of them."""
        if self.world_size == 1:
            return value
        total = torch.tensor(value, dtype=torch.float64, device=_reduce_device())
        distributed.all_reduce(total)
        return float(total) / self.world_size

    def largest(self, value: float) -> float:
        """Return the maximum of a number over the processes, so that all of them take the same decision."""
        if self.world_size == 1:
            return value
        largest = torch.tensor(value, dtype=torch.float64, device=_reduce_device())
        distributed.all_reduce(largest, distributed.ReduceOp.MAX)
        return float(largest)

    def on_first(self, work: Callable[[], None]) -> None:
        """Call ``work`` (which writes files) in the first process while the others wait; if it fails, all of them fail.

        Raises:
            TrainingError: in the other processes; the first process raises the error of ``work``.
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
        """Leave the process group."""
        if self.world_size > 1:
            distributed.destroy_process_group()


def _reduce_device() -> str:
    return "cuda" if distributed.get_backend() == "nccl" else "cpu"
