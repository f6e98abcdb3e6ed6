"""What happens when a model's device has no memory left: once more, and then a copy of the model on the CPU."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterator
from typing import TypeVar

import glowcore
from explorer.engines.device import release_memory
from explorer.engines.turns import Turns
from explorer.engines.worker import Worker
from glowcore.errors import GlowcoreError
from glowcore.out_of_memory import free_tensors_of, is_out_of_memory

T = TypeVar("T")


class CpuFallback:
    """The second chance of requests that found no memory; one for a model, whatever attributes it is used with.

    Attributes:
        on_use: called in the thread of a request that moves to the CPU: the page's way to say so.
    """

    def __init__(self, flow: glowcore.Flow, turns: Turns) -> None:
        self.on_use: Callable[[], None] | None = None
        self._flow, self._turns = flow, turns
        self._elsewhere = flow.device.type != "cpu"
        self._worker: Worker | None = None
        self._making = threading.Lock()

    def serve(self, work: Callable[[Worker], T], home: Worker) -> T:
        """The result of `work(home)`; where the memory does not hold it, tried again, then done on the CPU.

        Raises:
            GlowcoreError: that has no memory either.
        """
        for worker in self._workers(home):
            try:
                return work(worker)
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                free_tensors_of(error)
            release_memory()
        raise GlowcoreError("there is no memory left for a single picture; close what else uses it")

    def _workers(self, home: Worker) -> Iterator[Worker]:
        yield home
        yield home
        if self._elsewhere:
            if self.on_use is not None:
                self.on_use()
            yield self._stand_in(home)

    def _stand_in(self, home: Worker) -> Worker:
        """A worker on the CPU, made once, with the attributes of `home`."""
        with self._making:
            if self._worker is None:
                self._worker = Worker(copy.deepcopy(self._flow).cpu(), None, self._turns)
        other = copy.copy(self._worker)
        other.attributes = home.attributes.to("cpu") if home.attributes is not None else None
        return other
