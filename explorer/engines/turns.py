"""Who may use the model now: one at a time, in the order of asking."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from glowcore.errors import GlowcoreError

PLACES = 64  # requests that may wait at once; one more is told that it is too many
PATIENCE = 30.0  # seconds that one may wait
NOTICE = 2.0  # seconds after which somebody who waits is told so; then whenever they have doubled
LOOK = 0.2  # seconds between two looks at whether anybody still wants what is waited for


class Busy(GlowcoreError):  # noqa: N818 - it is a state of the server, not a mistake
    """More people ask for pictures than the model can serve; the sentence says so."""


class Turns:
    """A queue in front of a model, first come first served.

    A queue that is full, or a wait that takes too long, ends in `Busy` with a sentence instead of a page that hangs.

    Attributes:
        on_look: called in a waiting thread every 0.2 s. What it raises ends the wait: the page's way to give up a run
            that a newer one of the same visitor has replaced, instead of computing a picture that nobody will look at.
        on_wait: called in a waiting thread after 2 s, 4 s, 8 s ... with the number of requests before it.
    """

    def __init__(self, places: int = PLACES, patience: float = PATIENCE) -> None:
        self.on_look: Callable[[], None] | None = None
        self.on_wait: Callable[[int], None] | None = None
        self._places, self._patience = places, patience
        self._book = threading.Lock()
        self._queue: list[threading.Event] = []  # the first has the model

    @property
    def waiting(self) -> int:
        """Number of requests that wait for their turn or have it."""
        return len(self._queue)

    @contextmanager
    def take(self) -> Iterator[None]:
        """Hold the model for the body of the `with`; it cannot be taken twice by one thread.

        Raises:
            Busy: too many wait already, or it has taken too long.
        """
        turn = self._join()
        try:
            self._wait(turn)
            yield
        finally:
            self._leave(turn)

    def _join(self) -> threading.Event:
        turn = threading.Event()
        with self._book:
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
        with self._book:
            return self._queue.index(turn)

    def _leave(self, turn: threading.Event) -> None:
        with self._book:
            self._queue.remove(turn)
            if self._queue:
                self._queue[0].set()
