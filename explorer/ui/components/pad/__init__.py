"""A square between four pictures, walked over in the browser."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from explorer.pictures import data_uri, lost
from explorer.ui.components import sources
from explorer.words import LOST
from glowcore.grids import grid

_PAD = st.components.v2.component("explorer_pad", **sources("pad"))


def pad(pictures: Sequence[np.ndarray], side: int, *, key: str, alt: str) -> None:
    """Show `side` x `side` pictures (uint8 [H, W, 3], row by row from the upper left corner) as one square."""
    data = {
        "uri": data_uri(grid(pictures, columns=side, gap=0)),
        "side": side,
        "alt": alt,
        "lost": lost(pictures),
        "lostWords": LOST,
    }
    _PAD(key=key, data=data)
