"""The Mix page: interpolation, level mixing and arithmetic with pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import streamlit as st

from explorer.edits.recipe import NO_FILE
from explorer.engines.results import Encoded
from explorer.pixels.pictures import webp
from explorer.ui import shelf, state
from explorer.ui.components.address import address
from explorer.ui.components.film import film, save_film
from explorer.ui.components.pad import pad
from explorer.ui.components.tiles import Tile
from explorer.ui.downloads import keep_picture, stem
from explorer.ui.frame import Bench, caution, intro, open_bench, reserved, warn_of_lost
from explorer.ui.memo import remembered
from explorer.ui.required import required_choice
from explorer.views import mixing
from explorer.wording.labels import level_label, noun
from glowcore.films import RATE, enlarge

SECONDS = [2, 4, 8]  # of a film from the first to the last stop
PAD = 7
MOST_STOPS = 5
BETWEEN = "/"  # the places in an address; no file name has it
SHOWN = 320
TERM = 96  # pixels, width of a term
ARITHMETIC = "arithmetic"


def film_mode(bench: Bench, chosen: list[str], name: str, stage, panel) -> None:
    """Show the film from A to B and through further stops."""
    engine = bench.engine
    with panel:
        more = st.expander("More")
    with more:
        with st.container(horizontal=True, gap="large"):
            path = required_choice(
                st.segmented_control,
                "Path",
                ["Linear", "Spherical"],
                start="Spherical",
                key="path",
                persist_state="session",
                help="The straight line, or the arc that keeps its distance from the centre, where pictures are.",
            )
            seconds = required_choice(
                st.segmented_control,
                "Length",
                SECONDS,
                start=SECONDS[0],
                key="seconds",
                persist_state="session",
                format_func=lambda length: f"{length} s",
                help=f"One way, at {RATE} frames a second.",
            )
        levels = list(reversed(range(engine.num_levels)))
        walking = st.pills(
            "What changes",
            levels,
            default=levels,
            selection_mode="multi",
            key=state.of_model("walking", engine),
            persist_state="session",
            wrap=True,
            format_func=lambda level: level_label(engine, level),
            help="Levels left out stay as they are in A.",
        )
    with panel, reserved():
        if not walking:
            caution("Nothing changes: choose at least one level under “More”.")
    stops = encoded(bench, chosen, panel)
    stretch = seconds * RATE // (len(stops) - 1)  # frames
    key = (engine.model_hash, *(s.key for s in stops), path, stretch, *sorted(walking))
    frames = remembered(
        "film",
        key,
        lambda: mixing.journey(engine, stops, stretch, path == "Spherical", sorted(walking)),
    )
    with panel:
        loop = save_film(frames, name=name, key="save")
    way = f"Film from picture A to picture {'ABCDE'[len(chosen) - 1]}, {path.lower()} path"
    with stage:
        frame = film(frames, key="film", alt=way, loop=loop, buttons="keep_mix")
    with panel:
        st.caption("The picture on show, by itself:")
        percent = round(100 * frame / (len(frames) - 1))
        keep(bench, chosen, lambda: frames[frame], f"{name}-{percent}")


def levels_mode(bench: Bench, chosen: list[str], name: str, stage, panel) -> None:
    """Take each level from A or from B."""
    engine = bench.engine
    with panel:
        st.caption("Each part of the result is taken from A or from B.")
        from_b = [
            level
            for level in reversed(range(engine.num_levels))
            if required_choice(
                st.segmented_control,
                level_label(engine, level),
                ["A", "B"],
                key=state.of_model(f"level_{level}", engine),
                start="B" if level == engine.num_levels - 1 else "A",
                persist_state="session",
            )
            == "B"
        ]
    a, b = encoded(bench, chosen, panel)
    result = mixing.mixed(engine, a, b, from_b)
    with stage:
        equation([("A", a.picture), ("B", b.picture), ("Mixed", result)], [""])
    with panel:
        taken = "".join("B" if level in from_b else "A" for level in reversed(range(engine.num_levels)))
        keep(bench, chosen, lambda: result, f"{name}-levels-{taken}")


def arithmetic_mode(bench: Bench, chosen: list[str], name: str, stage, panel) -> None:
    """Show A − B + C."""
    with panel:
        st.caption("What A has and B has not, given to C. Works best with A and B alike in everything else.")
        amount = st.slider("How much", -2.0, 2.0, 1.0, 0.1, key="amount", persist_state="session")
    a, b, c = (shelf.encoded(bench, p) for p in chosen)
    with panel, reserved():
        if a.key == b.key:
            caution("A and B are the same picture, so C stays as it is: choose another for one of them.")
        elif b.key == c.key:
            caution("B and C are the same picture, so A itself comes out at 1: choose another for one of them.")
    result = mixing.analogy(bench.engine, a, b, c, amount)
    with stage:
        equation([("A", a.picture), ("B", b.picture), ("C", c.picture), ("Result", result)], ["−", "+"])
    with panel:
        keep(bench, chosen, lambda: result, f"{name}-{amount:.1f}")


def corners_mode(bench: Bench, chosen: list[str], name: str, stage, panel) -> None:
    """Show the square between four pictures."""
    ends = encoded(bench, chosen, panel)
    key = (bench.engine.model_hash, *(e.key for e in ends))
    pictures = remembered("corners", key, lambda: mixing.corners(bench.engine, *ends, side=PAD))
    with panel:
        st.caption("Drag over the picture: the nearer to a corner, the more of its picture. Arrow keys work too.")
    with stage:
        place = pad(pictures, PAD, key="pad", alt="Between four pictures")
    with panel:
        right, down = (round(100 * share) for share in place)
        keep(bench, chosen, lambda: mixing.within(bench.engine, *ends, place), f"{name}-{right}-{down}")


def encoded(bench: Bench, chosen: list[str], panel) -> list[Encoded]:
    """Encode the pictures of tiles; warn if all are the same picture."""
    ends = [shelf.encoded(bench, c) for c in chosen]
    with panel, reserved():
        if len({end.key for end in ends}) == 1:
            caution("All places hold the same picture: choose another for one of them, or add one with “Add photos”.")
    return ends


def equation(parts: list[tuple[str, np.ndarray]], signs: list[str]) -> None:
    """Show the result, the last of ``parts``, large; below it the other parts, small, with signs between them."""
    *terms, (name, result) = parts
    with st.container(gap="xsmall", key="equation"):
        st.image(webp(enlarge(result, 2 * SHOWN)), caption=name, alt=name, width="stretch")
        warn_of_lost([result])
        with st.container(horizontal=True, gap="small", horizontal_alignment="center", key="terms"):
            for sign, (term, picture) in zip(("", *signs), terms, strict=True):
                caption = f"{sign} {term}".strip()
                st.image(webp(enlarge(picture, SHOWN)), caption=caption, alt=f"Picture {term}", width=TERM)


def starts(bench: Bench, entries: list[Tile], mode: str, slots: str) -> list[str]:
    """Return the ids of the tiles that the places A, B, C ... hold until something is chosen.

    The order is the edit, then photos, then the gallery. The original of the edit is left out: without moves it is the
    same picture. Arithmetic starts with the edit and its original, so that A − B is the visible change of the edit. A
    place whose picture was chosen for another place takes the next one.
    """
    original, known = shelf.unedited(bench), [t.id for t in entries]
    others = [i for i in known if i not in (shelf.EDIT, original)]
    first = [shelf.EDIT, original] if mode == ARITHMETIC and bench.desk.recipe.moves else [shelf.EDIT]
    defaults = [*first, *others, *[known[-1]] * MOST_STOPS]
    result = [shelf.chosen(name, entries) for name in slots]
    for index, start in enumerate(defaults[: len(slots)]):
        if result[index] is None:
            used = {fixed(bench, identity) for identity in result}
            result[index] = next((i for i in (start, *defaults) if fixed(bench, i) not in used), start)
    return result


def fixed(bench: Bench, identity: str | None) -> str | None:
    """Return the id of a tile, of an edit without moves that of its original: it is the same picture."""
    return shelf.unedited(bench) if identity == shelf.EDIT and not bench.desk.recipe.moves else identity


def into(slots: str) -> Callable[[str], None]:
    """Return a callback that puts two or more photos that are added at once into the places from A on."""
    added: list[str] = []

    def put(identity: str) -> None:
        added.append(identity)
        if len(added) > 1:
            shelf.fill(zip(slots, added, strict=False))

    return put


def keep(bench: Bench, chosen: list[str], picture: Callable[[], np.ndarray], name: str) -> None:
    """Show the buttons that open a result, made of the tiles ``chosen``, in Edit, or save it as the PNG ``name``.

    Opened in Edit, the result is the present edit. The places keep their pictures for the way back, except that of an
    edit with moves: it follows the present edit.
    """

    def hold_places() -> None:
        shelf.fill((name, fixed(bench, identity)) for name, identity in zip("ABCDE", chosen, strict=False))

    keep_picture(bench, picture, name, key="mix", photos=shelf.photos_in(bench, chosen), on_open=hold_places)


def arrive() -> tuple[str, int]:
    """Put the pictures of the address into their places; return the mode and the number of stops to start with."""
    linked, places = state.arrived_at("mix"), state.arrived_at("places")
    identities = places.split(BETWEEN)[:MOST_STOPS] if places else []
    if identities:
        st.session_state["mix_asked"] = dict(zip("ABCDE", identities, strict=False))
        shelf.fill(st.session_state["mix_asked"].items())
    return linked if linked in MODES else "film", max(2, len(identities))


def absent_photos(slots: str, entries: list[Tile]) -> dict[str, str]:
    """Return the places whose photo in the address is missing, and for which nothing else was chosen.

    A picture that was mixed here is no file that could be added again.
    """
    asked = {
        name: identity
        for name, identity in st.session_state.get("mix_asked", {}).items()
        if identity.startswith(shelf.PHOTO) and not identity.startswith(shelf.PHOTO + NO_FILE)
    }
    return {
        name: asked[name]
        for name in slots
        if name in asked and shelf.kept(name) == asked[name] and shelf.chosen(name, entries) is None
    }


MODES = {  # the keys are in addresses
    "film": (film_mode, "ABCDE", "Film"),
    "corners": (corners_mode, "ABCD", "Four corners"),
    "levels": (levels_mode, "AB", "Parts of two {0}s"),
    ARITHMETIC: (arithmetic_mode, "ABC", "A − B + C"),
}

bench = open_bench()
first_mode, first_stops = arrive()
stage, panel = st.columns([1, 1.15], gap="large")
with panel:
    name = noun(bench.engine)
    intro(f"Between {name}s", f"Turn one {name} into another, mix parts of two, or do arithmetic with them.")
    mode = required_choice(
        st.segmented_control,
        "Mode",
        list(MODES),
        key="mix_mode",
        start=first_mode,
        persist_state="session",
        wrap=True,
        format_func=lambda mode: MODES[mode][2].format(name),
        label_visibility="collapsed",
    )
    show, slots, _ = MODES[mode]
    moved = bench.desk.recipe.moves
    captions = {shelf.unedited(bench): "unedited", shelf.EDIT: "your edit"} if moved else {shelf.EDIT: "in Edit"}
    entries = [replace(tile, caption=captions.get(tile.id, "")) for tile in shelf.entries(bench)]
    if mode == "film":
        stops = required_choice(
            st.segmented_control,
            "Stops",
            range(2, MOST_STOPS + 1),
            key="stops",
            start=first_stops,
            persist_state="session",
        )
        slots = slots[:stops]
    defaults = starts(bench, entries, mode, slots)
    with reserved():
        if absent := absent_photos(slots, entries):
            are, photos = ("is", "photo") if len(absent) == 1 else ("are", "photos")
            st.info(
                f"{' and '.join(absent)} of this address {are} not here: add the same {photos} again, or go on with "
                "what stands there instead."
            )
    chosen = [shelf.slot(name, entries, start) for start, name in zip(defaults, slots, strict=True)]
    with st.popover("Add photos", icon=":material/add_a_photo:"):
        shelf.add_photos(bench, "mix_upload", on_added=into(slots))
alts = {tile.id: tile.alt for tile in entries}
names = [alts[i] if i.startswith(shelf.PHOTO) else i for i in chosen]
with stage, st.container(key="making"), st.spinner("Mixing …"):  # page.css puts it over the picture
    show(bench, chosen, stem("mix", *names), stage, panel)
asked_for = [absent.get(name, identity) for name, identity in zip(slots, chosen, strict=True)]
address({"mix": mode, "places": BETWEEN.join(asked_for)}, key="mix_address")
