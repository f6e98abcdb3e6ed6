"""Handling of Ctrl-C and SIGTERM during training: the step is completed and saved first."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def stop_signals(stop: Callable[[int], None], *, announce: bool) -> Iterator[None]:
    """Turn the first SIGINT or SIGTERM into a request to stop after the step; a second acts at once.

    Handlers are installed in the main thread only; in another thread the context does nothing.

    Args:
        stop: callback, called with the number of the signal.
        announce: whether to print the request to stderr.
    """

    def handle(number: int, _frame: object) -> None:
        stop(number)
        handlers.close()  # puts the previous ones back
        if announce:
            # Not through sys.stderr, which is not reentrant: the signal may have interrupted a write to it.
            os.write(2, b"\nstopping after this step; once more to stop at once\n")

    with contextlib.ExitStack() as handlers:
        # Python allows handlers in the main thread only. A run in another thread is ended by setting ``stop_signal``.
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                handlers.callback(signal.signal, number, signal.signal(number, handle))
        yield
