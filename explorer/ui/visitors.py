"""Who can reach this server, and how much a visitor may upload."""

from __future__ import annotations

import streamlit as st

from explorer.server import upload_bounds
from explorer.server.upload_bounds import Bounds

LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def alive(session: str) -> bool:
    """Return whether a session is connected."""
    return st.runtime.get_instance().is_active_session(session)


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
