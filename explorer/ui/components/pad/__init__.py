"""A square of pictures between four corners, on which the visitor moves a dot."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from explorer.edits.messages import numbers
from explorer.pixels.lost_pictures import sheet
from explorer.ui.components import sources
from explorer.ui.components.received import received

_PAD = st.components.v2.component("explorer_pad", **sources("pad", "../place_sender", "pad"))
MIDDLE = (0.5, 0.5)


def pad(pictures: Sequence[np.ndarray], side: int, *, key: str, alt: str) -> tuple[float, float]:
    """Show ``side`` x ``side`` pictures, uint8 ``[H, W, 3]``, row by row from the upper left corner, as one square.

    Return the place of the dot as fractions of the sides, from the upper left corner.
    """
    data = {"side": side, "alt": alt, **sheet(pictures, side)}
    at = numbers(_PAD(key=key, data=data, on_at_change=lambda: None).get("at"), 2, 0.0, 1.0) or MIDDLE
    received({"at": at}, key=f"{key} received")  # in the pad's data, it would send all pictures again
    return at
