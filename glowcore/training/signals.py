"""Ctrl-C and SIGTERM while a model trains: the step is finished and saved first."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable


class StopSignals:
    """Turns the first SIGINT or SIGTERM into a wish to stop after the step; a second one acts at once.

    ``stop`` is called with the number of the signal; ``announce`` says so on stderr. Only in the main thread: in
    another, nothing is installed.
    """

    def __init__(self, stop: Callable[[int], None], *, announce: bool) -> None:
        self.stop, self.announce = stop, announce

    def __enter__(self) -> None:
        # Python gives no other thread handlers; whoever runs a training there sets its ``stop_signal`` to end it.
        numbers = (signal.SIGINT, signal.SIGTERM) if threading.current_thread() is threading.main_thread() else ()
        self.previous = {number: signal.signal(number, self._note) for number in numbers}

    def __exit__(self, *_: object) -> None:
        for number, handler in self.previous.items():
            signal.signal(number, handler)

    def _note(self, number: int, _frame: object) -> None:
        self.stop(number)
        for each, handler in self.previous.items():
            signal.signal(each, handler)
        if self.announce:
            # Not through sys.stderr: the signal may have come in the midst of a write to it, which must not be entered.
            os.write(2, b"\nstopping after this step; once more to stop at once\n")
