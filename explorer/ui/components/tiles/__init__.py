"""Small pictures to choose one from: the gallery, the faces in a photo, a grid of samples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st

from explorer.ui.components import sources

_TILES = st.components.v2.component("explorer_tiles", **sources("tiles"))


@dataclass(frozen=True)
class Tile:
    """One picture: what `on_choose` is called with, its data address, its text alternative, a caption or ""."""

    id: str
    uri: str
    alt: str
    caption: str = ""


def tiles(
    entries: Sequence[Tile],
    *,
    key: str,
    label: str,
    on_choose: Callable[[str], None],
    selected: str = "",
    tile: str = "4.5rem",
    layout: str = "",
    columns: int = 0,
    hint: str = "",
) -> None:
    """Show `entries` as buttons, wrapped as they fit, or in `columns`.

    `layout` "line" puts them in one line that scrolls, "shelf" in two.

    `on_choose` gets the id of the tile clicked; an id that is not among the entries is ignored.
    """
    known = {e.id for e in entries}

    def chosen() -> None:
        value = st.session_state[key].get("chosen")
        if isinstance(value, str) and value in known:
            on_choose(value)

    data = {
        "label": label,
        "layout": "fixed" if columns else layout,
        "tile": tile,
        "columns": columns or 1,
        "selected": selected,
        "hint": hint,
        "tiles": [{"id": e.id, "uri": e.uri, "alt": e.alt, "caption": e.caption} for e in entries],
    }
    _TILES(key=key, data=data, on_chosen_change=chosen)
