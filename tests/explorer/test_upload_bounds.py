"""The upload middleware: uploads within the limits are passed on, others are rejected before their body is read."""

import asyncio
import weakref
from types import SimpleNamespace
from unittest.mock import Mock

import pytest
from streamlit.runtime.state import SessionState

from explorer.edits.history import History
from explorer.edits.recipe import EditRecipe, Source
from explorer.portraits import photos
from explorer.portraits.photos import Photo
from explorer.server import upload_bounds
from explorer.server.upload_bounds import ALONE, SHARED, Bounds, UploadBounds
from explorer.session.desk import Desk
from explorer.ui import garbage, visitors
from glowcore.errors import ConfigError
from tests.explorer.picture_files import jpeg_of

MB = 2**20
BOUNDS = Bounds(10, 64, 4)


class Server:
    """The wrapped application: records requests and answers with ``status``."""

    def __init__(self):
        self.seen, self.status = [], 204

    async def __call__(self, scope, receive, send):
        self.seen.append(scope.get("path", scope["type"]))
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": self.status, "headers": []})
            await send({"type": "http.response.body", "body": b""})


@pytest.fixture
def server():
    return Server()


@pytest.fixture
def closed():
    """The sessions that were closed."""
    return []


@pytest.fixture
def bounds(server, closed):
    return UploadBounds(
        server, alive=lambda session: not session.startswith("gone"), close=closed.append, bounds=lambda: BOUNDS
    )


def ask(bounds, method, path, size=None):
    """Return status and body of the answer to a request."""
    sent = []

    async def send(message):
        sent.append(message)

    async def receive():
        raise AssertionError("the body was read")

    headers = [] if size is None else [(b"content-length", str(size).encode())]
    asyncio.run(bounds({"type": "http", "method": method, "path": path, "headers": headers}, receive, send))
    return sent[0]["status"], sent[1]["body"].decode()


def put(bounds, session, file, size):
    return ask(bounds, "PUT", f"/_stcore/upload_file/{session}/{file}", size)[0]


def test_other_requests_pass(bounds, server):
    assert ask(bounds, "GET", "/_stcore/health")[0] == 204
    assert ask(bounds, "OPTIONS", "/_stcore/upload_file/a/b")[0] == 204
    assert server.seen == ["/_stcore/health", "/_stcore/upload_file/a/b"]


def test_a_session_may_hold_so_many_bytes(bounds, server):
    assert [put(bounds, "a", n, 4 * MB) for n in range(4)] == [204, 204, 429, 429]
    assert ask(bounds, "PUT", "/_stcore/upload_file/a/9", 4 * MB) == (
        429, "more than 10 MB are uploaded already; remove some files first",
    )  # fmt: skip
    assert len(server.seen) == 2
    assert put(bounds, "a", 9, 2 * MB) == 204
    assert put(bounds, "b", 0, 10 * MB) == 204


def test_the_same_file_again_counts_once(bounds):
    assert [put(bounds, "a", "same", 6 * MB) for _ in range(3)] == [204] * 3
    assert put(bounds, "a", "other", 5 * MB) == 429


def test_what_is_removed_or_refused_behind_counts_no_more(bounds, server):
    assert put(bounds, "a", 0, 10 * MB) == 204
    assert ask(bounds, "DELETE", "/_stcore/upload_file/a/0")[0] == 204
    assert put(bounds, "a", 1, 10 * MB) == 204
    server.status = 403
    ask(bounds, "DELETE", "/_stcore/upload_file/a/1")
    assert put(bounds, "b", 0, 10 * MB) == 403
    server.status = 204
    assert put(bounds, "a", 2, 1 * MB) == 429
    assert put(bounds, "b", 0, 10 * MB) == 204


def test_a_failed_replacement_leaves_the_old_file_counted(bounds, server):
    assert put(bounds, "a", 0, 8 * MB) == 204
    server.status = 400
    assert put(bounds, "a", 0, 1 * MB) == 400
    server.status = 204
    assert put(bounds, "a", 1, 3 * MB) == 429


