"""Clicks that wait, on buttons that save a file and on links right after typing; and the focus of the keyboard."""

from __future__ import annotations

import streamlit as st

from explorer.ui.components import sources

_FOCUS = st.components.v2.component("explorer_focus", **sources("focus", "gate", "focus"))


def focus() -> None:
    """Let clicks on buttons that save a file wait until the page rests, and return the focus once the file is made.

    A click on a link waits until the text that was typed right before it is sent.
    """
    _FOCUS(key="focus")
