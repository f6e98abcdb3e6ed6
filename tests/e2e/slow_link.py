"""A slow link to the application: emulation in the browser does not delay a websocket that is open already."""

from __future__ import annotations

import asyncio
import contextlib
import threading


class SlowLink:
    """A TCP proxy that delays what passes through it, in either direction, by ``delay`` seconds.

    Args:
        port: the port of the server on this machine.
    """

    def __init__(self, port: int) -> None:
        self.port, self.delay, self.address = port, 0.0, ""
        started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run(started)), daemon=True)
        self._thread.start()
        started.wait()

    def close(self) -> None:
        """Close all connections."""
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join()

    async def _run(self, started: threading.Event) -> None:
        self._loop, self._ended = asyncio.get_running_loop(), asyncio.Event()
        listener = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.address = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        started.set()
        await self._ended.wait()
        listener.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self.port)
        with contextlib.suppress(asyncio.CancelledError):  # asyncio would log it as an error of the listener
            both = (self._pass_on(reader, server_writer), self._pass_on(server_reader, writer))
            await asyncio.gather(*both, return_exceptions=True)
        for each in (writer, server_writer):
            each.close()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Copy a stream; each piece arrives ``delay`` after it was read, whatever is on its way before it."""
        now, pieces = asyncio.get_running_loop().time, asyncio.Queue()

        async def deliver() -> None:
            while True:
                arrival, piece = await pieces.get()
                await asyncio.sleep(arrival - now())
                if not piece:
                    writer.close()
                    return
                writer.write(piece)
                await writer.drain()

        delivery = asyncio.ensure_future(deliver())
        piece = b"first"
        while piece:
            try:
                piece = await reader.read(65536)
            except ConnectionError:
                piece = b""
            pieces.put_nowait((now() + self.delay, piece))
        await delivery
