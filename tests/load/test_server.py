"""What the running server says of itself and lets through: the shipped settings, read back."""

import asyncio
import os
import socket as sockets
import subprocess
import sys
import tomllib

import psutil
import pytest
import websockets

from explorer.server.upload_bounds import ALONE, EVERY, KEPT, SHARED, VARIABLE
from tests.load import photos
from tests.load.client import Visitor
from tests.load.serving import REPOSITORY, server

MB = 2**20


@pytest.fixture(scope="module")
def visitor(running):
    """A visitor who has opened the page and gone on; the server keeps the session for a while."""

    async def visit():
        async with Visitor(running[0]) as found:
            await found.open()
            return found

    return asyncio.run(visit())


def with_session(address, work):
    """Open a page, do `work(visitor)` in a thread while the session is connected, and give its result."""

    async def visit():
        async with Visitor(address) as found:
            await found.open()
            return await asyncio.to_thread(work, found)

    return asyncio.run(visit())


def path_of(visitor, file="a-file", session=None) -> str:
    return f"/_stcore/upload_file/{session or visitor.session_id}/{file}"


def test_the_browser_is_told_the_hardened_settings(visitor):
    settings = visitor.settings
    assert not settings.gather_usage_stats
    assert settings.show_error_links == settings.ShowErrorLinks.SHOW_ERROR_LINKS_FALSE
    assert not settings.allow_run_on_save
    assert settings.toolbar_mode == settings.ToolbarMode.VIEWER


def test_the_settings_in_force_are_the_hardened_ones():
    """What Streamlit itself says is in force in the repository, the file and the environment taken together."""
    command = [sys.executable, "-m", "streamlit", "config", "show"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=120, check=True)
    settings = tomllib.loads(done.stdout[done.stdout.index("\n[") :])  # behind a line of words
    server, client = settings["server"], settings["client"]
    assert server["address"] == "127.0.0.1"
    assert (server["maxUploadSize"], server["maxMessageSize"]) == (15, 30)
    assert server["fileWatcherType"] == "none"
    assert server["enableWebsocketCompression"]
    assert KEPT + EVERY < server["disconnectedSessionTTL"] <= 120
    assert (client["showErrorDetails"], client["toolbarMode"]) == ("none", "viewer")


def test_the_server_listens_on_this_machine_only(running):
    address, process = running
    port = int(address.rpartition(":")[2])
    found = {c.laddr.ip for c in process.net_connections("inet") if c.status == psutil.CONN_LISTEN}
    assert found == {"127.0.0.1"}
    with sockets.create_connection(("127.0.0.1", port), 5):
        pass


def test_no_static_files_no_agent_interface(visitor):
    page = visitor.request("GET", "/app/static/icon.png")
    assert page.getheader("Content-Type").startswith("text/html")  # the page itself, as for any unknown address
    assert visitor.request("POST", "/_stcore/agent/interact", b"{}").status in (403, 404, 405)


def test_another_host_name_is_refused(visitor):
    """Against DNS rebinding: a page of another name that resolves to this machine."""

    async def connect():
        uri = f"ws://{visitor.host}/_stcore/stream"
        headers = {"Host": "evil.example"}
        async with websockets.connect(uri, subprotocols=["streamlit"], additional_headers=headers) as socket:
            await asyncio.wait_for(socket.recv(), 10)

    with pytest.raises(websockets.exceptions.WebSocketException):
        asyncio.run(connect())


def test_another_site_s_page_gets_no_session(running):
    async def visit():
        async with Visitor(running[0], origin="http://evil.example") as found:
            await found.open()

    with pytest.raises(websockets.exceptions.WebSocketException):
        asyncio.run(visit())


def test_uploads_need_the_token_and_a_session_of_their_own_and_have_an_end(running):
    def work(visitor):
        photo = photos.photo(0)
        path = path_of(visitor)
        return {
            "no token": visitor.put(path, "a.png", photo, None),
            "another's token": visitor.put(path, "a.png", photo, visitor.fetch_token(), cookie=visitor.token),
            "no session": visitor.put(path_of(visitor, session="nobody"), "a.png", photo, visitor.token),
            "too large": visitor.put(path, "a.png", bytes(15 * MB + 1), visitor.token),
            "right": visitor.put(path, "a.png", photo, visitor.token),
        }

    expected = {"no token": 403, "another's token": 403, "no session": 400, "too large": 413, "right": 204}
    assert with_session(running[0], work) == expected


def offered(visitor) -> list[int]:
    """The answers to 200 MB under invented file names."""
    body = bytes(10 * MB)
    return [visitor.put(path_of(visitor, f"invented-{n}"), "x", body, visitor.token) for n in range(20)]


def test_one_visitor_cannot_fill_a_server_that_others_reach_too(tiny, tmp_path):
    """It has been told a name: what is over the bound is refused, the server does not grow by it."""
    names = "faces.example.org localhost 127.0.0.1"
    with server(tmp_path / "log.txt", tiny, STREAMLIT_SERVER_ALLOWED_HOSTS=names) as (address, process):

        def work(visitor):
            before = process.memory_info().rss
            return offered(visitor), (process.memory_info().rss - before) / MB

        statuses, growth = with_session(address, work)
    fitting = SHARED.megabytes // 10
    assert statuses == [204] * fitting + [429] * (20 - fitting)
    assert growth < SHARED.megabytes + 60


def test_one_s_own_server_takes_sixty_photos_of_a_camera(running):
    """Twice what is offered here would fit as well: 60 photos of 5 MB are for an attribute of one's own."""
    assert with_session(running[0], offered) == [204] * 20
    assert ALONE.megabytes >= 60 * 5 * 2
    assert ALONE.files >= 60 * 2


@pytest.mark.parametrize("given", ["abc", "0", "-3", "1.5", "99999"])
def test_a_bound_that_makes_no_sense_ends_the_server_with_one_sentence(given):
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless=true", "--server.port=0"]
    done = subprocess.run(
        command, cwd=REPOSITORY, env=os.environ | {VARIABLE: given}, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 2
    assert done.stderr.strip() == (
        f"error: {VARIABLE} is '{given}', expected a whole number from 1 to 65536, in MB a visitor"
    )


def test_every_page_s_error_stays_in_the_server_s_log(visitor):
    """Tracebacks are not sent; that an address which makes no sense is none is part of it."""

    async def visit():
        async with Visitor(f"http://{visitor.host}") as found:
            await found.open("s=%00%ff&s=../../etc/passwd&model=..%2f..")
            return found.exceptions

    assert asyncio.run(visit()) == []
