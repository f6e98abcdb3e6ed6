"""Who may use the model now: one at a time, in the order of asking, and of a session only the newest request."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from glowcore.errors import GlowcoreError

PLACES = 64  # requests that may wait at once; one more is told that it is too many
PATIENCE = 30.0  # seconds that one may wait
NOTICE = 2.0  # seconds after which somebody who waits is told so; each further notice takes twice as long


class Superseded(Exception):  # noqa: N818 - it reports no error: a newer request has taken over
    """A request gave way, while waiting, to a newer one of its own session."""


class Busy(GlowcoreError):  # noqa: N818 - it is a state of the server, not a mistake
    """More people ask for pictures than the model can serve; the sentence says so."""


@dataclass(eq=False)
class _Ticket:
    session: str
    turn: threading.Event = field(default_factory=threading.Event)
    superseded: bool = False


class Turns:
    """A queue in front of a model, first come first served.

    Whoever waits here for longer than its session takes to ask again is told so by `Superseded` instead of computing a
    picture that nobody will look at. Requests without a session (exports, tests) are never superseded. A queue that is
    full, or a wait that takes too long, ends in `Busy` with a sentence instead of a page that hangs.

    Attributes
    ----------
    on_wait
        called in a waiting thread after 2 s, then 4 s later, 8 s later ... with the number of requests before it. What
        it raises ends the wait: the page's way to give up a run that nobody looks at any more.
    """

    def __init__(self, places: int = PLACES, patience: float = PATIENCE) -> None:
        self.on_wait: Callable[[int], None] | None = None
        self._places, self._patience = places, patience
        self._book = threading.Lock()
        self._queue: list[_Ticket] = []  # the first has the model

    @property
    def waiting(self) -> int:
        """Number of requests that wait for their turn or have it."""
        return len(self._queue)

    @contextmanager
    def take(self, session: str = "") -> Iterator[None]:
        """Hold the model for the body of the `with`; it cannot be taken twice by one thread.

        Raises
        ------
        Superseded
            `session` has asked again meanwhile.
        Busy
            too many wait already, or it has taken too long.
        """
        ticket = self._join(session)
        try:
            self._wait(ticket)
            yield
        finally:
            self._leave(ticket)

    def _join(self, session: str) -> _Ticket:
        ticket = _Ticket(session)
        with self._book:
            for other in self._queue[1:]:
                if session and other.session == session:
                    other.superseded = True
                    other.turn.set()
            if sum(not other.superseded for other in self._queue) > self._places:
                raise Busy(f"{self._places} pictures are waited for already; please try again in a moment")
            self._queue.append(ticket)
            if len(self._queue) == 1:
                ticket.turn.set()
        return ticket

    def _wait(self, ticket: _Ticket) -> None:
        end = time.monotonic() + self._patience
        notice = NOTICE
        while not ticket.turn.wait(min(notice, max(0.0, end - time.monotonic()))):
            if time.monotonic() >= end:
                raise Busy(f"the model was busy for {self._patience:.0f} s; please try again in a moment")
            notice *= 2
            if self.on_wait is not None:
                self.on_wait(self._before(ticket))
        if ticket.superseded:
            raise Superseded(ticket.session)

    def _before(self, ticket: _Ticket) -> int:
        with self._book:
            return self._queue.index(ticket)

    def _leave(self, ticket: _Ticket) -> None:
        with self._book:
            self._queue.remove(ticket)
            if self._queue:
                self._queue[0].turn.set()
