"""What visitors may leave in the server's memory: an ASGI middleware around Streamlit's upload endpoint.

Streamlit bounds the size of one file, not their number, and takes files under invented ids from anybody with a session:
a client without a browser could fill the memory. Here a session may hold as much as `Bounds` says, and 128 sessions may
be open; what is beyond is answered with 429 before its body is read.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, replace
from typing import Any

from glowcore.errors import ConfigError

VARIABLE = "EXPLORER_UPLOAD_MB"
MOST_MB = 65_536  # that the variable may say
SESSIONS = 128
UNKNOWN_SIZE = 16 * 2**20  # of a body without Content-Length: what Streamlit reads at most
KEPT = 120.0  # seconds after a session's end by which Streamlit has let its files go
_UPLOAD = re.compile(r"/_stcore/upload_file/([^/]+)/([^/]+)")

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]


@dataclass(frozen=True)
class Bounds:
    """What visitors may hold: megabytes (2**20 bytes) and files of one session, and sessions' worth of all together."""

    megabytes: int
    files: int
    together: int

    def words(self) -> str:
        """The bound of a session, as pages say it."""
        return f"{self.megabytes} MB in {self.files} files"


SHARED = Bounds(64, 64, 4)
ALONE = Bounds(1024, 256, 2)  # one's own memory: photos for an attribute of one's own are 60 of 5 MB, or twice that


def bounds(alone: bool, environment: Mapping[str, str] = os.environ) -> Bounds:
    """The bounds of a server that only its own machine reaches (`alone`), or others too; EXPLORER_UPLOAD_MB counts.

    Raises:
        ConfigError: the variable is no whole number from 1 to 65,536.
    """
    usual = ALONE if alone else SHARED
    given = environment.get(VARIABLE, "")
    if not given:
        return usual
    if not re.fullmatch(r"[0-9]{1,5}", given) or not 1 <= int(given) <= MOST_MB:
        raise ConfigError(f"{VARIABLE} is {given!r:.40}, expected a whole number from 1 to {MOST_MB}, in MB a visitor")
    return replace(usual, megabytes=int(given))


class UploadBounds:
    """Counts what each session has uploaded and refuses what is too much.

    Args:
        app: the ASGI application behind.
        alive: whether a session of that id is connected: what an ended one held is given back.
        bounds: what one session may hold, and all together.
    """

    def __init__(self, app: App, alive: Callable[[str], bool], bounds: Callable[[], Bounds]) -> None:
        self.app, self.alive, self.bounds = app, alive, bounds()
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
        most = self.bounds.megabytes * 2**20
        if len(files) - (file in files) >= self.bounds.files:
            return f"{self.bounds.files} files are uploaded already; remove some first"
        if sum(files.values()) - before + size > most:
            return f"more than {self.bounds.megabytes} MB are uploaded already; remove some files first"
        if sum(sum(f.values()) for f in self._held.values()) - before + size > self.bounds.together * most:
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
