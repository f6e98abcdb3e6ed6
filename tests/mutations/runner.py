"""Plants faults in a copy of the package and runs the tests on it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from tests.mutations.faults import Fault

ROOT = Path(__file__).resolve().parents[2]
#: Seconds after which the tests of a fault are ended: it may well make something endless.
TIME_LIMIT = 300
CAUGHT, TIME_OUT, MISSED = "caught", "timed out", "NOT CAUGHT"


def planted(text: str, fault: Fault) -> str:
    """Return the file's text with the fault in it.

    Raises:
        ValueError: an original text does not stand there exactly once: the list has to follow the code.
    """
    for original, faulty in fault.edits:
        if text.count(original) != 1:
            raise ValueError(f"{fault.file}: {original!r} stands there {text.count(original)} times, expected once")
        text = text.replace(original, faulty)
    return text


def outcomes(faults: Sequence[Fault], jobs: int, report: Callable[[Fault, str], None]) -> list[str]:
    """Return of each fault whether a test noticed it: ``CAUGHT``, ``TIME_OUT`` or ``MISSED``.

    Raises:
        RuntimeError: the tests fail without any fault, or a fault keeps them from running at all.
    """
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(jobs) as pool:
        copies: SimpleQueue[Path] = SimpleQueue()
        for index in range(jobs):
            copies.put(_copy(Path(folder) / str(index)))
        _check_sound(copies.get, copies.put, sorted({test for fault in faults for test in fault.tests}))

        def outcome(fault: Fault) -> str:
            copy = copies.get()
            try:
                return _outcome(copy, fault)
            finally:
                copies.put(copy)

        found = []
        for fault, result in zip(faults, pool.map(outcome, faults), strict=True):
            report(fault, result)
            found.append(result)
        return found


def _copy(target: Path) -> Path:
    ignore = shutil.ignore_patterns("__pycache__")
    for name in ("glowcore", "tests"):
        shutil.copytree(ROOT / name, target / name, ignore=ignore)
    shutil.copy(ROOT / "pyproject.toml", target)
    return target


def _check_sound(take: Callable[[], Path], give_back: Callable[[Path], None], tests: Iterable[str]) -> None:
    copy = take()
    code, output = _run_tests(copy, tests)
    give_back(copy)
    if code != 0:
        raise RuntimeError(f"the tests fail without any fault:\n{output}")


def _outcome(copy: Path, fault: Fault) -> str:
    path = copy / "glowcore" / fault.file
    original = path.read_text(encoding="utf-8")
    path.write_text(planted(original, fault), encoding="utf-8")
    try:
        code, output = _run_tests(copy, fault.tests)
    finally:
        path.write_text(original, encoding="utf-8")
    if code not in (0, 1, None):
        raise RuntimeError(f"the tests cannot run with {fault.file}: {fault.name}\n{output}")
    return {0: MISSED, 1: CAUGHT, None: TIME_OUT}[code]


def _run_tests(copy: Path, tests: Iterable[str]) -> tuple[int | None, str]:
    """Return pytest's exit code (1: tests failed, None: after the time limit) and the end of its output."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "--tb=no", "-p", "no:cacheprovider"]
    command += [f"tests/glowcore/{test}.py" for test in tests]
    # Bytecode is told from its source by size and second of change, both of which a fault may leave alone.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(copy)}
    try:
        done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, timeout=TIME_LIMIT)
    except subprocess.TimeoutExpired:
        return None, f"no end within {TIME_LIMIT} s"
    return done.returncode, (done.stdout + done.stderr)[-2000:]
