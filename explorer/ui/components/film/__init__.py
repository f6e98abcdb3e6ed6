"""A film that the browser plays and scrubs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from explorer.edits.messages import numbers
from explorer.pixels.lost_pictures import sheet
from explorer.ui.components import sources
from explorer.ui.components.received import received
from explorer.ui.downloads import download
from explorer.views import export
from glowcore.films import RATE

_FILM = st.components.v2.component("explorer_film", **sources("film", "../place_sender", "film"))
COLUMNS = 8


def film(frames: Sequence[np.ndarray], *, key: str, alt: str, loop: bool, buttons: str) -> int:
    """Show frames, uint8 ``[H, W, 3]`` of one size, as a film; return the index of the frame where it last stopped.

    It plays as ``save_film`` writes it: there and back with ``loop``, else one way. A new film plays once by itself,
    unless the visitor has moved the one before it or prefers reduced motion. Frames that are not finite are marked.

    Args:
        frames: the frames.
        key: the key of the component.
        alt: the text alternative.
        loop: whether it plays there and back.
        buttons: the key of the container with the buttons that save the returned frame. The film stops when one of
            them is about to be pressed, and a click waits until the page shows that frame's buttons.
    """
    columns = min(COLUMNS, len(frames))
    data = {"columns": columns, "count": len(frames), "alt": alt, "rate": RATE, "loop": loop, "buttons": buttons}
    place = _FILM(key=key, data={**data, **sheet(frames, columns)}, on_place_change=lambda: None).get("place")
    (share,) = numbers([place], 1, 0.0, 1.0) or (0.0,)
    received({"place": share}, key=f"{key} received")  # in the film's data, it would send all frames again
    return round(share * (len(frames) - 1))


def save_film(frames: Sequence[np.ndarray], *, name: str, key: str) -> bool:
    """Show buttons that save the frames as ``name``.mp4, .gif or .zip; return whether the film plays there and back.

    Each file is made when its button is pressed.
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
                lambda kind=kind: export.film_file(frames, kind, loop=loop),
                key=f"{key}_{kind}",
                icon=icon,
                what=f"Enlarged to {export.SIDES[kind]} pixels.",
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
