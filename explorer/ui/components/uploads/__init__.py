"""The message about files that an uploader rejects because the server is full."""

from __future__ import annotations

import streamlit as st

from explorer.server.upload_bounds import Bounds
from explorer.ui.components import sources

_UPLOADS = st.components.v2.component("explorer_uploads", **sources("uploads"))


def uploads(bounds: Bounds) -> None:
    """Explain, at any uploader of the page, why a file beyond ``bounds`` was rejected."""
    words = f"this server keeps {bounds.words()} for you. Remove some, or try again in a few minutes."
    _UPLOADS(key="uploads", data=words)
