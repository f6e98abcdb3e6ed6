"""A film that is scrubbed and played in the browser."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from explorer.edits.messages import numbers
from explorer.pixels.lost_pictures import sheet
from explorer.ui.components import sources
from explorer.ui.downloads import download
from explorer.views import export
from glowcore.films import RATE

_FILM = st.components.v2.component("explorer_film", **sources("film"))
COLUMNS = 8


def film(frames: Sequence[np.ndarray], *, key: str, alt: str, loop: bool) -> int:
    """Show frames (uint8 [H, W, 3], one size) as one film, lost ones marked; `alt` says what it shows.

    It plays as `save_film` writes it: `loop` there and back, else one way. Gives the index of the frame on which it
    was stopped last.
    """
    columns = min(COLUMNS, len(frames))
    data = {"columns": columns, "count": len(frames), "alt": alt, "rate": RATE, "loop": loop}
    place = _FILM(key=key, data={**data, **sheet(frames, columns)}, on_place_change=lambda: None).get("place")
    (share,) = numbers([place], 1, 0.0, 1.0) or (0.0,)
    return round(share * (len(frames) - 1))


def save_film(frames: Sequence[np.ndarray], *, name: str, key: str) -> bool:
    """Buttons that save the frames as `name`.mp4, .gif or .zip; each file is made when its button is pressed.

    Gives whether the film goes there and back.
    """
    loop = st.toggle(
        "There and back",
        value=True,
        key=f"{key}_loop",
        persist_state="session",
        help="An endless loop without a jump, here and in the saved film",
    )
    with st.container(horizontal=True):
        for kind, icon in (("mp4", "movie"), ("gif", "gif_box")):
            download(
                f"Save {kind.upper()}",
                f"{name}.{kind}",
                lambda kind=kind: export.film(frames, kind, loop=loop),
                key=f"{key}_{kind}",
                icon=icon,
            )
        download(
            "Save PNGs",
            f"{name}.zip",
            lambda: export.frames_zip(frames),
            key=f"{key}_frames",
            icon="folder_zip",
            what="Every frame from the first on as a picture of its own, at the model's size, in a ZIP archive.",
        )
    return loop
