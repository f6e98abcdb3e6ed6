"""The map as a plane to walk on: points to open, empty places to decode, paths to film."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

import streamlit as st

from explorer.ui.components import sources

_PLANE = st.components.v2.component("explorer_plane", **sources("plane"))
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

    The data hold all little pictures; while they stay the same, Streamlit does not send them again.
    """

    def went() -> None:
        message: Any = st.session_state[key].get("went")
        if not isinstance(message, dict):
            return
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
        "reach": reach,
        "colors": colors,
        "labels": labels,
        "legend": list(zip(labels, colors, strict=True)),
        "spot": spot,
        "path": path,
        "alt": alt,
    }
    _PLANE(key=key, data=data, on_went_change=went)


def _point(value: Any) -> Point | None:
    if not isinstance(value, list) or len(value) != 2:
        return None
    if not all(isinstance(v, int | float) and not isinstance(v, bool) and isfinite(v) for v in value):
        return None
    x, y = (min(max(float(v), -100.0), 100.0) for v in value)
    return x, y
