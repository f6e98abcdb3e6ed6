"""The Map page: pictures on a plane of two attributes; a place between them shows a blend of the nearest."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

import numpy as np
import streamlit as st

from explorer.atlas import maps
from explorer.atlas.arrangement import Arrangement
from explorer.atlas.blending import film_along, nearest
from explorer.atlas.latent_map import MAP_FILE, SHOWN_SIGMAS, LatentMap
from explorer.atlas.sheet import COLUMNS
from explorer.edits.recipe import MAIN_AXES, PLACE_LIMIT, RecipeError, Source
from explorer.pixels.pictures import data_uri, reduced, webp
from explorer.ui import shelf, state
from explorer.ui.components.address import address
from explorer.ui.components.film import film, save_film
from explorer.ui.components.plane import Chart, Point, Walk, acknowledge, plane
from explorer.ui.downloads import keep_picture, stem
from explorer.ui.frame import Bench, intro, open_bench, show_failure, warn_of_lost
from explorer.ui.memo import remembered
from explorer.ui.required import exchange
from explorer.wording.labels import noun, ordered, percent, strength, words
from glowcore.errors import GlowcoreError
from glowcore.films import enlarge
from glowcore.grids import grid

THUMB = 32
SHEET_QUALITY = 70  # of many small thumbnails
ASPECT = 1.5  # of the plane, width to height
FEW = 60  # points that the plane shows as thumbnails
ROW = 760  # pixels, of the choices
GREY, WITH, WITHOUT = "#9a938a", "#e0762f", "#3b7dc4"
Axes = tuple[str, str]
KEEP = "place"  # in the keys of the buttons for the picture shown
MAIN = "-"  # in the address, of an axis that is a component
AXES = ("Smiling", "Male")  # at first, across and up
AXIS_LABELS = ("Across", "Up")
COMPONENTS = ("the direction of the model's space in which {0}s vary most", "that in which they vary second most")


@st.cache_resource(max_entries=2, show_spinner=False)
def _sheet(key: tuple[str, ...], _map: LatentMap) -> dict[str, str | int]:
    """Return the thumbnails of a map, the fields ``uri``, ``columns`` and ``side`` of a ``Chart``."""
    thumbs = [reduced(p, THUMB) for p in _map.pictures]
    uri = data_uri(grid(thumbs, columns=COLUMNS, gap=0), quality=SHEET_QUALITY)
    return {"uri": uri, "columns": COLUMNS, "side": thumbs[0].shape[0]}


def reach(places: np.ndarray) -> float:
    """Return how far the plane shows to each side: 99 % of the points are on it.

    A few outliers would crowd all other points in the middle; zooming out shows them. A map of few points shows all of
    them, as thumbnails, which need a margin.
    """
    distances = np.abs(places / (ASPECT, 1)).max(1)
    if len(distances) <= FEW:
        return max(SHOWN_SIGMAS, 1.2 * float(distances.max()))
    return max(SHOWN_SIGMAS, min(1.04 * float(np.quantile(distances, 0.99)), PLACE_LIMIT / ASPECT))


def choice(title: str, names: Sequence[str], *, key: str, start: str, other: str = "") -> str:
    """Let the visitor choose one of the attributes ``names``, but not that of the choice with the key ``other``.

    "" stands for the main variation.
    """
    if st.session_state.get(key) not in names:
        st.session_state[key] = start
    return st.selectbox(
        title,
        names,
        key=key,
        format_func=lambda name: words(name).label if name else "Main variation",
        persist_state="session",
        on_change=exchange if other else None,
        args=(key, other, st.session_state[key]),
    )


def choices(bench: Bench, latent_map: LatentMap, axes: Sequence[str]) -> tuple[Axes, str]:
    """Let the visitor choose two of ``axes`` and the attribute that colours the dots, "" where there are no labels."""
    colours = ordered(latent_map.names)
    across = up = colour = ""
    with st.container(horizontal=True, width=ROW):
        if axes:
            keys, starts = axis_keys(bench), [name if name in axes else "" for name in AXES]
            across, up = (
                choice(title, ["", *axes], key=key, start=start, other=other)
                for title, key, start, other in zip(AXIS_LABELS, keys, starts, reversed(keys), strict=True)
            )
        if colours:
            start = AXES[0] if AXES[0] in colours else colours[0]
            colour = choice("Colour", colours, key=colour_key(bench), start=start)
    return (across, up), colour


def groups_of(bench: Bench, latent_map: LatentMap, colour: str) -> tuple[list[int], list[str], list[str]]:
    """Return the group of every point by its label of ``colour``, and labels and colours of the groups."""
    if not colour:
        return [0] * len(latent_map), [noun(bench.engine)], [WITH]
    text = words(colour)
    groups = [{1: 0, 0: 1}.get(int(v), 2) for v in latent_map.labels[:, list(latent_map.names).index(colour)]]
    return groups, [text.more, text.less, "unknown"], [WITH, WITHOUT, GREY]


def walk_of(bench: Bench, axes: Axes) -> Walk:
    """Return where this session stands on the map of this model with these axes."""
    return st.session_state.get(_walk_key(bench, axes), Walk())


def go(bench: Bench, axes: Axes, walk: Walk) -> None:
    """Set where this session stands on the map of this model with these axes."""
    st.session_state[_walk_key(bench, axes)] = walk


def _walk_key(bench: Bench, axes: Axes) -> str:
    return " ".join(["map_walk", *maps.key_of(bench.engine), *axes])


def arrive(bench: Bench, names: Sequence[str]) -> str:
    """Choose the axes in the address if ``names`` has them; return the place or the number of a face in it, or "".

    A place without axes is one of the components, as in a link of before maps could be arranged.
    """
    value, across, up = (state.arrived_at(name) for name in ("at", "across", "up"))
    if "," in value and not (across or up):
        across = up = MAIN
    possible = {MAIN: "", **{name: name for name in names}}
    if across in possible and up in possible:
        st.session_state.update(zip(axis_keys(bench), (possible[across], possible[up]), strict=True))
        return value
    return "" if "," in value else value


def start_at(value: str, bench: Bench, latent_map: LatentMap, axes: Axes) -> None:
    """Start at a place "x,y" or the number of a face, if it is one."""
    try:
        source = Source("map", value)
    except RecipeError:
        return
    if source.place:
        go(bench, axes, Walk(spot=source.place))
    elif (index := int(source.value)) < len(latent_map):
        go(bench, axes, Walk(point=index, spot=tuple(latent_map.arranged(axes).places[index].tolist())))


def axis_keys(bench: Bench) -> list[str]:
    """Return the session keys of the two choices of an axis."""
    return [state.of_model(f"axis_{label}", bench.engine) for label in AXIS_LABELS]


def colour_key(bench: Bench) -> str:
    """Return the session key of the choice of the colour."""
    return state.of_model("colour", bench.engine)


def beside(bench: Bench) -> list[str | None]:
    """Return the three choices, offered or not, beside the plane; a change reruns the page (see ``in_fragment``)."""
    return [st.session_state.get(key) for key in (*axis_keys(bench), colour_key(bench))]


def place_of_edit(bench: Bench, latent_map: LatentMap, axes: Axes) -> Point | None:
    """Return the place of the present edit on the map, None if its picture cannot be made.

    A blend that was opened from the map and not edited has the place where it was opened; its encoding lies elsewhere.
    """
    recipe = bench.desk.recipe
    if recipe.source.place and recipe.source.axes == axes and not recipe.moves:
        return recipe.source.place
    try:
        return latent_map.place_of(shelf.encoded(bench, shelf.EDIT), axes, bench.engine.attributes)
    except GlowcoreError:
        return None


def show_plane(
    bench: Bench, latent_map: LatentMap, arranged: Arrangement, colour: str, start: Walk, here: Point | None
) -> None:
    """Show the plane; ``start`` is where the session stood when the page was opened, ``here`` the place of its edit."""
    groups, labels, colors = groups_of(bench, latent_map, colour)
    ends = [end for axis in arranged.axes for end in ends_of(axis)]
    left, right, low, high = ends
    sides = [f"from {left} on the left to {right} on the right"] * bool(left)
    sides += [f"from {low} at the bottom to {high} at the top"] * bool(low)
    chart = Chart(
        points=arranged.places.tolist(),
        groups=groups,
        labels=labels,
        colors=colors,
        **_sheet(maps.key_of(bench.engine), latent_map),
        outlines=arranged.outlines,
        reach=reach(arranged.places),
        few=FEW,
        here=here,
        ends=ends,
        name=" ".join([bench.engine.name, *arranged.axes]),
        alt=", ".join([f"Map of {len(latent_map):,} {noun(bench.engine)}s", *sides]),
    )
    plane(chart, key=plane_key(arranged.axes), start=start, on_walk=lambda walk: go(bench, arranged.axes, walk))


def plane_key(axes: Axes) -> str:
    """Return the key of the plane: with other axes it is another one, which starts at its own place."""
    return " ".join(["plane", *(axis or MAIN for axis in axes)])


def ends_of(axis: str) -> tuple[str, str]:
    """Return what the two ends of an axis mean, ("", "") for a component."""
    if not axis:
        return "", ""
    text = words(axis)
    what = f" {text.label.lower()}" if text.less in ("without", "less") else ""
    return text.less + what, text.more + what


def explain(bench: Bench, latent_map: LatentMap, axes: Axes) -> None:
    """Show what the axes are."""
    name = noun(bench.engine)
    across, up = (
        f"their {words(axis).label.lower()} score" if axis else component.format(name)
        for axis, component in zip(axes, COMPONENTS, strict=True)
    )
    share = percent(latent_map.explained, 1)
    st.caption(
        f"{len(latent_map):,} {name}s, placed from left to right by {across}, and upwards by {up}."
        + (f" These two hold {share} of all variation, so neighbours need not look alike." * (axes == MAIN_AXES))
    )


def show_face(bench: Bench, latent_map: LatentMap, axes: Axes, here: Point | None) -> None:
    """Show the face at the place, or the film along the path; at first, the face nearest to ``here``."""
    walk = walk_of(bench, axes)
    if walk == Walk():  # the blend in the middle would look like nobody
        indices, _ = nearest(latent_map.arranged(axes).places, here or (0.0, 0.0))
        walk = Walk(point=int(indices[0]))
    if walk.path:
        show_film(bench, latent_map, walk.path, axes)
        return
    source = walk.source(axes)
    if source.place is None:
        caption = f"{noun(bench.engine).capitalize()} {source.value} of the map"
    else:
        x, y = source.place  # clamped, unlike the place of the click
        caption = f"A blend at {strength(x)}, {strength(y)}"
    picture = maps.face_at(source, bench.engine)
    st.image(webp(enlarge(picture, 512)), alt=caption, caption=caption, width="stretch")
    warn_of_lost([picture])
    keep_picture(bench, lambda: picture, stem("map", source.value), key=KEEP, source=source)


def show_film(bench: Bench, latent_map: LatentMap, path: tuple[Point, ...], axes: Axes) -> None:
    """Show the film along a path, with buttons that keep it or the frame on which it stands."""
    key = (maps.key_of(bench.engine), path, axes)
    frames = remembered("path", key, lambda: film_along(bench.engine, latent_map, path, axes))
    above = st.container()
    loop = save_film(frames, name="path", key="save_path")
    st.caption("The address does not keep the path: save the film.")
    with above:
        shown = film(frames, key="map_film", alt="Film along the drawn path", loop=loop, buttons=f"keep_{KEEP}")
    st.caption("The picture on show, by itself:")
    place = round(100 * shown / (len(frames) - 1))
    keep_picture(bench, lambda: frames[shown], stem("map", f"path-{place}"), key=KEEP)


bench = open_bench()
name = noun(bench.engine)
intro(f"A map of {name}s", f"Every dot is a {name}; a place between dots is a blend of the {name}s nearest to it.")
try:
    with st.skeleton(height=520):
        latent_map = maps.map_of(bench.engine)
except GlowcoreError as error:
    st.error(f"{error}; choose another model on the Models page.", title="This model's map cannot be used")
    st.stop()
if latent_map.sheet is None and (bench.engine.folder / MAP_FILE).is_file():
    remake = f"python -m explorer map --model {shlex.quote(bench.engine.name)} --data FACES --force"
    st.info(f"This model has changed since its map was made, so a small one is shown. `{remake}` makes it again.")


@st.fragment
def panel(axes: Axes, colour: str, start: Walk, here: Point | None, shown: list[str | None]) -> None:
    """The fragment with the plane and its face, which reruns alone; ``shown`` is ``beside`` as the page shows it."""
    if shown != beside(bench):
        st.rerun()
    arranged = latent_map.arranged(axes)
    left, right = st.columns([1.5, 1], gap="large")
    with left:
        show_plane(bench, latent_map, arranged, colour, start, here)
    explain(bench, latent_map, axes)  # below both columns: on a narrow screen the face comes first
    with right:
        try:
            show_face(bench, latent_map, axes, here)
        except GlowcoreError as error:
            show_failure(error)
        acknowledge(plane_key(axes))
    walk = walk_of(bench, axes)
    across, up = (name or MAIN for name in axes) if latent_map.scored else ("", "")
    at = walk.source(axes).value if walk.spot and not walk.path else ""
    address({"at": at, "across": across, "up": up}, key="map_address")


offered = ordered(latent_map.axes_of(bench.engine.attributes))
arrived = arrive(bench, offered)
axes, colour = choices(bench, latent_map, offered)
start_at(arrived, bench, latent_map, axes)
panel(axes, colour, walk_of(bench, axes), place_of_edit(bench, latent_map, axes), beside(bench))
