"""A film that is scrubbed and played in the browser."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from explorer import export
from explorer.pictures import data_uri, lost
from explorer.ui.components import sources
from explorer.ui.downloads import download
from explorer.words import LOST
from glowcore.grids import grid

_FILM = st.components.v2.component("explorer_film", **sources("film"))
COLUMNS = 8


def film(frames: Sequence[np.ndarray], *, key: str, alt: str) -> None:
    """Show frames (uint8 [H, W, 3], one size) as one film, lost ones marked; `alt` says what it shows."""
    columns = min(COLUMNS, len(frames))
    data = {
        "uri": data_uri(grid(frames, columns=columns, gap=0)),
        "columns": columns,
        "count": len(frames),
        "alt": alt,
        "lost": lost(frames),
        "lostWords": LOST,
    }
    _FILM(key=key, data=data)


def film_button(frames: Sequence[np.ndarray], kind: str, *, loop: bool, name: str, key: str) -> None:
    """A button that saves the frames as `name`.mp4 or `name`.gif; the file is made when it is pressed."""
    download(
        f"Save {kind.upper()}",
        f"{name}.{kind}",
        lambda: export.film(frames, kind, loop=loop),
        key=key,
        icon={"mp4": "movie", "gif": "gif_box"}[kind],
    )
