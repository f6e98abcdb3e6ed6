"""Mix: from one face to another, level by level, or by arithmetic."""

from __future__ import annotations

import numpy as np
import streamlit as st

from explorer import movies
from explorer.pictures import enlarged, png, webp
from explorer.ui import shelf
from explorer.ui.components.film import film
from explorer.ui.frame import Bench, bench, intro

FRAMES = 25
SHOWN = 320


def steps(count: int) -> list[float]:
    """`count` places from 0 to 1, evenly."""
    return [i / (count - 1) for i in range(count)]


def level_label(level: int, count: int) -> str:
    """What a level holds, in words."""
    return {0: "finest: grain", count - 1: "coarsest: pose, light, hair"}.get(level, f"level {level + 1}")


def film_mode(table: Bench, pictures: list) -> None:
    """The way from A to B as a film."""
    engine = table.engine
    chosen_a, chosen_b = pictures[:2]
    left, right = st.columns([1.4, 1], gap="large")
    with right:
        path = st.segmented_control(
            "Path", ["Linear", "Spherical"], default="Spherical", key="path", required=True,
            help="The straight line, or the arc that stays as far from the centre as its ends, where the model is at home.",
        )
        levels = list(range(engine.num_levels))
        walking = st.pills(
            "What changes", levels, default=levels, selection_mode="multi", key="walking",
            format_func=lambda i: level_label(i, engine.num_levels),
            help="Levels left out stay as they are in A.",
        )
    frames = engine.film(
        shelf.encoded(table, chosen_a), shelf.encoded(table, chosen_b), steps(FRAMES), path == "Spherical", sorted(walking)
    )
    with left:
        film(frames, key="film", alt=f"From picture A to picture B, {path.lower()}")
    with right:
        save_film(frames)


def save_film(frames: list[np.ndarray]) -> None:
    """The film as a file, there and back so that it loops."""
    st.markdown("**Save the film**")
    loop = st.toggle("There and back", value=True, key="loop", help="An endless loop without a jump")
    sequence = movies.there_and_back(frames) if loop else frames
    with st.container(horizontal=True):
        st.download_button(
            "MP4", data=lambda: movies.mp4(sequence), file_name="film.mp4", mime="video/mp4", key="save_mp4",
            icon=":material/movie:", on_click="ignore",
        )
        st.download_button(
            "GIF", data=lambda: movies.gif(sequence), file_name="film.gif", mime="image/gif", key="save_gif",
            icon=":material/gif_box:", on_click="ignore",
        )


def levels_mode(table: Bench, pictures: list) -> None:
    """Each level from A or from B."""
    engine = table.engine
    left, right = st.columns([1.4, 1], gap="large")
    with right:
        st.caption("Each level of the result is taken from A or from B.")
        from_b = [
            level
            for level in reversed(range(engine.num_levels))
            if st.segmented_control(
                level_label(level, engine.num_levels).capitalize(), ["A", "B"], key=f"level_{level}", required=True,
                default="A" if level == engine.num_levels - 1 else "B",
            )
            == "B"
        ]
    result = engine.mixed(shelf.encoded(table, pictures[0]), shelf.encoded(table, pictures[1]), from_b)
    with left:
        equation([("A", shelf.picture(table, pictures[0])), ("B", shelf.picture(table, pictures[1])), ("Mixed", result)], "+=")
    with right:
        save_picture(result)


def arithmetic_mode(table: Bench, pictures: list) -> None:
    """What A has and B has not, given to C."""
    left, right = st.columns([1.4, 1], gap="large")
    with right:
        st.caption("What A has and B has not, given to C. Best with A and B alike in everything else.")
        amount = st.slider("How much", -2.0, 2.0, 1.0, 0.1, key="amount")
    a, b, c = (shelf.encoded(table, p) for p in pictures)
    result = table.engine.analogy(a, b, c, amount)
    parts = [(n, shelf.picture(table, p)) for n, p in zip("CAB", (pictures[2], pictures[0], pictures[1]), strict=True)]
    with left:
        equation([*parts, ("Result", result)], "+−=")
    with right:
        save_picture(result)


def equation(parts: list[tuple[str, np.ndarray]], signs: str) -> None:
    """Pictures in a row with signs between."""
    widths = [w for _ in parts for w in (1, 0.12)][:-1]
    columns = st.columns(widths, vertical_alignment="center", gap="small")
    for index, (name, picture) in enumerate(parts):
        columns[2 * index].image(
            webp(enlarged(picture, SHOWN)), caption=name, alt=f"Picture {name} of the equation", width="stretch"
        )
    for index, sign in enumerate(signs):
        columns[2 * index + 1].markdown(f"### {sign}")


def save_picture(picture: np.ndarray) -> None:
    """One result as PNG."""
    st.download_button(
        "Save PNG", data=lambda: png(picture), file_name="mix.png", mime="image/png", key="save_mix",
        icon=":material/download:", on_click="ignore",
    )


MODES = {"Film": (film_mode, "AB"), "Levels": (levels_mode, "AB"), "A − B + C": (arithmetic_mode, "ABC")}

table = bench()
head, upload = st.columns([1.6, 1], gap="large", vertical_alignment="center")
with head:
    intro("Between faces", "Walk from one face to another, swap single levels, or do arithmetic with faces.")
    mode = st.segmented_control("Mode", list(MODES), default="Film", key="mix_mode", required=True, label_visibility="collapsed")
with upload:
    shelf.add_photos(table, "mix_upload")
show, slots = MODES[mode]
shown = shelf.entries(table)
chosen = [shelf.slot(table, name, shown, start) for start, name in enumerate(slots)]
show(table, chosen)
