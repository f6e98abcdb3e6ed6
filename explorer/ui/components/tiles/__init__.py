"""Small pictures as buttons: the gallery, the faces of a photo, a grid of samples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st

from explorer.ui.components import sources

_TILES = st.components.v2.component("explorer_tiles", **sources("tiles"))


@dataclass(frozen=True)
class Tile:
    """One picture.

    Attributes:
        id: the argument of ``on_choose``.
        uri: its data address.
        alt: its text alternative.
        caption: a caption, or "".
        group: tiles of different groups are set apart on a shelf.
    """

    id: str
    uri: str
    alt: str
    caption: str = ""
    group: str = ""


@dataclass(frozen=True)
class Look:
    """How tiles are laid out.

    Attributes:
        tile: the width of a tile in CSS, in a line or a shelf.
        layout: "line" for one line that scrolls, "shelf" for two, "grid" for rows of ``columns`` tiles.
        columns: the number of columns of a grid.
        hint: the tooltip of all tiles, "" for the text alternative of each.
        captioned: whether the label of the tiles is shown above them.
    """

    tile: str = ""
    layout: str = "grid"
    columns: int = 1
    hint: str = ""
    captioned: bool = False


def tiles(
    entries: Sequence[Tile],
    *,
    key: str,
    label: str,
    on_choose: Callable[[str], None],
    look: Look,
    selected: str = "",
) -> None:
    """Show ``entries`` as buttons; ``label`` is their name, ``selected`` the id of the marked one.

    ``on_choose`` gets the id of the tile that was clicked; an id that is not among the entries is ignored.
    """
    known = {e.id for e in entries}

    def chosen() -> None:
        value = st.session_state[key].get("chosen")
        if isinstance(value, str) and value in known:
            on_choose(value)

    data = {"label": label, "selected": selected, **vars(look), "tiles": [vars(e) for e in entries]}
    _TILES(key=key, data=data, on_chosen_change=chosen)
