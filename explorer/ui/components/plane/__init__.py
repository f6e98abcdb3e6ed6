"""The map as a plane to walk on: points to open, empty places to decode, paths to film."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from explorer.edits.messages import NO_MESSAGE, acknowledgement, newer, numbers
from explorer.ui.components import HERE, sources

_PLANE = st.components.v2.component("explorer_plane", **sources("plane", "view", "plane"))
_RECEIVED = st.components.v2.component(
    "explorer_received", js=(HERE / "plane" / "received.js").read_text(encoding="utf-8")
)
Point = tuple[float, float]


@dataclass(frozen=True)
class Sheet:
    """The little pictures shown when the mouse is on a point: all on one sheet of square tiles."""

    uri: str
    columns: int
    side: int


def plane(
    points: Sequence[Point],
    groups: Sequence[int],
    sheet: Sheet,
    outlines: Sequence[Sequence[Sequence[Point]]],
    *,
    key: str,
    reach: float,
    colors: Sequence[str],
    labels: Sequence[str],
    spot: Point | None,
    path: Sequence[Point],
    alt: str,
    on_point: Callable[[int], None],
    on_spot: Callable[[Point], None],
    on_path: Callable[[list[Point]], None],
) -> None:
    """Show `points`, coloured by `groups` (index into `colors` and `labels`), with the `spot` and `path` to begin with.

    `outlines` are the lines round the densest half of the points, and round nine in ten; none for no such lines.
    The data hold all little pictures; while they stay the same, Streamlit does not send them again. Every message is
    dealt with once; the browser keeps the next one back until `received` says so.
    """

    def went() -> None:
        message: Any = st.session_state[key].get("went")
        number = newer(message, st.session_state.get(_place(key), NO_MESSAGE))
        if number is None:
            return
        st.session_state[_place(key)] = number
        index = message.get("point")
        if isinstance(index, int) and not isinstance(index, bool) and 0 <= index < len(points):
            on_point(index)
        elif (place := _point(message.get("spot"))) is not None:
            on_spot(place)
        elif isinstance(message.get("path"), list):
            walked = [p for p in map(_point, message["path"][:2000]) if p is not None]
            if len(walked) > 1:
                on_path(walked)

    data = {
        "points": points,
        "groups": groups,
        "uri": sheet.uri,
        "columns": sheet.columns,
        "side": sheet.side,
        "outlines": outlines,
        "reach": reach,
        "colors": colors,
        "labels": labels,
        "spot": spot,
        "path": path,
        "alt": alt,
    }
    _PLANE(key=key, data=data, on_went_change=went)


def received(key: str) -> None:
    """Tell the plane that its last message has been dealt with; the last thing its part of the page does."""
    last = st.session_state.get(_place(key), NO_MESSAGE)
    _RECEIVED(key=_place(key) + " ack", data=acknowledgement(last))


def _place(key: str) -> str:
    return f"{key} received"


def _point(value: Any) -> Point | None:
    return numbers(value, 2, -100.0, 100.0)
