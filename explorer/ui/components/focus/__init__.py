"""Buttons that save a file: a click on one waits for the page, and the keyboard focus stays there."""

from __future__ import annotations

import streamlit as st

from explorer.ui.components import sources

_FOCUS = st.components.v2.component("explorer_focus", **sources("focus", "gate", "focus"))


def focus() -> None:
    """Let clicks on buttons that save a file wait until the page rests, and return the focus once the file is made."""
    _FOCUS(key="focus")
