"""Placing the eyes by hand, for a photo without a detected face or with the wrong one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import streamlit as st

from explorer.edits.messages import numbers
from explorer.edits.recipe import Source
from explorer.pixels.pictures import data_uri, reduced
from explorer.portraits.photos import Photo
from explorer.ui.components import in_dialog

_EYES = st.components.v2.component("explorer_eyes", **in_dialog("eyes"))
SIDE = 1600


def eyes(
    photo: np.ndarray,
    *,
    key: str,
    opener: str,
    on_place: Callable[[tuple[float, ...]], None],
    found: tuple[float, ...] = (),
) -> None:
    """Show a photo, uint8 ``[H, W, 3]``, on which the visitor places both eyes by clicks or by the keyboard.

    ``on_place`` gets x, y, x, y as fractions of the sides. The button with the key ``opener``, which opened the dialog,
    gets the focus back. ``found`` is ``eyes_of`` the present edit, which are marked.
    """

    def placed() -> None:
        points = numbers(st.session_state[key].get("placed"), 4, 0.0, 1.0)
        if points is not None:
            on_place(points)

    _EYES(
        key=key,
        data={
            "uri": data_uri(reduced(photo, SIDE)),
            "alt": "Your photo, to place the eyes",
            "aspect": photo.shape[1] / photo.shape[0],
            "opener": opener,
            "found": [found[:2], found[2:]] if found else [],
        },
        on_placed_change=placed,
    )


def eyes_of(photo: Photo, source: Source) -> tuple[float, ...]:
    """Return x, y, x, y of the eyes that align ``source``, as fractions of the photo's sides; () for the centre."""
    if source.eyes or not 0 <= source.face < len(photo.found):
        return source.eyes
    height, width = photo.picture.shape[:2]
    return tuple((photo.found[source.face].landmarks[:2] / (width, height)).ravel().tolist())
