"""Small pictures as buttons: the gallery, the faces of a photo, a grid of samples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st

from explorer.ui.components import sources

_TILES = st.components.v2.component("explorer_tiles", **sources("tiles"))


@dataclass(frozen=True)
class Tile:
    """One picture: the argument of ``on_choose``, its data address, its text alternative, and a caption or ""."""

    id: str
    uri: str
    alt: str
    caption: str = ""


@dataclass(frozen=True)
class Look:
    """How tiles are laid out.

    Attributes:
        tile: the width of a tile in CSS.
        layout: "line" for one line that scrolls, "shelf" for two, "" to wrap as they fit.
        columns: the number of columns, 0 for ``layout``.
        hint: the tooltip of all tiles, "" for the text alternative of each.
    """

    tile: str = "4.5rem"
    layout: str = ""
    columns: int = 0
    hint: str = ""


WRAPPED = Look()


def tiles(
    entries: Sequence[Tile],
    *,
    key: str,
    label: str,
    on_choose: Callable[[str], None],
    selected: str = "",
    look: Look = WRAPPED,
) -> None:
    """Show ``entries`` as buttons; ``label`` is their name for a screen reader, ``selected`` the id of the marked one.

    ``on_choose`` gets the id of the tile that was clicked; an id that is not among the entries is ignored.
    """
    known = {e.id for e in entries}

    def chosen() -> None:
        value = st.session_state[key].get("chosen")
        if isinstance(value, str) and value in known:
            on_choose(value)

    data = {
        "label": label,
        "layout": "fixed" if look.columns else look.layout,
        "tile": look.tile,
        "columns": look.columns or 1,
        "selected": selected,
        "hint": look.hint,
        "tiles": [{"id": e.id, "uri": e.uri, "alt": e.alt, "caption": e.caption} for e in entries],
    }
    _TILES(key=key, data=data, on_chosen_change=chosen)
