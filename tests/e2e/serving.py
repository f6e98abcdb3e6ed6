"""Start the application and a browser; shared by the tests and the scripts that measure and photograph it."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
CHROMIUM = next(filter(None, (os.environ.get("CHROMIUM"), *map(shutil.which, ("chromium", "chromium-browser")))), None)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
]


def free_port() -> int:
    """A port that nobody listens on."""
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def application(
    log: Path, home: Path = REPOSITORY, port: int | None = None, under: str | None = None, **settings: str
) -> Iterator[str]:
    """The address of `streamlit run app.py`, started as a user starts it; `log` gets its output.

    It listens on `port`, a free one where none is given. `under` names a module that runs Streamlit. `settings` are put
    into its environment.
    """
    port = port or free_port()
    modules = [under, "streamlit"] if under else ["streamlit"]
    command = [sys.executable, "-m", *modules, "run", "app.py", "--server.headless=true", f"--server.port={port}"]
    environment = os.environ | {"EXPLORER_HOME": str(home)} | settings
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=REPOSITORY, env=environment, stdout=output, stderr=subprocess.STDOUT)
    try:
        _wait(f"http://127.0.0.1:{port}/_stcore/health", process, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


def _wait(address: str, process: subprocess.Popen, log: Path, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended: {log.read_text()[-2000:]}")
        with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=2) as answer:
            if answer.status == 200:
                return
        time.sleep(0.1)
    raise RuntimeError(f"the server did not answer within {seconds} s: {log.read_text()[-2000:]}")
