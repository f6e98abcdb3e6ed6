"""The keyboard focus after a download."""

from __future__ import annotations

import streamlit as st

from explorer.ui.components import sources

_FOCUS = st.components.v2.component("explorer_focus", **sources("focus"))


def focus() -> None:
    """Return the focus to a button that saves a file once its file has been made."""
    _FOCUS(key="focus")
