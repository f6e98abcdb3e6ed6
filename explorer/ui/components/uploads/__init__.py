"""What is said of a file that the server does not take."""

from __future__ import annotations

import streamlit as st

from explorer.ui.components import sources
from explorer.upload_bounds import Bounds

_UPLOADS = st.components.v2.component("explorer_uploads", **sources("uploads"))


def uploads(bounds: Bounds) -> None:
    """Say why files beyond `bounds` were refused, whichever uploader of the page they were given to; else nothing."""
    words = f"this server keeps {bounds.words()} for you. Remove some, or try again in a few minutes."
    _UPLOADS(key="uploads", data={"words": words})
