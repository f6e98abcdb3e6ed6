"""Map: a plane of faces where every place decodes."""

from __future__ import annotations

import streamlit as st

from explorer import maps
from explorer.latent_map import COLUMNS, REACH, LatentMap
from explorer.paths import evenly
from explorer.pictures import data_uri, reduced, webp
from explorer.recipe import Source
from explorer.ui import state
from explorer.ui.components.film import film, film_button
from explorer.ui.components.plane import Sheet, plane
from explorer.ui.frame import Bench, bench, intro
from explorer.words import words
from glowcore.errors import GlowcoreError
from glowcore.films import enlarge
from glowcore.grids import grid

THUMB = 32
FRAMES = 33
GREY, WITH, WITHOUT = "#9a938a", "#e0762f", "#3b7dc4"


@st.cache_resource(max_entries=2, show_spinner=False)
def _sheet(name: str, stamp: str, _map: LatentMap) -> Sheet:
    thumbs = [reduced(p, THUMB) for p in _map.pictures]
    return Sheet(data_uri(grid(thumbs, columns=COLUMNS, gap=0)), COLUMNS, thumbs[0].shape[0])


def groups_of(found: LatentMap) -> tuple[list[int], list[str], list[str]]:
    """Group of every point, and words and colours of the groups, by the attribute chosen."""
    names = list(found.names)
    if not names:
        return [0] * len(found), ["picture"], [WITH]
    start = names.index("Smiling") if "Smiling" in names else 0
    chosen = st.pills(
        "Colour by", names, default=names[start], format_func=lambda n: words(n).label, key="colour", required=True
    )
    text = words(chosen)
    groups = [{1: 0, 0: 1}.get(int(v), 2) for v in found.labels[:, names.index(chosen)]]
    return groups, [text.more, text.less, "unknown"], [WITH, WITHOUT, GREY]


def chart(table: Bench, found: LatentMap, sheet_of: Sheet) -> None:
    """The plane itself."""
    walk = st.session_state.setdefault("map_walk", {"point": None, "spot": None, "path": []})
    groups, labels, colors = groups_of(found)

    def set_walk(**values) -> None:
        st.session_state["map_walk"] = {"point": None, "spot": None, "path": []} | values

    plane(
        found.places,
        groups,
        sheet_of,
        key="plane",
        reach=REACH,
        colors=colors,
        labels=labels,
        spot=walk["spot"],
        path=walk["path"],
        alt=f"Map of {len(found)} faces",
        on_point=lambda i: set_walk(point=i, spot=found.places[i]),
        on_spot=lambda p: set_walk(spot=p),
        on_path=lambda p: set_walk(path=p),
    )
    st.caption(
        f"{len(found)} faces where they lie in the model's space, on the two directions in which they differ most "
        f"({found.explained:.1%} of all differences). The axes are in standard deviations."
    )


def shown(table: Bench, found: LatentMap) -> None:
    """The face at the place, or the film of the path."""
    walk = st.session_state["map_walk"]
    if walk["path"]:
        frames = found.decode(table.engine, evenly(walk["path"], FRAMES))
        film(frames, key="map_film", alt="Film along the drawn path")
        film_button(frames, "mp4", loop=True, name="path", key="save_path")
        return
    if walk["point"] is not None:
        source, words_of = Source("map", str(walk["point"])), f"Face {walk['point']} of the map"
    else:
        x, y = walk["spot"] or (0.0, 0.0)
        source = Source("map", f"{x:.2f},{y:.2f}")
        words_of = f"The face at {x:+.2f}, {y:+.2f}" if walk["spot"] else "The middle of the map"
    picture = maps.face_at(source, table.engine, table.gallery)
    st.image(webp(enlarge(picture, 512)), alt=words_of, caption=words_of, width="stretch")
    if st.button("Open in Edit", key="open_place", icon=":material/tune:", type="primary"):
        table.desk.start_from(source)
        st.switch_page(state.EDIT_PAGE)


table = bench()
intro("A map of faces", "Every dot is a face; every place between them is one too.")
try:
    stamp = state.stamp_of(table.engine.name)
    found = maps.map_of(table.engine, table.gallery)
except GlowcoreError as error:
    st.error(f"{error}.", title="This model's map cannot be read")
    st.stop()


@st.fragment
def panel() -> None:
    """The map and what it shows; runs alone."""
    left, right = st.columns([2, 1], gap="large")
    with left:
        chart(table, found, _sheet(table.engine.name, stamp, found))
    with right:
        shown(table, found)


panel()
