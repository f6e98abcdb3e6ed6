"""Widgets on the pages: their keys, and what the application's own ones are told."""

from __future__ import annotations

import json
from typing import Any

from streamlit.testing.v1 import AppTest


def of_model(at: AppTest, key: str) -> str:
    """The key of a widget that each model has its own of, for the model in use."""
    return f"{key} {at.session_state['desk'].recipe.model}"


def told(at: AppTest, key: str) -> dict[str, Any]:
    """What the component `key` shows."""
    return json.loads(next(c.proto.json for c in at.get("bidi_component") if c.proto.id.endswith(f"-{key}")))


def photos(at: AppTest) -> list[str]:
    """The keys of the photos at hand."""
    return list(at.session_state["desk"].photos)
