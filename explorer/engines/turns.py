"""A queue in front of a model: one request at a time, first come, first served."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from glowcore.errors import GlowcoreError

PLACES = 64  # requests that may wait at once
PATIENCE = 30.0  # seconds that a request may wait
NOTICE = 2.0  # seconds of waiting before the first call of `on_wait`; each further call comes at twice the time
LOOK = 0.2  # seconds between two calls of `on_look`


class Busy(GlowcoreError):  # noqa: N818 - it is a state of the server, not a mistake
    """There are more requests than the model can serve; the message is a sentence for the user."""


class Turns:
    """A lock that is granted in the order of the requests.

    A full queue or a wait that takes too long raises ``Busy``, so that no page hangs.

    Args:
        places: requests that may wait at once.
        patience: seconds that a request may wait.

    Attributes:
        on_look: callback, run in a waiting thread every 0.2 s. An exception that it raises ends the wait; pages use it
            to give up a run when the session has asked for a new run of the whole page.
        on_wait: callback, run in a waiting thread after 2 s, 4 s, 8 s ... with the number of requests before it.
    """

    def __init__(self, places: int = PLACES, patience: float = PATIENCE) -> None:
        self.on_look: Callable[[], None] | None = None
        self.on_wait: Callable[[int], None] | None = None
        self._places, self._patience = places, patience
        self._lock = threading.Lock()
        self._queue: list[threading.Event] = []  # the first holds the model

    @contextmanager
    def take(self) -> Iterator[None]:
        """Hold the model for the body of the ``with``. It is not re-entrant.

        Raises:
            Busy: too many requests wait already, or the wait took too long.
        """
        turn = self._join()
        try:
            self._wait(turn)
            yield
        finally:
            self._leave(turn)

    def _join(self) -> threading.Event:
        turn = threading.Event()
        with self._lock:
            if len(self._queue) > self._places:
                raise Busy(f"{self._places} requests are already waiting; please try again in a moment")
            self._queue.append(turn)
            if len(self._queue) == 1:
                turn.set()
        return turn

    def _wait(self, turn: threading.Event) -> None:
        start = time.monotonic()
        notice = NOTICE
        while not turn.wait(min(LOOK, self._patience)):
            waited = time.monotonic() - start
            if waited >= self._patience:
                raise Busy(f"the model was busy for {self._patience:.0f} s; please try again in a moment")
            if self.on_look is not None:
                self.on_look()
            if waited >= notice and self.on_wait is not None:
                notice *= 2
                self.on_wait(self._before(turn))

    def _before(self, turn: threading.Event) -> int:
        with self._lock:
            return self._queue.index(turn)

    def _leave(self, turn: threading.Event) -> None:
        with self._lock:
            self._queue.remove(turn)
            if self._queue:
                self._queue[0].set()
