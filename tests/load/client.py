"""A visitor without a browser: Streamlit's own protocol over its websocket, uploads over its HTTP endpoint.

What a browser sends and nothing more: the XSRF token in cookie, header and subprotocol, the state of every widget with
each request, one message of the editor in flight until the server has acknowledged it.
"""

from __future__ import annotations

import asyncio
import base64
import http.client
import io
import json
import time
import urllib.parse
import uuid
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import ClientConnection, connect

EDITOR, UPLOADER = "explorer_editor", "Your photos"
XSRF_COOKIE = "_streamlit_xsrf"
NONCE = "load"


class ProtocolError(RuntimeError):
    """The server answered something else than the page that was asked for."""


@dataclass(frozen=True)
class Reply:
    """One answer of the editor: its view, when it came, and how long it took from the request."""

    view: dict[str, Any] = field(repr=False)
    seconds: float = 0.0

    def picture(self, name: str) -> np.ndarray:
        """One of "original", "reconstruction", "edited" as the browser would decode it, uint8 [H, W, 3]."""
        pictures = self.view["pictures"]
        uri = pictures[name]["uri"] or pictures["original"]["uri"]  # an exact reconstruction is the original
        data = uri.partition(",")[2]
        return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB"))


class Visitor:
    """One session of the application: `async with Visitor(address) as visitor`."""

    def __init__(self, address: str, patience: float = 120.0, origin: str = "") -> None:
        self.host = urllib.parse.urlsplit(address).netloc
        self.origin = origin or f"http://{self.host}"
        self.patience = patience
        self.session_id = self.page_hash = self.fragment_id = ""
        self.elements: dict[str, Any] = {}  # the two widgets used here, as they were last drawn
        self.exceptions: list[str] = []
        self.settings: Any = None  # what the server tells a browser of its configuration
        self.sequence = 0
        self._states: dict[str, WidgetState] = {}
        self._begun = self._finished = 0  # runs of the script or of a fragment
        self._socket: ClientConnection | None = None

    async def __aenter__(self) -> Visitor:
        self.token = await asyncio.to_thread(self.fetch_token)
        self._socket = await connect(
            f"ws://{self.host}/_stcore/stream",
            subprotocols=["streamlit", self.token],
            additional_headers={"Cookie": f"{XSRF_COOKIE}={self.token}"},
            origin=self.origin,
            max_size=None,
            compression=None,
            open_timeout=self.patience,
            ping_interval=None,  # a crowd in one process may be slow to answer; the server pings anyway
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._socket.close()

    # -- what a visitor does -------------------------------------------------------------------------------------
    async def open(self, query: str = "") -> Reply:
        """Load the first page."""
        return await self._run(query=query)

    async def upload(self, name: str, data: bytes) -> Reply:
        """Give the uploader a file."""
        urls = await self._upload_urls(name)
        status = await asyncio.to_thread(self.put, urls.upload_url, name, data, self.token)
        if status != 204:
            raise ProtocolError(f"the upload was answered with {status}")
        state = WidgetState(id=self.elements[UPLOADER].id)
        info = state.file_uploader_state_value.uploaded_file_info.add(name=name, size=len(data), file_id=urls.file_id)
        info.file_urls.CopyFrom(urls)
        self._states[state.id] = state
        return await self._run()

    async def edit(self, message: dict[str, Any]) -> Reply:
        """Send one message of the editor and wait for the view that acknowledges it."""
        started = await self._say(message)
        return await self._answer(started, acknowledge=self.sequence)

    async def begin(self, message: dict[str, Any]) -> None:
        """Send one message of the editor and wait for nothing."""
        await self._say(message)

    async def drag(self, messages: list[dict[str, Any]]) -> list[Reply]:
        """Send messages without waiting for answers, as no browser does; gives every view up to the last one's."""
        for message in messages:
            started = await self._say(message)
        replies = [await self._answer(started, acknowledge=1)]
        while replies[-1].view["ack"]["seq"] < self.sequence:
            replies.append(await self._answer(started, acknowledge=1))
        return replies

    def put(self, path: str, name: str, data: bytes, token: str | None, cookie: str = "") -> int:
        """Upload to a path by HTTP, with the token in header and cookie, or None for neither; returns the status."""
        boundary = uuid.uuid4().hex
        body = (
            (
                f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
                "Content-Type: application/octet-stream\r\n\r\n"
            ).encode()
            + data
            + f"\r\n--{boundary}--\r\n".encode()
        )
        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        if token is not None:
            headers |= {"X-Xsrftoken": token, "Cookie": f"{XSRF_COOKIE}={cookie or token}"}
        return self.request("PUT", path if path.startswith("/") else f"/{path}", body, headers).status

    # -- the protocol --------------------------------------------------------------------------------------------
    async def _run(self, query: str = "") -> Reply:
        """Ask for a run of the whole script and wait for its end; gives the view its editor shows."""
        while self._finished < self._begun:
            await self._receive()  # the last answer's run is still drawing what follows the editor
        return await self._answer(await self._ask(query=query))

    async def _say(self, message: dict[str, Any]) -> float:
        """Put a message into the editor's state and ask for a run of its fragment."""
        self.sequence += 1
        request = {**message, "nonce": NONCE, "seq": self.sequence}
        identity = self.elements[EDITOR].id
        self._states[identity] = WidgetState(id=identity, json_value=json.dumps({"request": request}))
        return await self._ask(fragment=self.fragment_id)

    async def _ask(self, query: str = "", fragment: str = "") -> float:
        """Ask for a run with the state of all widgets; gives the time of asking."""
        message = BackMsg()
        message.rerun_script.query_string = query
        message.rerun_script.page_script_hash = self.page_hash
        message.rerun_script.fragment_id = fragment
        message.rerun_script.widget_states.widgets.extend(self._states.values())
        started = time.perf_counter()
        await self._socket.send(message.SerializeToString())
        return started

    async def _answer(self, started: float, acknowledge: int = 0) -> Reply:
        """The first view that acknowledges a message; without one, the view of the run that ends next."""
        finished = self._finished
        reply = None
        while reply is None or (not acknowledge and self._finished == finished):
            view = await self._receive()
            if view is not None and view["ack"]["seq"] >= acknowledge:
                reply = Reply(view, time.perf_counter() - started)
            elif not acknowledge and self._finished > finished and reply is None:
                raise ProtocolError(f"a run ended without an editor; the page says: {self.exceptions or 'nothing'}")
        return reply

    async def _receive(self) -> dict[str, Any] | None:
        """Take in one message; gives the editor's view where it is one."""
        data = await asyncio.wait_for(self._socket.recv(), self.patience)
        message = ForwardMsg.FromString(data)
        kind = message.WhichOneof("type")
        if kind == "new_session":
            self._begun += 1
            self.settings = message.new_session.config
            self.session_id = message.new_session.initialize.session_id or self.session_id
            self.page_hash = message.new_session.page_script_hash or self.page_hash
        elif kind == "navigation":
            self.page_hash = message.navigation.page_script_hash
        elif kind == "script_finished":
            self._finished += 1
        elif kind == "delta":
            return self._draw(message.delta)
        return None

    def _draw(self, delta: Any) -> dict[str, Any] | None:
        element = delta.new_element
        kind = element.WhichOneof("type")
        if kind == "exception":
            self.exceptions.append(element.exception.message or element.exception.type)
        elif kind == "alert":
            self.exceptions.append(element.alert.body)
        elif kind == "file_uploader" and element.file_uploader.label == UPLOADER:
            self.elements[UPLOADER] = element.file_uploader
        elif kind == "bidi_component" and element.bidi_component.component_name == EDITOR:
            self.elements[EDITOR] = element.bidi_component
            self.fragment_id = delta.fragment_id
            return json.loads(element.bidi_component.json)
        return None

    async def _upload_urls(self, name: str) -> Any:
        message = BackMsg()
        message.file_urls_request.request_id = str(uuid.uuid4())
        message.file_urls_request.session_id = self.session_id
        message.file_urls_request.file_names.append(name)
        await self._socket.send(message.SerializeToString())
        while True:
            answer = ForwardMsg.FromString(await asyncio.wait_for(self._socket.recv(), self.patience))
            if answer.WhichOneof("type") == "file_urls_response":
                return answer.file_urls_response.file_urls[0]

    def fetch_token(self) -> str:
        """A new XSRF token, as the server sets it for a browser."""
        cookie = self.request("GET", "/_stcore/health").getheader("Set-Cookie") or ""
        name, _, rest = cookie.partition("=")
        if name != XSRF_COOKIE:
            raise ProtocolError(f"the server sets no {XSRF_COOKIE} cookie; is XSRF protection off?")
        return rest.partition(";")[0].strip('"')

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> http.client.HTTPResponse:
        """One HTTP request to the server; its answer has been read."""
        connection = http.client.HTTPConnection(self.host, timeout=self.patience)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            answer.read()
            return answer
        finally:
            connection.close()
