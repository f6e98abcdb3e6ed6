"""The editor: a large picture before and after, live sliders, locks, undo and a readout."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from explorer.ui.components import sources

SCRIPTS = ("../wire", "edit_wire", "stage", "photo", "views", "panel", "frames", "readout", "editor")
_EDITOR = st.components.v2.component("explorer_editor", **sources("editor", *SCRIPTS))


def editor(
    view: dict[str, Any], *, key: str, on_message: Callable[[Any], None], on_face: Callable[[Any], None]
) -> None:
    """Show the editor.

    Args:
        view: the data from ``explorer.session.editor_view.editor_view``.
        key: the key of the component.
        on_message: called with each message of the browser before the page reruns; see
            ``explorer.edits.actions.reduce``.
        on_face: called with the number of a face of the user's photo when its frame is clicked; not validated.
    """

    def changed() -> None:
        on_message(st.session_state[key].get("request"))

    def chosen() -> None:
        on_face(st.session_state[key].get("face"))

    _EDITOR(key=key, data=view, on_request_change=changed, on_face_change=chosen)
