"""A heat map of a square table of numbers between -1 and 1."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from explorer.ui.components import sources

_MATRIX = st.components.v2.component("explorer_matrix", **sources("matrix"))


def matrix(labels: Sequence[str], values: Sequence[Sequence[float]], *, key: str, caption: str) -> None:
    """Show ``values``, a row and a column for each label; ``caption`` describes the table to a screen reader."""
    _MATRIX(key=key, data={"labels": labels, "values": values, "caption": caption})
