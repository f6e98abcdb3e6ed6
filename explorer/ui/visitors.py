"""Who can reach this server, and how much a visitor may upload."""

from __future__ import annotations

import asyncio
from weakref import WeakValueDictionary

import streamlit as st
from streamlit.runtime.app_session import AppSession

from explorer.server import upload_bounds
from explorer.server.upload_bounds import Bounds
from explorer.ui import garbage

LOOPBACK = {"localhost", "127.0.0.1", "::1"}
# Connected sessions, and disconnected ones to close.
_sessions: WeakValueDictionary[str, AppSession] = WeakValueDictionary()


def note_if_connected(session: str) -> bool:
    """Keep a weak reference to a connected session for ``close``; return whether the session is connected."""
    connected = st.runtime.get_instance().get_app_session(session)
    if connected is not None:
        _sessions[session] = connected
    return connected is not None


def close(session: str) -> None:
    """Remove a disconnected session, its photos and their cached pixels; call it on the server's event loop.

    Encodings and small pictures of its faces stay in caches that all sessions share, under hashes of pixels, until
    newer ones take their room. Emptying the state is not left to Python, because Streamlit refers to the last session
    until the next one comes.
    """
    closed = _sessions.get(session)  # before Streamlit drops it
    st.runtime.get_instance().close_session(session)
    if closed is None:
        return
    if "desk" in closed.session_state:
        closed.session_state["desk"].clear()
    closed.session_state.clear()
    asyncio.get_running_loop().call_later(1.0, garbage.settle)  # once the threads of the session have ended


def alone() -> bool:
    """Return whether only this machine can reach the server: it listens on loopback and accepts no other host name.

    Behind a proxy it listens on loopback too, but is configured with the public host name.
    """
    return {st.get_option("server.address"), *st.get_option("server.allowedHosts")} <= LOOPBACK


def privacy() -> str:
    """Return a sentence on what happens to a visitor's photos."""
    where = "this computer; nothing is stored or sent anywhere" if alone() else "this server; it stores nothing of them"
    return f"Photos stay in the memory of {where}."


def bounds() -> Bounds:
    """Return the upload limits of a visitor.

    Raises:
        ConfigError: the environment variable is invalid.
    """
    return upload_bounds.bounds(alone())
