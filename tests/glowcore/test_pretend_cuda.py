"""What mixes devices is found without a GPU: the tests of CUDA on tensors that only say that they are on one."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[2]
#: Graphs, autocast and copies seen by the profiler are CUDA's own. Runs are resumed in one mode of memory only, and
#: gradients compared in float64 only, which takes less time.
LEFT_OUT = "not cudagraphs and not bfloat16 and not stays_on and not (goes_on and (full or checkpoint)) and not dtype1"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device, and the same tests run on it")
def test_the_tests_of_cuda_on_a_pretended_device():
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "tests.glowcore.pretend_cuda",
        "-p",
        "no:cacheprovider",
        "tests/glowcore/test_cuda.py",
        "-k",
        LEFT_OUT,
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]
    assert int(re.search(r"(\d+) passed", done.stdout)[1]) >= 20  # not skipped for want of a device
