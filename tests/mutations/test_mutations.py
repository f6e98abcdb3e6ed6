"""The list of planted faults follows the code; whether they are noticed is part of `make proof`."""

import subprocess
import sys

import pytest

from tests.mutations.faults import FAULTS
from tests.mutations.runner import ROOT, planted


def test_every_fault_can_be_planted():
    assert len(FAULTS) >= 30
    assert len({(fault.file, fault.name) for fault in FAULTS}) == len(FAULTS)
    for fault in FAULTS:
        text = (ROOT / "glowcore" / fault.file).read_text(encoding="utf-8")
        compile(planted(text, fault), fault.file, "exec")
        assert all((ROOT / "tests/glowcore" / f"{test}.py").is_file() for test in fault.tests)


@pytest.mark.proof
def test_the_tests_have_teeth():
    done = subprocess.run([sys.executable, "-m", "tests.mutations"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
