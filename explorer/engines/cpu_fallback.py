"""Requests that do not fit into a device's memory: tried again, then computed by a copy of the model on the CPU."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterator
from typing import TypeVar

from explorer.engines.device import release_memory
from explorer.engines.worker import Worker
from glowcore.errors import GlowcoreError
from glowcore.out_of_memory import free_tensors_of, is_out_of_memory

T = TypeVar("T")


class CpuFallback:
    """The attempts of a request: twice on the worker's device, then on the CPU.

    Args:
        worker: the model on its own device.

    Attributes:
        on_use: callback, run in the thread of a request that moves to the CPU.
    """

    def __init__(self, worker: Worker) -> None:
        self.on_use: Callable[[], None] | None = None
        self._worker = worker
        self._enabled = worker.flow.device.type != "cpu"
        self._cpu_worker: Worker | None = None
        self._copying = threading.Lock()

    def run(self, work: Callable[[Worker], T]) -> T:
        """Return ``work(worker)`` of the first worker whose memory is sufficient.

        Raises:
            GlowcoreError: no worker has enough memory.
        """
        for worker in self._attempts():
            try:
                return work(worker)
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                free_tensors_of(error)
            release_memory()
        raise GlowcoreError("there is no memory left for a single picture; close what else uses it")

    def _attempts(self) -> Iterator[Worker]:
        yield self._worker
        yield self._worker
        if self._enabled:
            if self.on_use is not None:
                self.on_use()
            yield self._on_cpu()

    def _on_cpu(self) -> Worker:
        """Return the worker on the CPU, which is created once."""
        with self._copying:
            if self._cpu_worker is None:
                self._cpu_worker = Worker(copy.deepcopy(self._worker.flow).cpu(), self._worker.turns)
        return self._cpu_worker
