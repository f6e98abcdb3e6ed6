"""Buttons that save something as a file."""

from __future__ import annotations

import mimetypes
from collections.abc import Callable

import streamlit as st

LARGE = 512  # pixels; a picture of 64 x 64 is a stamp on a telephone
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
    """A button that saves the file `name`, made by `data()` when it is pressed; `what` explains it under the mouse.

    While a page runs anew Streamlit does not find such a file. One that is made `at_once` it keeps for one run more.
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
