"""An acknowledgement to the browser, apart from the data of the component that it is for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from explorer.ui.components import HERE

_RECEIVED = st.components.v2.component(
    "explorer_received", js=(HERE / "received" / "received.js").read_text(encoding="utf-8")
)


def received(acknowledgement: Mapping[str, Any], *, key: str) -> None:
    """Dispatch the event ``explorer-received`` with ``acknowledgement`` in the browser."""
    _RECEIVED(key=key, data=acknowledgement)
