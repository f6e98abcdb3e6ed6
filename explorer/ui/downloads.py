"""Buttons that save a file."""

from __future__ import annotations

import mimetypes
from collections.abc import Callable

import streamlit as st

LARGE = 512  # pixels, of enlarged pictures; 64 x 64 is tiny on a phone
LARGE_LABEL = f"Save {LARGE} px PNG"


def download(
    label: str,
    name: str,
    data: Callable[[], bytes | str],
    *,
    key: str,
    icon: str = "download",
    what: str | None = None,
    at_once: bool = False,
) -> None:
    """Show a button that saves a file.

    Args:
        label: the text of the button.
        name: the file name, whose suffix determines the MIME type.
        data: returns the contents; called when the button is pressed, or now if ``at_once``.
        key: the key of the widget.
        icon: the name of a Material icon.
        what: the tooltip.
        at_once: whether to make the file now. Streamlit cannot serve a deferred file while the page reruns; it keeps a
            file that was made at once for one more run.
    """
    st.download_button(
        label,
        data=data() if at_once else data,
        file_name=name,
        mime=mimetypes.guess_type(name)[0] or "application/octet-stream",
        key=key,
        icon=f":material/{icon}:",
        on_click="ignore",
        help=what,
    )
