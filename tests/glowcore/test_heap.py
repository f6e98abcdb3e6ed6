"""What `keep_heap` promises: glibc keeps freed memory in the process."""

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
#: Frees 64 MB and prints what `keep_heap` returned and how many MB of them the system has back.
PROGRAM = """
import ctypes, json, psutil
from glowcore.heap import keep_heap
kept, libc, size = keep_heap(), ctypes.CDLL(None), 64_000_000
libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]
block = libc.malloc(size)
ctypes.memset(block, 1, size)
held = psutil.Process().memory_info().rss
libc.free(block)
print(json.dumps([kept, (held - psutil.Process().memory_info().rss) / 1e6]))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
@pytest.mark.parametrize(("variables", "is_kept"), [({}, True), ({"MALLOC_TRIM_THRESHOLD_": "131072"}, False)])
def test_freed_memory_stays_unless_the_environment_says_otherwise(variables, is_kept):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MALLOC_")}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        capture_output=True,
        text=True,
        env=environment | {"PYTHONPATH": str(ROOT)} | variables,
    )
    kept, returned = json.loads(done.stdout)
    assert kept == is_kept
    assert returned == pytest.approx(0 if is_kept else 64, abs=4)
