"""A film that is scrubbed and played in the browser."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from explorer.pictures import data_uri, sheet
from explorer.ui.components import sources

_FILM = st.components.v2.component("explorer_film", **sources("film"))
COLUMNS = 8


def film(frames: Sequence[np.ndarray], *, key: str, alt: str) -> None:
    """Show frames (uint8 [H, W, 3], one size) as one film; `alt` says what it shows."""
    columns = min(COLUMNS, len(frames))
    _FILM(key=key, data={"uri": data_uri(sheet(frames, columns)), "columns": columns, "count": len(frames), "alt": alt})
