"""A cache of the last results of a page in this session, for a return to the page."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TypeVar

import streamlit as st

PLACE = "made "  # prefix of the session keys
T = TypeVar("T")


def remembered(name: str, key: Hashable, make: Callable[[], T]) -> T:
    """Return the last result under ``name`` if its key equals ``key``, else that of ``make()``, which replaces it.

    Results may show a visitor's photo, so each session has its own.
    """
    place = PLACE + name
    entry = st.session_state.get(place)
    if entry is None or entry[0] != key:
        entry = (key, make())
        st.session_state[place] = entry
    return entry[1]


def forget() -> None:
    """Remove all results of this session."""
    for place in [key for key in st.session_state if str(key).startswith(PLACE)]:
        del st.session_state[place]
