"""Map: a plane of faces where every place decodes."""

from __future__ import annotations

import numpy as np
import streamlit as st

from explorer.atlas import maps
from explorer.atlas.drawn_paths import evenly
from explorer.atlas.latent_map import COLUMNS, SHOWN_SIGMAS, LatentMap
from explorer.atlas.walk import Walk
from explorer.edits.recipe import PLACE_LIMIT, EditRecipe, RecipeError, Source
from explorer.pixels.pictures import data_uri, reduced, webp
from explorer.ui import state
from explorer.ui.components.address import address
from explorer.ui.components.film import film, save_film
from explorer.ui.components.plane import Chart, Sheet, plane, received
from explorer.ui.frame import Bench, intro, open_bench, open_in_edit, show_failure, warn_of_lost
from explorer.wording.labels import noun, ordered, words
from glowcore.errors import GlowcoreError
from glowcore.films import enlarge
from glowcore.grids import grid

THUMB = 32
SHEET_QUALITY = 70  # they are looked at in passing, and there are many
FRAMES = 33
ASPECT = 1.5  # of the plane, width to height
OUTLINES = " The solid line encloses the half of them that lie densest, the dashed one nine in ten."
GREY, WITH, WITHOUT = "#9a938a", "#e0762f", "#3b7dc4"


@st.cache_resource(max_entries=2, show_spinner=False)
def _sheet(name: str, stamp: str, _map: LatentMap) -> Sheet:
    thumbs = [reduced(p, THUMB) for p in _map.pictures]
    return Sheet(data_uri(grid(thumbs, columns=COLUMNS, gap=0), quality=SHEET_QUALITY), COLUMNS, thumbs[0].shape[0])


def reach(found: LatentMap) -> float:
    """How far the plane must show to each side for its points to be on it, but for one in a hundred far out.

    A few strangers would shrink all others to a heap in the middle; zooming out shows them.
    """
    far = [max(abs(x) / ASPECT, abs(y)) for x, y in found.places]
    return max(SHOWN_SIGMAS, min(1.04 * float(np.quantile(far, 0.99)), PLACE_LIMIT / ASPECT))


def groups_of(bench: Bench, found: LatentMap) -> tuple[list[int], list[str], list[str]]:
    """Group of every point, and words and colours of the groups, by the attribute chosen."""
    names = ordered(tuple(found.names))
    if not names:
        return [0] * len(found), [noun(bench.engine)], [WITH]
    start = names.index("Smiling") if "Smiling" in names else 0
    chosen = st.pills(
        "Colour by",
        names,
        default=names[start],
        format_func=lambda n: words(n).label,
        key=state.of_model("colour", bench.engine),
        persist_state="session",
        required=True,
        wrap=True,
    )
    text = words(chosen)
    groups = [{1: 0, 0: 1}.get(int(v), 2) for v in found.labels[:, list(found.names).index(chosen)]]
    return groups, [text.more, text.less, "unknown"], [WITH, WITHOUT, GREY]


def walk_of(bench: Bench) -> Walk:
    """Return where this session stands on the map of this model."""
    return st.session_state.get(_walk_key(bench), Walk())


def go(bench: Bench, walk: Walk) -> None:
    """Stand elsewhere on the map of this model."""
    st.session_state[_walk_key(bench)] = walk


def _walk_key(bench: Bench) -> str:
    return f"map_walk {bench.engine.name}"


def arrive(bench: Bench, found: LatentMap) -> None:
    """Begin where the address says, a place or the number of a face, if it is on the map."""
    try:
        source = Source("map", state.arrived_at("at"))
    except RecipeError:
        return
    if source.place:
        go(bench, Walk(spot=source.place))
    elif (index := int(source.value)) < len(found):
        go(bench, Walk(point=index, spot=found.places[index]))


def show_plane(bench: Bench, found: LatentMap, sheet: Sheet, start: Walk) -> None:
    """The plane itself; `start` is where the walk stood when the page was opened."""
    groups, labels, colors = groups_of(bench, found)
    plane(
        Chart(found.places, groups, labels, colors, sheet, found.outlines, reach(found)),
        key="plane",
        alt=f"Map of {len(found)} {noun(bench.engine)}s",
        start=start,
        on_walk=lambda walk: go(bench, walk),
    )


def explain(bench: Bench, found: LatentMap) -> None:
    """What the plane is."""
    st.caption(
        f"{len(found)} {noun(bench.engine)}s where they lie in the model's space, on the two directions in which they "
        f"differ most. These hold {found.explained:.1%} of all differences, so near neighbours need not look alike."
        + (OUTLINES if found.outlines else "")
    )


def shown(bench: Bench, found: LatentMap) -> None:
    """The face at the place, or the film of the path."""
    walk = walk_of(bench)
    if walk.path:
        frames = found.decode(bench.engine, evenly(walk.path, FRAMES))
        above = st.container()
        loop = save_film(frames, name="path", key="save_path")
        with above:
            film(frames, key="map_film", alt="Film along the drawn path", loop=loop)
        return
    source = walk.source
    if source.place is None:
        words_of = f"{noun(bench.engine).capitalize()} {source.value} of the map"
    else:
        x, y = source.place  # a click may have been farther out
        words_of = f"The {noun(bench.engine)} at {x:+.2f}, {y:+.2f}" if walk.spot else "The middle of the map"
    picture = maps.face_at(source, bench.engine)
    st.image(webp(enlarge(picture, 512)), alt=words_of, caption=words_of, width="stretch")
    warn_of_lost([picture])
    if st.button("Open in Edit", key="open_place", icon=":material/tune:"):
        open_in_edit(bench, EditRecipe(source, model=bench.engine.model_hash))


bench = open_bench()
intro(f"A map of {noun(bench.engine)}s", f"Every dot is a {noun(bench.engine)}; every place between them is one too.")
try:
    with st.skeleton(height=520):
        found = maps.map_of(bench.engine)
        thumbnails = _sheet(bench.engine.name, state.stamp_of(bench.engine.name), found)
except GlowcoreError as error:
    st.error(f"{error}; choose another model on the Models page.", title="This model's map cannot be read")
    st.stop()


@st.fragment
def panel(start: Walk) -> None:
    """The map and what it shows; runs alone."""
    left, right = st.columns([2, 1], gap="large")
    with left:
        show_plane(bench, found, thumbnails, start)
    explain(bench, found)  # below both: on a narrow screen what is shown comes first
    with right:
        try:
            shown(bench, found)
        except GlowcoreError as error:
            show_failure(error)
        received("plane")
    walk = walk_of(bench)
    address({"at": walk.source.value if walk.spot and not walk.path else ""}, key="map_address")


arrive(bench, found)
panel(walk_of(bench))
