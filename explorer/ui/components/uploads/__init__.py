"""The messages about files that an uploader rejects."""

from __future__ import annotations

import streamlit as st

from explorer.server.upload_bounds import Bounds
from explorer.ui.components import sources
from glowcore.image_guard import ACCEPTED, SAVE_HEIC

_UPLOADS = st.components.v2.component("explorer_uploads", **sources("uploads"))


def uploads(bounds: Bounds) -> None:
    """Explain, at any uploader of the page, why a file beyond ``bounds`` or of another format was rejected."""
    words = f"this server keeps {bounds.words()} for you. Remove some, or try again in a few minutes."
    other = f"{ACCEPTED}, so save it as one of these in a picture viewer."
    _UPLOADS(key="uploads", data={"words": words, "heic": f"this is a HEIC file; {SAVE_HEIC}.", "other": other})
