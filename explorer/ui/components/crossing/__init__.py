"""A table of pictures over two axes, as buttons with names and values at the edges."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from explorer.ui.components import in_dialog

_CROSSING = st.components.v2.component("explorer_crossing", **in_dialog("crossing"))


def crossing(
    pictures: Sequence[tuple[str, str]],
    across: tuple[str, Sequence[str]],
    down: tuple[str, Sequence[str]],
    *,
    key: str,
    label: str,
    selected: int | None,
    on_choose: Callable[[int], None],
) -> None:
    """Show a table of pictures.

    Args:
        pictures: the data address and the text alternative of each, row by row.
        across: the name of the horizontal axis, and its value at each picture.
        down: the same for the vertical axis.
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
        "across": across,
        "down": down,
        "pictures": [{"uri": uri, "alt": alt} for uri, alt in pictures],
        "selected": selected,
    }
    _CROSSING(key=key, data=data, on_chosen_change=chosen)
