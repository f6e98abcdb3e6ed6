"""The dialog of the Edit page that shows a grid of two attributes."""

from __future__ import annotations

import streamlit as st

from explorer.pixels.pictures import data_uri
from explorer.ui.components.crossing import crossing
from explorer.ui.downloads import download, stem
from explorer.ui.file_names import file_name
from explorer.ui.frame import Bench, show_failure, warn_of_lost
from explorer.ui.required import exchange, required_choice
from explorer.views.two_attributes import TwoAttributes, first_choice, offered
from explorer.wording.labels import brief_strength, words
from glowcore.errors import GlowcoreError

ACROSS, DOWN = "grid_across", "grid_down"
SHOWN = "grid_shown"  # session key of the attributes of the last grid, across and down
REACHES = (1, 2, 3)
TITLE = "Grid of two attributes"


def grid_button(bench: Bench) -> None:
    """Show the button that opens the dialog; nothing if fewer than two attributes are unlocked."""
    if len(offered(bench.desk.recipe, bench.engine)) < 2:
        return
    if st.button(TITLE, key="grid", icon=":material/grid_on:", help="How two sliders work together on this face"):
        _dialog(bench)


@st.dialog(TITLE, width="medium")
def _dialog(bench: Bench) -> None:
    if st.session_state.pop("grid_chosen", False):
        st.rerun()  # closes the dialog; the editor shows the chosen picture
    st.caption("Click a picture to go on from there. All other sliders, and the locks, stay as they are.")
    chosen = _choose(bench)
    try:
        _show(bench, chosen)
    except GlowcoreError as error:
        show_failure(error)


def _choose(bench: Bench) -> TwoAttributes:
    """Let the visitor choose two different attributes and the range of their strengths."""
    state, recipe = st.session_state, bench.desk.recipe
    names = offered(recipe, bench.engine)
    candidates = ((state.get(ACROSS), state.get(DOWN)), state.get(SHOWN, (None,)), first_choice(recipe, names))
    state[ACROSS], state[DOWN] = next(pair for pair in candidates if set(pair) <= set(names))
    left, middle, right = st.columns([1, 1, 0.9])
    for place, label, key, other in ((left, "Across", ACROSS, DOWN), (middle, "Down", DOWN, ACROSS)):
        args = (key, other, state[key])
        place.selectbox(label, names, key=key, format_func=lambda n: words(n).label, on_change=exchange, args=args)
    reach = required_choice(
        right.segmented_control,
        "Strengths",
        REACHES,
        start=2,
        key="grid_reach",
        persist_state="session",
        format_func=lambda r: f"± {r}",
        help="How far both go to either side, in standard deviations as on the sliders",
    )
    state[SHOWN] = (state[ACROSS], state[DOWN])
    return TwoAttributes.of(recipe, *state[SHOWN], reach)


def _show(bench: Bench, chosen: TwoAttributes) -> None:
    """Show the pictures and the button that saves them."""
    desk, engine = bench.desk, bench.engine
    pictures = chosen.pictures(engine, desk.picture(desk.recipe, engine))
    recipes = chosen.recipes

    def choose(index: int) -> None:
        desk.move({axis.name: recipes[index].strength(axis.name) for axis in (chosen.across, chosen.down)})
        st.session_state["grid_chosen"] = True

    across, down = chosen.labels
    crossing(
        list(zip(map(data_uri, pictures), chosen.alts, strict=True)),
        (across, list(map(brief_strength, chosen.across.strengths))),
        (down, list(map(brief_strength, chosen.down.strengths))),
        key="grid_pictures",
        label=f"{across} across, {down} down",
        selected=recipes.index(desk.recipe) if desk.recipe in recipes else None,
        on_choose=choose,
    )
    warn_of_lost(pictures)
    download(
        "Save grid as PNG",
        f"{file_name(desk, stem('grid', across, down))}.png",
        lambda: chosen.to_png(pictures),
        key="save_grid",
    )
