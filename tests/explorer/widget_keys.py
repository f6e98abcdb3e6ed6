"""The keys of widgets on the pages."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest


def of_model(at: AppTest, key: str) -> str:
    """The key of a widget that each model has its own of, for the model in use."""
    return f"{key} {at.session_state['desk'].recipe.model}"
