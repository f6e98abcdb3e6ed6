"""What visitors may leave in the server's memory: an ASGI middleware around Streamlit's upload endpoint.

Streamlit bounds the size of one file, not their number, and takes files under invented ids from anybody with a session:
a client without a browser could fill the memory. Here a session may hold 64 MiB in 64 files, all sessions together four
times as much, and 128 sessions may be open; what is beyond is answered with 429 before its body is read.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

VARIABLE = "EXPLORER_UPLOAD_MB"
SESSION_MB, FILES, TOTAL, SESSIONS = 64, 64, 4, 128
UNKNOWN_SIZE = 16 * 2**20  # of a body without Content-Length: what Streamlit reads at most
KEPT = 120.0  # seconds after a session's end by which Streamlit has let its files go
_UPLOAD = re.compile(r"/_stcore/upload_file/([^/]+)/([^/]+)")

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]


class UploadBounds:
    """Counts what each session has uploaded and refuses what is too much.

    Parameters
    ----------
    app
        the ASGI application behind.
    alive
        whether a session of that id is connected: what an ended one held is given back.
    session_bytes
        what one session may hold; EXPLORER_UPLOAD_MB (in MiB), else 64 MiB.
    """

    def __init__(self, app: App, alive: Callable[[str], bool], session_bytes: int | None = None) -> None:
        self.app, self.alive = app, alive
        self.session_bytes = session_bytes or int(os.environ.get(VARIABLE) or SESSION_MB) * 2**20
        self._held: dict[str, dict[str, int]] = {}
        self._gone: dict[str, float] = {}
        self._open = 0

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Pass a request on, unless it would leave too much behind."""
        if scope["type"] == "websocket":
            await self._session(scope, receive, send)
            return
        upload = _UPLOAD.search(scope["path"]) if scope["type"] == "http" else None
        if upload is None or scope["method"] not in ("PUT", "DELETE"):
            await self.app(scope, receive, send)
        elif scope["method"] == "PUT":
            await self._put(*upload.groups(), scope, receive, send)
        elif await self._status(scope, receive, send) < 300:
            self._forget(*upload.groups())

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
        files = self._held.setdefault(session, {})
        before = files.get(file)
        files[file] = size  # before it is there, so that uploads at once do not slip through together
        stored = False
        try:
            stored = await self._status(scope, receive, send) < 300
        finally:
            if not stored:
                self._forget(session, file)
                if before is not None:
                    self._held.setdefault(session, {})[file] = before

    def _problem(self, session: str, file: str, size: int) -> str:
        """One sentence that says why an upload is too much, or ""."""
        self._let_go()
        files = self._held.get(session, {})
        before = files.get(file, 0)
        if len(files) - (file in files) >= FILES:
            return f"{FILES} files are uploaded already; remove some first"
        if sum(files.values()) - before + size > self.session_bytes:
            return f"more than {self.session_bytes // 2**20} MB are uploaded already; remove some files first"
        if sum(sum(f.values()) for f in self._held.values()) - before + size > TOTAL * self.session_bytes:
            return "the server holds as many photos as it can; try again in a few minutes"
        return ""

    def _let_go(self) -> None:
        """Give back what sessions held that have ended some time ago."""
        now = time.monotonic()
        for session in list(self._held):
            if self.alive(session):
                self._gone.pop(session, None)
            elif now - self._gone.setdefault(session, now) > KEPT:
                del self._held[session], self._gone[session]

    def _forget(self, session: str, file: str) -> None:
        files = self._held.get(session, {})
        files.pop(file, None)
        if not files:
            self._held.pop(session, None)
            self._gone.pop(session, None)

    async def _status(self, scope: Message, receive: Receive, send: Send) -> int:
        """Let the application answer, and note with which status."""
        status = 500

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        await self.app(scope, receive, noting)
        return status


def _content_length(scope: Message) -> int:
    values = [value for name, value in scope["headers"] if name == b"content-length"]
    return int(values[0]) if values and values[0].isdigit() else UNKNOWN_SIZE
