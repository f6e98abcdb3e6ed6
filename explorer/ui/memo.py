"""What a page has made last in this session, so that coming back to it costs nothing."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TypeVar

import streamlit as st

PLACE = "made "  # before the name, among what else a session keeps
T = TypeVar("T")


def remembered(name: str, key: Hashable, make: Callable[[], T]) -> T:
    """The result of `make()`; the one of last time where it was made under `name` with an equal `key`.

    One result is kept for each name. It may show a visitor's photo, so it is the session's own.
    """
    place = PLACE + name
    kept = st.session_state.get(place)
    if kept is None or kept[0] != key:
        kept = (key, make())
        st.session_state[place] = kept
    return kept[1]


def forget() -> None:
    """Drop every result of this session."""
    for place in [key for key in st.session_state if str(key).startswith(PLACE)]:
        del st.session_state[place]
