"""Widgets on the pages: their keys, and the data of the application's own components."""

from __future__ import annotations

import json
from typing import Any

from streamlit.testing.v1 import AppTest


def of_model(at: AppTest, key: str) -> str:
    """Return the key of a model-dependent widget for the model in use."""
    return f"{key} {at.session_state['desk'].recipe.model}"


def told(at: AppTest, key: str) -> dict[str, Any]:
    """Return the data of the component ``key``."""
    return json.loads(next(c.proto.json for c in at.get("bidi_component") if c.proto.id.endswith(f"-{key}")))


def photos(at: AppTest) -> list[str]:
    """Return the keys of the session's photos."""
    return list(at.session_state["desk"].photos)
