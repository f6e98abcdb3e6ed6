"""A table of pictures over two axes, as buttons with names and values at the edges."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st

from explorer.ui.components import in_dialog

_CROSSING = st.components.v2.component("explorer_crossing", **in_dialog("crossing"))


@dataclass(frozen=True)
class Edge:
    """One axis: its name, and its value at each picture."""

    name: str
    values: Sequence[str]


def crossing(
    pictures: Sequence[tuple[str, str]],
    across: Edge,
    down: Edge,
    *,
    key: str,
    label: str,
    selected: int | None,
    on_choose: Callable[[int], None],
) -> None:
    """Show a table of pictures.

    Args:
        pictures: the data address and the text alternative of each, row by row.
        across: the horizontal axis.
        down: the vertical axis.
        key: the key of the component.
        label: the name of the table for a screen reader.
        selected: the index of the marked picture, if any.
        on_choose: called with the index of the picture that was clicked.
    """

    def chosen() -> None:
        value = st.session_state[key].get("chosen")
        if isinstance(value, int) and 0 <= value < len(pictures):
            on_choose(value)

    data = {
        "label": label,
        "across": vars(across),
        "down": vars(down),
        "pictures": [{"uri": uri, "alt": alt} for uri, alt in pictures],
        "selected": selected,
    }
    _CROSSING(key=key, data=data, on_chosen_change=chosen)
