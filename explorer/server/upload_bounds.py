"""Limits on uploads: an ASGI middleware around Streamlit's upload endpoint.

Streamlit limits the size of one file but not the number of files. A client without a browser chooses the ids of its
files, so it could upload file after file and fill the memory. This middleware limits the uploads of a session to
``Bounds`` and the number of open sessions to 128. A request beyond the limits is answered with 429 before its body is
read.

Streamlit drops a disconnected session only when another one disconnects, so the last visitor's photos would stay in
memory. The middleware closes every session that has uploaded files and has been disconnected for a minute.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any

from glowcore.errors import ConfigError

VARIABLE = "EXPLORER_UPLOAD_MB"
MOST_MB = 65_536  # largest value of the variable
SESSIONS = 128
UNKNOWN_SIZE = 16 * 2**20  # assumed for a body without Content-Length: Streamlit reads no more
KEPT = 60.0  # seconds that a session may be disconnected; shorter than Streamlit's server.disconnectedSessionTTL
EVERY = 5.0  # seconds between two searches for such sessions
_LOG = logging.getLogger(__name__)
_UPLOAD = re.compile(r"/_stcore/upload_file/([^/]+)/([^/]+)")

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]


@dataclass(frozen=True)
class Bounds:
    """Limits on what visitors may upload.

    Attributes:
        megabytes: of one session, in units of 2**20 bytes.
        files: number of files of one session.
        together: limit for all sessions together, as a multiple of ``megabytes``.
    """

    megabytes: int
    files: int
    together: int

    def words(self) -> str:
        """Return the limits of one session as the pages write them."""
        return f"{self.megabytes} MB in {self.files} files"


SHARED = Bounds(64, 64, 4)
ALONE = Bounds(1024, 256, 2)  # the photos for an attribute of one's own are 60 or 120 of 5 MB each


def bounds(alone: bool) -> Bounds:
    """Return the limits of a server; EXPLORER_UPLOAD_MB replaces the megabytes of a session.

    Args:
        alone: whether only its own machine reaches the server.

    Raises:
        ConfigError: the variable is not a whole number from 1 to 65,536.
    """
    usual = ALONE if alone else SHARED
    value = os.environ.get(VARIABLE, "")
    if not value:
        return usual
    if not re.fullmatch(r"[0-9]{1,5}", value) or not 1 <= int(value) <= MOST_MB:
        raise ConfigError(f"{VARIABLE} is {value!r:.40}, expected a whole number from 1 to {MOST_MB}, in MB a visitor")
    return replace(usual, megabytes=int(value))


class UploadBounds:
    """ASGI middleware that counts the uploads of each session and rejects those beyond the limits.

    Args:
        app: the wrapped ASGI application.
        alive: returns whether a session id is connected.
        close: removes a session with all that it holds; called on the event loop.
        bounds: returns the limits.
    """

    def __init__(
        self, app: App, alive: Callable[[str], bool], close: Callable[[str], None], bounds: Callable[[], Bounds]
    ) -> None:
        self.app, self.alive, self.close, self.bounds = app, alive, close, bounds()
        self._held: dict[str, dict[str, int]] = {}  # sizes of files by session; a session stays here without files
        self._gone: dict[str, float] = {}
        self._open = 0
        self._watch: asyncio.Task[None] | None = None

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Pass a request on, unless it exceeds a limit."""
        if scope["type"] == "websocket":
            await self._session(scope, receive, send)
            return
        upload = _UPLOAD.search(scope["path"]) if scope["type"] == "http" else None
        if upload is None or scope["method"] not in ("PUT", "DELETE"):
            await self.app(scope, receive, send)
        elif scope["method"] == "PUT":
            await self._put(*upload.groups(), scope, receive, send)
        elif await self._status(scope, receive, send) < 300:
            session, file = upload.groups()
            self._held.get(session, {}).pop(file, None)

    async def _session(self, scope: Message, receive: Receive, send: Send) -> None:
        if self._open >= SESSIONS:
            await receive()
            await send({"type": "websocket.close", "code": 1013, "reason": f"{SESSIONS} visitors are here already"})
            return
        self._open += 1
        try:
            await self.app(scope, receive, send)
        finally:
            self._open -= 1

    async def _put(self, session: str, file: str, scope: Message, receive: Receive, send: Send) -> None:
        size = _content_length(scope)
        problem = self._problem(session, file, size)
        if problem:
            headers = [(b"content-type", b"text/plain; charset=utf-8")]
            await send({"type": "http.response.start", "status": 429, "headers": headers})
            await send({"type": "http.response.body", "body": problem.encode()})
            return
        known = session in self._held
        files = self._held.setdefault(session, {})
        if self._watch is None or self._watch.done():
            self._watch = asyncio.create_task(self._watch_sessions())
        before = files.get(file)
        # Counted before its body arrives, so that concurrent uploads cannot exceed the limit together.
        files[file] = size
        stored = False
        try:
            stored = await self._status(scope, receive, send) < 300
        finally:
            if not stored:
                files.pop(file, None)
                if before is not None:
                    files[file] = before
                if not files and not known:
                    self._held.pop(session, None)
                    self._gone.pop(session, None)

    def _problem(self, session: str, file: str, size: int) -> str:
        """Return why an upload exceeds the limits in one sentence, or ""."""
        self._close_ended()
        files = self._held.get(session, {})
        before = files.get(file, 0)
        most = self.bounds.megabytes * 2**20
        if len(files) - (file in files) >= self.bounds.files:
            return f"{self.bounds.files} files are uploaded already; remove some first"
        if sum(files.values()) - before + size > most:
            return f"more than {self.bounds.megabytes} MB are uploaded already; remove some files first"
        if sum(sum(f.values()) for f in self._held.values()) - before + size > self.bounds.together * most:
            return "the server holds as many photos as it can; try again in a few minutes"
        return ""

    async def _watch_sessions(self) -> None:
        """Close ended sessions until none is left that has uploaded files."""
        while self._held:
            self._close_ended()
            await asyncio.sleep(EVERY)

    def _close_ended(self) -> None:
        """Close each session that has been disconnected for ``KEPT`` seconds, and drop its counts."""
        now = monotonic()
        for session in list(self._held):
            if self.alive(session):
                self._gone.pop(session, None)
            elif now - self._gone.setdefault(session, now) >= KEPT:
                try:
                    self.close(session)
                except Exception:
                    _LOG.exception("a session could not be closed; it is tried again")
                else:
                    del self._held[session], self._gone[session]

    async def _status(self, scope: Message, receive: Receive, send: Send) -> int:
        """Let the application answer; return the status of its response."""
        status = 500

        async def send_and_record(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        await self.app(scope, receive, send_and_record)
        return status


def _content_length(scope: Message) -> int:
    values = [value for name, value in scope["headers"] if name == b"content-length"]
    return int(values[0]) if values and values[0].isdigit() else UNKNOWN_SIZE
