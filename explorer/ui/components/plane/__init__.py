"""The map as a plane in the browser: pictures to open, places to decode, paths to film."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from explorer.edits.messages import NO_MESSAGE, acknowledgement, newer, numbers
from explorer.edits.recipe import Source
from explorer.ui.components import sources
from explorer.ui.components.received import received

_PLANE = st.components.v2.component("explorer_plane", **sources("plane", "../wire", "view", "plane"))
LONGEST_PATH = 2000  # points that are read of a drawn path


Point = tuple[float, float]


@dataclass(frozen=True)
class Walk:
    """A position on the map of a model, or a path on it.

    Attributes:
        point: index of the picture that was chosen, None for a place between the pictures.
        spot: the place, in units of the map; None before one was chosen.
        path: the places of a drawn line, empty where none was drawn.
    """

    point: int | None = None
    spot: Point | None = None
    path: tuple[Point, ...] = ()

    def source(self, axes: tuple[str, str]) -> Source:
        """Return the face here, on a map with these axes: of the picture, of the place, or of the map's middle."""
        x, y = self.spot or (0.0, 0.0)
        return Source("map", f"{x:.2f},{y:.2f}" if self.point is None else str(self.point), axes=axes)


@dataclass(frozen=True)
class Chart:
    """What the plane shows, under the names of its JavaScript.

    Attributes:
        points: the place of each picture.
        groups: the group of each picture, an index into ``labels`` and ``colors``.
        labels: the name of each group.
        colors: the CSS colour of each group.
        uri: thumbnails of all points in their order, one image of square tiles.
        columns: tiles in a row of that image.
        side: side of a tile in pixels.
        outlines: lines round the densest half of the points, and round nine in ten; empty for no lines.
        reach: distance from the middle to the edge of the plane.
        few: most points in view that are drawn as thumbnails.
        here: the place of the present edit, None where it has no picture.
        ends: the words at the left, right, lower and upper edge, "" for none.
        name: the name of the map, for which the browser keeps the part that is shown.
        alt: the text alternative.
    """

    points: Sequence[Point]
    groups: Sequence[int]
    labels: Sequence[str]
    colors: Sequence[str]
    uri: str
    columns: int
    side: int
    outlines: Sequence[Sequence[Sequence[Point]]]
    reach: float
    few: int
    here: Point | None
    ends: Sequence[str]
    name: str
    alt: str


def plane(chart: Chart, *, key: str, start: Walk, on_walk: Callable[[Walk], None]) -> None:
    """Show a chart, with the place and path of ``start`` marked; call ``on_walk`` when the visitor goes elsewhere.

    The chart holds all thumbnails; Streamlit sends its data again only when they change. Every message is handled once;
    the browser holds the next one back until ``acknowledge`` acknowledges it.
    """

    def went() -> None:
        message: Any = st.session_state[key].get("went")
        number = newer(message, st.session_state.get(_number_key(key), NO_MESSAGE))
        if number is None:
            return
        st.session_state[_number_key(key)] = number
        walk = _walk(message, chart.points)
        if walk is not None:
            on_walk(walk)

    data = {**vars(chart), "spot": start.spot, "path": list(start.path)}
    _PLANE(key=key, data=data, on_went_change=went)


def acknowledge(key: str) -> None:
    """Acknowledge the last message of the plane; call it last in the plane's part of the page."""
    last = st.session_state.get(_number_key(key), NO_MESSAGE)
    received(acknowledgement(last), key=_number_key(key) + " ack")


def _walk(message: dict[str, Any], points: Sequence[Point]) -> Walk | None:
    """Return the position that a message of the browser holds, None for a malformed one; an empty path clears it."""
    index = message.get("point")
    if isinstance(index, int) and not isinstance(index, bool) and 0 <= index < len(points):
        return Walk(point=index, spot=tuple(points[index]))
    if (spot := _point(message.get("spot"))) is not None:
        return Walk(spot=spot)
    if isinstance(message.get("path"), list):
        path = tuple(p for p in map(_point, message["path"][:LONGEST_PATH]) if p is not None)
        return Walk(path=path) if len(path) > 1 or not message["path"] else None
    return None


def _number_key(key: str) -> str:
    return f"{key} received"


def _point(value: Any) -> Point | None:
    return numbers(value, 2, -100.0, 100.0)
