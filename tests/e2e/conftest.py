"""Fixtures: the application in a real server, and pages of it in a real browser."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e import serving
from tests.e2e.serving import REPOSITORY
from tests.e2e.slow_link import SlowLink
from tests.explorer import tiny_model

LOCAL = ("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:")


def pytest_collection_modifyitems(items) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def models_home(tmp_path_factory) -> Path:
    """The repository if it has the shipped model, else a folder with a tiny model."""
    if (REPOSITORY / "pretrained" / "faces64" / "manifest.json").is_file():
        return REPOSITORY
    home = tmp_path_factory.mktemp("home")
    tiny_model.write(home / "pretrained" / "tiny", size=64)
    return home


@pytest.fixture(scope="session")
def server(models_home, tmp_path_factory) -> Iterator[str]:
    """The address of the application; its log must contain no traceback and no refused connection at the end."""
    log = tmp_path_factory.mktemp("server") / "log.txt"
    with serving.application(log, models_home, under="tests.loopback") as address:
        yield address
    words = log.read_text(encoding="utf-8", errors="replace")
    assert "Traceback" not in words
    assert "REFUSED" not in words


@pytest.fixture(scope="package")
def browser():
    """Debian's Chromium under Playwright; skips if either is missing.

    The scope is this package because Playwright's event loop occupies the thread while the browser is open, and tests
    of other packages run event loops of their own.
    """
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if serving.CHROMIUM is None:
        pytest.skip("there is no chromium on this machine")
    sync_api.expect.set_options(timeout=45_000)
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=serving.CHROMIUM, args=serving.FLAGS)
        yield browser
        browser.close()


def serious(complaints: list[str]) -> list[str]:
    """Return console errors other than those of Streamlit's check of a download button's file.

    Streamlit checks the file as soon as the button is drawn, and logs a 404 twice if a newer file has just replaced it.
    Other tests save files.
    """
    looks = [c for c in complaints if c.startswith("Client Error: Download Button source error - 404")]
    missed = [c for c in complaints if "status of 404" in c and "/media/" in c][: len(looks)]
    return [c for c in complaints if c not in looks and c not in missed]


@pytest.fixture
def page(request, browser, server):
    """A new page of the application, which must make no request to other hosts and log no error.

    It comes over ``link`` where a test or a fixture names that.
    """
    link = request.getfixturevalue("link") if "link" in request.fixturenames else None
    context = browser.new_context(viewport={"width": 1360, "height": 860}, accept_downloads=True)
    page = context.new_page()
    page.set_default_timeout(45_000)
    complaints: list[str] = []
    page.on("console", lambda m: complaints.append(f"{m.text} {m.location['url']}") if m.type == "error" else None)
    page.on("pageerror", lambda e: complaints.append(f"page: {e}"))
    page.on("request", lambda r: None if r.url.startswith(LOCAL) else complaints.append(f"request: {r.url}"))
    page.goto(link.address if link else server)
    yield page
    context.close()
    assert serious(complaints) == []


@pytest.fixture
def link(server) -> Iterator[SlowLink]:
    """A way to the application without a delay at first; ``page`` comes over it."""
    link = SlowLink(int(server.rsplit(":", 1)[1]))
    yield link
    link.close()


@pytest.fixture(scope="session")
def photo() -> Path:
    """An uncropped photo: the first of GLOW_PHOTOS, else the astronaut."""
    folder = os.environ.get("GLOW_PHOTOS")
    candidates = sorted(Path(folder).glob("*.jpg")) if folder else []
    candidates += sorted((REPOSITORY / "tests" / "data").glob("astronaut.*"))
    if not candidates:
        pytest.skip("neither GLOW_PHOTOS nor tests/data/astronaut.* is there")
    return candidates[0]
