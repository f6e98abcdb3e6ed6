"""The server under load, started as a user starts it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from explorer.engines import models
from tests.e2e.serving import REPOSITORY, application


@contextlib.contextmanager
def server(log: Path, home: Path = REPOSITORY, **settings: str) -> Iterator[tuple[str, psutil.Process]]:
    """Address and process of the application on the models of `home`; `log` gets its output.

    `settings` are put into its environment.
    """
    with application(log, home, **settings) as address:
        port = address.rpartition(":")[2]
        ours = [p for p in psutil.Process().children(recursive=True) if f"--server.port={port}" in p.cmdline()]
        yield address, ours[0]


def first_model(home: Path) -> Path:
    """The folder of the model that the application opens by itself."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(models.HOME_VARIABLE, str(home))
        name = models.default_name(models.list_models())
    if name is None:
        raise SystemExit(f"error: {home} holds no model in pretrained/ or runs/")
    return home / name
