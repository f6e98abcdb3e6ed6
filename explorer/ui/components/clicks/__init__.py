"""Clicks that wait or would be lost: on buttons that save a file, links, moving controls; and the keyboard's focus."""

from __future__ import annotations

import streamlit as st

from explorer.ui.components import sources

SCRIPTS = ("gate", "press", "links", "focus", "clicks")
_CLICKS = st.components.v2.component("explorer_clicks", **sources("clicks", *SCRIPTS))


def clicks() -> None:
    """Let clicks on buttons that save a file wait until the page rests, and return the focus once the file is made.

    A click on a link waits until the text that was typed right before it is sent. A press on a control clicks it
    although the page has moved it before the release. A double click leaves the dialog open that it opens, and a choice
    in the menu of pages closes the menu.
    """
    _CLICKS(key="clicks")
