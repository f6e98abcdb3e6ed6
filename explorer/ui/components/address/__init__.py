"""The edit in the address of the page, for pages that have no editor to put it there."""

from __future__ import annotations

import streamlit as st

from explorer.ui.components import sources

_ADDRESS = st.components.v2.component("explorer_address", **sources("address"))


def address(token: str) -> None:
    """Put a recipe's token into the address: loading the page anew comes back to this edit with its model."""
    _ADDRESS(key="address", data={"token": token})
