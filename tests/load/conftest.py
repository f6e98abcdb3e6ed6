"""One server on a tiny model for the tests of this folder."""

import pytest

from tests.explorer import tiny_model
from tests.load.serving import server


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """A home with one tiny model."""
    home = tmp_path_factory.mktemp("home")
    tiny_model.write(home / "pretrained" / "tiny")
    return home


@pytest.fixture(scope="session")
def running(tiny, tmp_path_factory):
    """Address and process of the application on the tiny model; its log may hold no traceback at the end."""
    log = tmp_path_factory.mktemp("server") / "log.txt"
    with server(log, tiny) as found:
        yield found
    assert "Traceback" not in log.read_text(encoding="utf-8", errors="replace")
