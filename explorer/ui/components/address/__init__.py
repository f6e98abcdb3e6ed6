"""Query parameters of the address: the edit, on pages without the editor, and the settings of a page."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from explorer.ui.components import sources

_ADDRESS = st.components.v2.component("explorer_address", **sources("address"))


def address(values: Mapping[str, str], *, key: str) -> None:
    """Set query parameters, "" to remove one, so that reloading the page restores them."""
    _ADDRESS(key=key, data=dict(values))