def test_a_body_of_unknown_size_counts_as_the_largest(bounds):
    assert ask(bounds, "PUT", "/_stcore/upload_file/a/0")[0] == 429


def test_the_number_of_files_is_bounded(bounds):
    assert [put(bounds, "a", n, 1) for n in range(65)] == [204] * 64 + [429]


def test_all_sessions_together_are_bounded_and_ended_ones_are_closed(bounds, closed, monkeypatch):
    sessions = ["gone1", "gone2", "a", "b"]
    assert [put(bounds, s, 0, 10 * MB) for s in sessions] == [204] * 4
    assert put(bounds, "c", 0, 1 * MB) == 429  # Streamlit keeps an ended session's files for a while
    now = upload_bounds.monotonic()
    monkeypatch.setattr(upload_bounds, "monotonic", lambda: now + upload_bounds.KEPT + 1)
    assert [put(bounds, s, 0, 10 * MB) for s in ("c", "d", "e")] == [204, 204, 429]
    assert closed == ["gone1", "gone2"]


def test_the_last_visitor_s_session_is_closed_a_minute_after_its_end(server, closed, monkeypatch):
    """Nobody else comes, and the visitor has removed the file, of which a photo may be left in the session."""
    monkeypatch.setattr(upload_bounds, "EVERY", 0.001)
    time, connected, asked = [0.0], {"a"}, []
    monkeypatch.setattr(upload_bounds, "monotonic", lambda: time[0])
    alive = lambda session: asked.append(session) or session in connected  # noqa: E731
    bounds = UploadBounds(server, alive=alive, close=closed.append, bounds=lambda: BOUNDS)

    async def nothing(message=None):
        pass

    async def passes(seconds):
        time[0] += seconds
        before = len(asked)
        while bounds._held and len(asked) < before + 2:
            await asyncio.sleep(0.001)

    async def visit():
        request = {"type": "http", "path": "/_stcore/upload_file/a/1", "headers": [(b"content-length", b"9")]}
        await bounds(request | {"method": "PUT"}, nothing, nothing)
        await bounds(request | {"method": "DELETE"}, nothing, nothing)
        await passes(1000)
        connected.clear()
        await passes(59)
        connected.add("a")  # the connection was lost for a moment
        await passes(59)
        connected.clear()
        await passes(1)
        await passes(59)
        assert closed == []
        await passes(1)
        assert closed == ["a"]
        await bounds._watch

    asyncio.run(visit())
    assert (bounds._held, bounds._gone) == ({}, {})


def test_a_closed_session_leaves_no_photo_even_while_something_refers_to_it(monkeypatch, blobs):
    session_state, collected = SessionState(), []
    sessions = {"a": Mock(session_state=session_state)}
    runtime = SimpleNamespace(get_app_session=sessions.get, close_session=lambda session: sessions.pop(session, None))
    monkeypatch.setattr(visitors.st.runtime, "get_instance", lambda: runtime)
    monkeypatch.setattr(garbage, "settle", lambda: collected.append(1))
    monkeypatch.setattr(asyncio.BaseEventLoop, "call_later", lambda loop, seconds, work: work())
    desk = session_state["desk"] = Desk(History(EditRecipe(Source("photo", "a" * 32))))
    session_state["more"] = blobs
    desk.photos.keep(Photo("a" * 32, jpeg_of(blobs[0])))
    desk.photos["a" * 32].picture  # noqa: B018, decoded
    photo = weakref.ref(desk.photos["a" * 32])
    assert [visitors.note_if_connected(session) for session in ("a", "b")] == [True, False]

    async def leave():
        visitors.close("a")
        visitors.close("b")

    asyncio.run(leave())
    assert sessions == {}
    assert collected == [1]
    assert photo() is None
    desk.move({"Smiling": 1.0})  # a callback that the session still held
    assert desk.recipe == EditRecipe(Source("photo", "a" * 32), (("Smiling", 1.0),))
    assert photos._decoded.get("a" * 32) is None
    assert "more" not in session_state


