"""Who may use the model now: one at a time, and of several requests of one session only the newest."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager

MAX_SESSIONS = 1024


class Superseded(Exception):  # noqa: N818 - it reports no error: a newer request has taken over
    """A request gave way, while waiting, to a newer one of its own session."""


class Turns:
    """A lock that knows sessions.

    A slider sends more requests than a model can answer. Whoever waits here for longer than its session takes to ask
    again is told so by `Superseded` instead of computing a picture that nobody will look at. Requests without a session
    (exports, tests) always get their turn.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._book = threading.Lock()
        self._newest: OrderedDict[str, int] = OrderedDict()
        self._waiting = 0

    @property
    def waiting(self) -> int:
        """Number of requests that wait for their turn or have it."""
        return self._waiting

    @contextmanager
    def take(self, session: str = "") -> Iterator[None]:
        """Hold the model for the body of the `with`; raises `Superseded` if `session` has asked again meanwhile."""
        with self._book:
            ticket = self._newest.get(session, 0) + 1
            self._newest[session] = ticket
            self._newest.move_to_end(session)
            if len(self._newest) > MAX_SESSIONS:
                self._newest.popitem(last=False)
            self._waiting += 1
        try:
            with self._lock:
                if session and self._newest.get(session, ticket) != ticket:
                    raise Superseded(session)
                yield
        finally:
            with self._book:
                self._waiting -= 1
