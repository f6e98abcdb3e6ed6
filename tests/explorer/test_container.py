"""The container file without a container: the files of its image, and the command that serves them."""

from __future__ import annotations

import asyncio
import contextlib
import fnmatch
import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.explorer.visiting import REPOSITORY
from tests.load.client import Visitor


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile as pairs of a word and what follows, without comments and with continued lines joined."""
    text = "\n".join(line for line in (REPOSITORY / "Dockerfile").read_text("utf-8").splitlines() if line[:1] != "#")
    lines = text.replace("\\\n", " ").splitlines()
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in lines) if word]


def all_of(word: str) -> list[str]:
    return [rest for found, rest in instructions() if found == word]


def ignored(path: str) -> bool:
    """Whether .dockerignore leaves a path of the repository out: the last pattern that fits it or a parent decides."""
    out = False
    parents = [path, *(str(parent) for parent in Path(path).parents if str(parent) != ".")]
    for line in (REPOSITORY / ".dockerignore").read_text("utf-8").splitlines():
        pattern = line.lstrip("!")
        if line and line[0] != "#" and any(fits(pattern, part) for part in parents):
            out = not line.startswith("!")
    return out


def fits(pattern: str, path: str) -> bool:
    if pattern.startswith("**/"):
        return fnmatch.fnmatchcase(Path(path).name, pattern[3:])
    return path.count("/") == pattern.count("/") and fnmatch.fnmatchcase(path, pattern)


@pytest.fixture(scope="module")
def tracked() -> list[str]:
    found = subprocess.run(["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if found.returncode:
        pytest.skip("this is no git repository")
    return [path for path in found.stdout.splitlines() if (REPOSITORY / path).is_file()]


def test_the_image_holds_what_the_application_reads_and_nothing_else(tracked):
    taken = {path.split("/")[0] for path in tracked if not ignored(path)}
    assert taken == {
        ".streamlit", "LICENSE", "Makefile", "app.py", "explorer", "glowcore", "pretrained", "requirements.txt",
    }  # fmt: skip
    assert not ignored("pretrained/faces64/model.safetensors")
    for path in ("runs/mine/model.safetensors", ".git/config", ".streamlit/secrets.toml", ".venv/bin/python",
                 "tests/data/astronaut.jpg", "holiday.jpg", "explorer/__pycache__/engine.cpython-311.pyc"):  # fmt: skip
        assert ignored(path), path


async def sliders(address: str) -> list[str]:
    """The names of the sliders that a visitor sees."""
    async with Visitor(address) as visitor:
        view = (await visitor.open()).view
        assert visitor.exceptions == []
        return [slider["name"] for slider in view["sliders"]]


def test_its_command_serves_the_application_from_the_image_s_files(tracked, tmp_path):
    """The command and settings of the image on a copy of its files, by a user without a home."""
    for path in tracked:
        if not ignored(path):
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(REPOSITORY / path, tmp_path / path)
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = dict(part.split("=", 1) for part in shlex.split(" ".join(all_of("ENV"))))
    environment = os.environ | settings | {"STREAMLIT_SERVER_PORT": str(port), "HOME": str(tmp_path / "nowhere")}
    command = [sys.executable, "-m", "streamlit", *json.loads(all_of("CMD")[0])[1:]]
    command = ["--server.address=127.0.0.1" if "address" in part else part for part in command]  # not for strangers
    probe = json.loads(all_of("HEALTHCHECK")[0].partition("CMD ")[2])[2].replace("8501", str(port))
    with (tmp_path / "log.txt").open("wb") as log:
        process = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=log, stderr=log)
    try:
        end = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < end:
            if subprocess.run([sys.executable, "-c", probe], capture_output=True, check=False).returncode == 0:
                break
            time.sleep(0.2)
        assert process.poll() is None, (tmp_path / "log.txt").read_text()
        assert asyncio.run(sliders(f"http://127.0.0.1:{port}"))
    finally:
        process.terminate()
        process.wait(20)
