"""Choices among options: one that always has a value, and two that differ."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import streamlit as st

T = TypeVar("T")


def required_choice(
    widget: Callable[..., T], label: str, options: Sequence[T], *, key: str, start: T, **arguments: Any
) -> T:
    """Show a widget that chooses one of ``options``; return the choice.

    Where the session holds another value or none, which ``required=True`` alone does not exclude while one rerun
    overtakes another, ``start`` is chosen instead, on the page as well.

    Args:
        widget: ``st.pills`` or ``st.segmented_control``.
        label: the label of the widget.
        options: the values to choose from.
        key: the session key of the widget.
        start: the value that is chosen at first.
        arguments: further arguments of the widget, but not ``default``.
    """
    if st.session_state.get(key) not in options:
        st.session_state[key] = start
    return widget(label, options, key=key, required=True, **arguments)


def exchange(changed: str, other: str, before: str) -> None:
    """Give the choice ``other`` the value that ``changed`` had ``before``, if it was given that of ``other``.

    Both may be "". For ``on_change`` of a widget, with the session keys of both and the present value.
    """
    if st.session_state[changed] == st.session_state[other] != "":
        st.session_state[other] = before