def test_a_session_that_cannot_be_closed_is_tried_again_and_the_others_are_closed(server, closed, monkeypatch, caplog):
    monkeypatch.setattr(upload_bounds, "KEPT", 0.0)
    failures, connected = ["a"], {"a", "b"}

    def close(session):
        if session in failures:
            failures.remove(session)
            raise RuntimeError("it is busy")
        closed.append(session)

    bounds = UploadBounds(server, alive=lambda session: session in connected, close=close, bounds=lambda: BOUNDS)
    assert [put(bounds, session, 0, MB) for session in "ab"] == [204, 204]
    connected.clear()
    bounds._close_ended()
    assert (closed, list(bounds._held)) == (["b"], ["a"])
    assert "it is busy" in caplog.text
    bounds._close_ended()
    assert (closed, bounds._held, bounds._gone) == (["b", "a"], {}, {})


def test_sessions_without_a_stored_file_leave_nothing(bounds, server):
    server.status = 400

    async def app(scope, receive, send):
        bounds._close_ended()  # as the watch does while the body arrives
        await server(scope, receive, send)

    bounds.app = app
    assert put(bounds, "gone", 0, MB) == 400
    assert (bounds._held, bounds._gone) == ({}, {})


def test_sessions_are_bounded(server, monkeypatch):
    monkeypatch.setattr(upload_bounds, "SESSIONS", 2)
    gate, sent = asyncio.Event(), []

    async def waits(scope, receive, send):
        server.seen.append(scope["type"])
        await gate.wait()

    async def nothing(message=None):
        sent.append(message)

    async def visits():
        bounds = UploadBounds(waits, alive=lambda _: True, close=lambda _: None, bounds=lambda: BOUNDS)
        first = [asyncio.create_task(bounds({"type": "websocket"}, nothing, nothing)) for _ in range(2)]
        await asyncio.sleep(0)
        await bounds({"type": "websocket"}, nothing, nothing)
        assert sent[-1]["code"] == 1013
        gate.set()
        await asyncio.gather(*first)
        await bounds({"type": "websocket"}, nothing, nothing)

    asyncio.run(visits())
    assert server.seen == ["websocket"] * 3


def test_strangers_are_bounded_more_tightly_than_the_only_user_and_the_environment_counts_for_both(monkeypatch):
    monkeypatch.delenv(upload_bounds.VARIABLE, raising=False)
    assert upload_bounds.bounds(False) == SHARED == Bounds(64, 64, 4)
    assert upload_bounds.bounds(True) == ALONE == Bounds(1024, 256, 2)
    monkeypatch.setenv(upload_bounds.VARIABLE, "7")
    assert upload_bounds.bounds(True) == Bounds(7, 256, 2)
    monkeypatch.setenv(upload_bounds.VARIABLE, "65536")
    assert upload_bounds.bounds(False) == Bounds(65536, 64, 4)
    assert SHARED.words() == "64 MB in 64 files"


@pytest.mark.parametrize("given", ["abc", "0", "-1", "1.5", "65537", "1e3", " 5", "५", "9" * 5000])
def test_a_bound_that_is_none_is_a_sentence(given, monkeypatch):
    monkeypatch.setenv(upload_bounds.VARIABLE, given)
    with pytest.raises(ConfigError, match=r"^EXPLORER_UPLOAD_MB is .{1,50}, expected a whole number from 1 to 65536"):
        upload_bounds.bounds(True)


@pytest.mark.parametrize(
    ("address", "hosts", "alone"),
    [
        ("127.0.0.1", ["localhost", "127.0.0.1"], True),
        ("localhost", ["localhost"], True),
        ("127.0.0.1", ["faces.example.org", "localhost"], False),
        ("0.0.0.0", ["localhost", "127.0.0.1"], False),
        (None, ["localhost"], False),
    ],
)
def test_who_is_alone(address, hosts, alone, monkeypatch):
    settings = {"server.address": address, "server.allowedHosts": hosts}
    monkeypatch.setattr(visitors.st, "get_option", settings.get)
    assert visitors.alone() is alone
