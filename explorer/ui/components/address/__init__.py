"""Values in the address of the page: the edit, on pages without the editor, and what a page is at."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from explorer.ui.components import sources

_ADDRESS = st.components.v2.component("explorer_address", **sources("address"))


def address(values: Mapping[str, str], *, key: str) -> None:
    """Put values into the address by their names, "" to take one out: loading the page anew comes back to them."""
    _ADDRESS(key=key, data=dict(values))
