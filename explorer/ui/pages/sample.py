"""The Sample page: pictures that the model samples."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

import numpy as np
import streamlit as st

from explorer.catalogue.temperatures import from_link, to_text
from explorer.edits.recipe import SEED_LIMIT, TEMPERATURE_LIMIT, EditRecipe, Source
from explorer.pixels.pictures import data_uri, png
from explorer.ui import state
from explorer.ui.components.address import address
from explorer.ui.components.tiles import Look, Tile, tiles
from explorer.ui.downloads import save_picture, stem
from explorer.ui.frame import Bench, caution, intro, open_bench, open_in_edit, plain, reserved, warn_of_lost
from explorer.ui.memo import remembered
from explorer.ui.required import required_choice
from explorer.ui.state import starting_at
from explorer.wording.labels import level_label, noun
from glowcore import grids
from glowcore.films import enlarge

MODES = ["Grid", "Over temperatures"]
SIDES = [3, 4, 5, 6]
ROW_TEMPERATURES = [0.0, 0.2, 0.4, 0.6, 0.7, 0.8, 1.0, TEMPERATURE_LIMIT]
ROW_SEEDS = 4
EVERY = -1
SHOWN = 256  # pixels, of each picture of a large sheet
FIELD = 200  # pixels
INTRO = "Every picture here is drawn by the model. Click one to edit it."
Temperature = tuple[float, ...]


def edit(bench: Bench, seed: int, temperature: Temperature, label: int) -> None:
    """Open a sampled picture in Edit."""
    source = Source("seed", str(seed), label=label)
    open_in_edit(bench, EditRecipe(source, temperature=temperature, model=bench.engine.model_hash))


def temperature_controls(bench: Bench) -> Temperature:
    """Let the visitor choose one temperature, or one for each level; return them finest level first."""
    engine = bench.engine
    initial = from_link(state.arrived_at("temperature"), engine.num_levels) or engine.temperature
    above = st.container()
    by_level = st.toggle(
        "A temperature for each level",
        key=starting_at(state.of_model("by_level", engine), len(initial) > 1),
        persist_state="session",
        disabled=engine.num_levels < 2,
    )
    with above:  # it stays, switched off, beside the sliders of the levels: the switch stays under the mouse
        whole = st.slider(
            "Temperature",
            0.0,
            TEMPERATURE_LIMIT,
            step=0.05,
            key=starting_at(state.of_model("temperature", engine), initial[-1]),
            persist_state="session",
            disabled=by_level,
            help=f"How far from the average {noun(engine)} samples may go: 0 is the average itself, 1 is what the "
            f"model has learnt. This model's author recommends {to_text(engine.temperature)}.",
        )
        st.caption("Low: calm and alike. High: varied and wilder.")
    starts = initial if len(initial) > 1 else initial * engine.num_levels
    chosen = []
    with reserved():
        for level in reversed(range(engine.num_levels if by_level else 0)):
            label = level_label(engine, level)
            key = starting_at(state.of_model(f"temperature_{level}", engine), starts[level])
            chosen.append(st.slider(label, 0.0, TEMPERATURE_LIMIT, step=0.05, key=key, persist_state="session"))
    return tuple(reversed(chosen)) if by_level else (whole,)


def seed_controls(bench: Bench) -> int:
    """Let the visitor choose the first seed; the others follow it.

    It starts at the seed in the address, else at the first one that the model's author recommends, else at 0.
    """
    best, last, linked = bench.engine.imagined, SEED_LIMIT - 1000, state.arrived_at("seed")
    start = int(linked) if re.fullmatch("[0-9]{1,10}", linked) else best[0].seed if best else 0
    key = starting_at(state.of_model("seed", bench.engine), str(min(start, last)))
    in_use = f"{key} in use"

    def roll() -> None:
        st.session_state[key] = str(random.randrange(100_000))

    def typed() -> None:
        text = st.session_state[key].strip()
        if re.fullmatch("[0-9]{1,10}", text) and int(text) <= last:
            st.session_state[key] = str(int(text))
        else:
            st.session_state[key] = st.session_state[in_use]
            problem = f"“{text:.40}” was not taken" if text else "No number was typed"
            st.session_state["seed_refused"] = f"{problem}; expected a whole number from 0 to {last}."

    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):  # wraps on a narrow screen
        # A number field would keep a number beyond its range without a request, and turn "1e5" into 1.
        st.text_input(
            f"Number of the first {noun(bench.engine)}",
            key=key,
            persist_state="session",
            width=FIELD,
            help=f"Each number, called a seed, always gives the same {noun(bench.engine)}; the others follow it.",
            on_change=typed,
        )
        # A letter without Alt would not work while a toggle or a text field has the focus.
        st.button("New", key="new_seed", icon=":material/casino:", on_click=roll, width="content", shortcut="alt+n")
    with reserved():
        if refusal := st.session_state.pop("seed_refused", ""):
            caution(plain(refusal))
    st.session_state[in_use] = st.session_state[key]
    return int(st.session_state[key])


def class_control(bench: Bench) -> int | None:
    """Let the visitor choose a class; return None for each in turn, 0 for a model without classes."""
    names, linked = bench.engine.class_names, state.arrived_at("class")
    if not names:
        return 0
    start = int(linked) if linked in map(str, range(len(names))) else EVERY
    chosen = required_choice(
        st.pills,
        "What to draw",
        [EVERY, *range(len(names))],
        format_func=lambda k: "each in turn" if k == EVERY else names[k],
        key=state.of_model("label", bench.engine),
        start=start,
        persist_state="session",
        wrap=True,
        help="The model was trained with the names of its classes and draws the one it is asked for.",
    )
    return None if chosen == EVERY else int(chosen)


def sampled(bench: Bench, seeds: list[int], labels: list[int], temperature: Temperature) -> list[np.ndarray]:
    """Sample a picture for each seed and class; each class is one batch."""
    pictures: dict[int, np.ndarray] = {}
    for label in sorted(set(labels)):
        batch = [s for s, k in zip(seeds, labels, strict=True) if k == label]
        pictures |= zip(batch, bench.engine.sample(batch, temperature, label), strict=True)
    return [pictures[s] for s in seeds]


def grid(bench: Bench, side: int, first: int, temperature: Temperature, label: int | None, name: str) -> None:
    """Show a square of samples at one temperature, ``side`` in a row; ``name`` begins the name of a saved file."""
    names = bench.engine.class_names
    seeds = list(range(first, first + side * side))
    labels = [i % len(names) if label is None else label for i in range(len(seeds))]
    key = (bench.engine.model_hash, *seeds, *labels, *temperature)
    pictures = remembered("samples", key, lambda: sampled(bench, seeds, labels, temperature))
    entries = [
        Tile(str(s), data_uri(p), f"Sampled {names[k] if names else noun(bench.engine)}, seed {s}")
        for s, k, p in zip(seeds, labels, pictures, strict=True)
    ]
    show(bench, entries, side, lambda i: edit(bench, int(i), temperature, labels[seeds.index(int(i))]))
    warn_of_lost(pictures)
    save(bench, pictures, side, stem(name, *(f"{t:g}" for t in temperature)))


def row(bench: Bench, first: int, label: int | None, name: str) -> None:
    """Show a few seeds from temperature 0 to 1.2, one seed per row; ``name`` as in ``grid``."""
    entries: list[Tile] = []
    pictures: list[np.ndarray] = []
    seeds = list(range(first, first + ROW_SEEDS))
    count = len(bench.engine.class_names)
    labels = [i % count if label is None else label for i in range(ROW_SEEDS)]
    columns = remembered(
        "temperatures",
        (bench.engine.model_hash, *seeds, *labels),
        lambda: [sampled(bench, seeds, labels, (t,)) for t in ROW_TEMPERATURES],
    )
    for index in range(ROW_SEEDS):
        for t, column in zip(ROW_TEMPERATURES, columns, strict=True):
            pictures.append(column[index])
            seed = first + index
            caption = f"{t:.1f}" if index == ROW_SEEDS - 1 else ""
            entries.append(Tile(f"{seed}:{t}", data_uri(column[index]), f"Seed {seed} at temperature {t:.1f}", caption))

    def chosen(i: str) -> None:
        seed, t = i.split(":")
        edit(bench, int(seed), (float(t),), labels[seeds.index(int(seed))])

    show(bench, entries, len(ROW_TEMPERATURES), chosen)
    warn_of_lost(pictures)
    save(bench, pictures, len(ROW_TEMPERATURES), stem(name, "temperatures"))


def show(bench: Bench, entries: list[Tile], columns: int, on_choose: Callable[[str], None]) -> None:
    """Show pictures as buttons."""
    tiles(
        entries,
        key="samples",
        label=f"Sampled {noun(bench.engine)}s",
        on_choose=on_choose,
        look=Look(columns=columns, hint="Open in Edit"),
    )


def save(bench: Bench, pictures: list[np.ndarray], columns: int, name: str) -> None:
    """Show the buttons that save all pictures as one PNG."""

    def sheet(side: int) -> bytes:
        return png(grids.grid([enlarge(picture, side) for picture in pictures], columns=columns))

    with st.container(horizontal=True):
        save_picture(
            sheet,
            bench.engine,
            name,
            key="save_samples",
            label="Save pictures",
            large=SHOWN,
            what=f"All pictures in one PNG, each enlarged to {SHOWN} pixels.",
            exact=f"Every picture at {min(bench.engine.image_size)} px",
            exact_what="All pictures in one PNG, with the model's own pixels.",
        )


bench = open_bench()
left, right = st.columns([1, 2.1], gap="large")
with left:
    intro(f"{noun(bench.engine).capitalize()}s from nothing", INTRO)
    mode = required_choice(
        st.segmented_control,
        "Show",
        MODES,
        key="mode",
        start=MODES[state.arrived_at("show") == "temperatures"],
        persist_state="session",
        wrap=True,
        label_visibility="collapsed",
    )
    label = class_control(bench)
    first_seed = seed_controls(bench)
    shown = {"seed": str(first_seed), "class": str(label) if bench.engine.class_names and label is not None else ""}
    if mode == "Grid":
        temperatures = temperature_controls(bench)
        linked = state.arrived_at("side")
        start = int(linked) if linked in map(str, SIDES) else 4
        side = required_choice(
            st.segmented_control, "Pictures per row", SIDES, key="side", start=start, persist_state="session"
        )
        shown |= {"temperature": to_text(temperatures), "side": str(side), "show": ""}
    else:
        shown |= {"temperature": "", "side": "", "show": "temperatures"}
        st.caption("Each row has one number; temperature grows from 0 on the left to 1.2 on the right.")
with right:
    drawn = bench.engine.class_names[label] if shown["class"] else ""
    name = stem("sample", drawn, "seed", str(first_seed))
    if mode == "Grid":
        grid(bench, side, first_seed, temperatures, label, name)
    else:
        row(bench, first_seed, label, name)
address(shown, key="sample_address")
