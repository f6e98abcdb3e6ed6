"""Peak memory and processor time of a call."""

import time
from pathlib import Path

import pytest


def peak_memory(call):
    """Return the growth of resident memory, in MB, while ``call`` runs, and the processor time it takes in seconds."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        pytest.skip("peak memory cannot be reset here")
    before = _status("VmRSS")
    start = time.process_time()
    call()
    return (_status("VmHWM") - before) / 1024, time.process_time() - start


def _status(field):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field))
