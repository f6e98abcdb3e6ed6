"""Who reaches this server, and how much they may leave in its memory."""

from __future__ import annotations

import streamlit as st

from explorer.server import upload_bounds
from explorer.server.upload_bounds import Bounds

LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def alive(session: str) -> bool:
    """Whether a visitor is connected."""
    return st.runtime.get_instance().is_active_session(session)


def alone() -> bool:
    """Whether only this machine reaches the server: it listens on loopback and answers to no other name.

    Behind a proxy it listens on loopback too, but has been told the name that it is reached by.
    """
    return {st.get_option("server.address"), *st.get_option("server.allowedHosts")} <= LOOPBACK


def privacy() -> str:
    """What happens to the photos of a visitor, in a sentence."""
    where = "this computer; nothing is stored or sent anywhere" if alone() else "this server; it stores nothing of them"
    return f"Photos stay in the memory of {where}."


def bounds() -> Bounds:
    """What a visitor of this server may upload; ConfigError where the environment says nonsense."""
    return upload_bounds.bounds(alone())
