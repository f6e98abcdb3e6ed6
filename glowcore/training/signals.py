"""Handling of Ctrl-C and SIGTERM during training: the step is completed and saved first."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable


class StopSignals:
    """Context that turns the first SIGINT or SIGTERM into a request to stop after the step; a second acts at once.

    Handlers are installed in the main thread only; in another thread the context does nothing.

    Args:
        stop: callback, called with the number of the signal.
        announce: whether to print the request to stderr.
    """

    def __init__(self, stop: Callable[[int], None], *, announce: bool) -> None:
        self.stop, self.announce = stop, announce

    def __enter__(self) -> None:
        # Python allows handlers in the main thread only. A run in another thread is ended by setting ``stop_signal``.
        numbers = (signal.SIGINT, signal.SIGTERM) if threading.current_thread() is threading.main_thread() else ()
        self.previous = {number: signal.signal(number, self._handle) for number in numbers}

    def __exit__(self, *_: object) -> None:
        for number, handler in self.previous.items():
            signal.signal(number, handler)

    def _handle(self, number: int, _frame: object) -> None:
        self.stop(number)
        for signum, handler in self.previous.items():
            signal.signal(signum, handler)
        if self.announce:
            # Not through sys.stderr, which is not reentrant: the signal may have interrupted a write to it.
            os.write(2, b"\nstopping after this step; once more to stop at once\n")
