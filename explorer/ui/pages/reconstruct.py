"""The Reconstruct page: reconstructions by several models side by side, and the content of single levels."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import streamlit as st

from explorer.edits.recipe import TEMPERATURE_LIMIT
from explorer.engines.compressor import Compressor
from explorer.engines.engine import Engine
from explorer.engines.models import list_models
from explorer.engines.results import Encoded
from explorer.pixels.pictures import quantised, webp
from explorer.ui import shelf, state
from explorer.ui.components.tiles import Tile
from explorer.ui.downloads import download
from explorer.ui.frame import Bench, intro, open_bench, plain, warn_of_lost
from explorer.ui.memo import remembered
from explorer.views import mixing
from explorer.views.reconstructions import as_csv, as_table, figures, measurements, short, verdict
from glowcore import images
from glowcore.errors import GlowcoreError
from glowcore.films import enlarge
from glowcore.image_difference import amplified, pixels_changed
from glowcore.text import counted

SHOWN = 256
AT_MOST = 8  # pictures
ALL_BITS = 8  # bits per value of an unchanged picture
NUDGES = (0.0, 1e-4, 1e-3, 0.01, 0.03, 0.1, 0.3, 1.0)


@dataclass(frozen=True)
class Settings:
    """How the pictures of a comparison are made.

    Attributes:
        gain: factor that amplifies the difference.
        keep: number of the coarsest levels that are kept.
        heat: temperature at which the other levels are sampled.
        bits: bits per value of the picture that the model encodes.
        nudge: standard deviation of the noise added to the latents.
    """

    gain: int
    keep: int
    heat: float
    bits: int
    nudge: float


def names_of(entries: list[Tile]) -> dict[str, str]:
    """Return the labels of the pictures by the ids of their tiles."""
    return {t.id: t.alt if t.id.startswith(shelf.PHOTO) else t.alt.split(": ")[-1] for t in entries}


def first_choice(tiles: Collection[str]) -> list[str]:
    """Return the pictures shown before a choice: the first ones, either all photos or all of the gallery."""
    others = [i for i in tiles if i not in (shelf.EDIT, shelf.UNEDITED)]
    alike = [i for i in others if i.startswith(shelf.PHOTO) == others[0].startswith(shelf.PHOTO)]
    return alike[:3] or [shelf.EDIT]


def choose_first(key: str, tiles: Collection[str]) -> None:
    """Set the pictures to ``first_choice`` until the visitor chooses others, and if none of the chosen ones is left."""
    chosen, default = st.session_state.get(key), st.session_state.get(f"first {key}")
    if chosen is None or chosen == default or (chosen and not set(tiles) & set(chosen)):
        st.session_state[key] = st.session_state[f"first {key}"] = first_choice(tiles)


def choose_too(key: str, added: str) -> None:
    """Show a photo that was just added before the other chosen pictures."""
    st.session_state[key] = [added, *(i for i in st.session_state[key] if i != added)][:AT_MOST]


def choose_pictures(bench: Bench, labels: dict[str, str]) -> list[str]:
    """Let the visitor add and choose pictures among tiles, whose labels are given; return the ids of the chosen."""
    key = state.of_model("pictures", bench.engine)
    with st.popover("Add photos", icon=":material/add_a_photo:"):
        shelf.add_photos(bench, "reconstruct_upload", on_added=lambda added: choose_too(key, added))
    choose_first(key, labels)
    return st.multiselect(
        "Pictures",
        list(labels),
        max_selections=AT_MOST,
        key=key,
        persist_state="session",
        format_func=labels.get,
    )


def choose_models(bench: Bench) -> list[str]:
    """Let the visitor choose models; return their names, those that lose information last."""
    usable = {e.name: e for e in list_models() if not e.problem}
    like = [n for n, e in usable.items() if e.info["config"].get("channels", 3) == bench.engine.config.channels]
    contrast = [n for n in like if not usable[n].is_flow][:1]
    models = st.multiselect(
        "Models",
        list(usable),
        default=[bench.engine.name, *contrast],
        max_selections=4,
        key=state.of_model("reconstruct_models", bench.engine),
        persist_state="session",
        format_func=short,
        help="Flows give every picture back; a VAE, where there is one, compresses it.",
    )
    return sorted(models, key=lambda name: not usable[name].is_flow)


def choose_settings(bench: Bench) -> Settings:
    """Let the visitor choose how the pictures below the models' names are made."""
    gain = st.select_slider(
        "Difference, amplified",
        [1, 4, 16, 64, 256],
        value=4,
        key="gain",
        persist_state="session",
        format_func=lambda g: f"×{g}",
        help="Grey means equal; at ×64 a difference of a single step in one value can be seen.",
    )
    levels = bench.engine.num_levels
    keep = st.slider(
        "Coarsest levels kept",
        0,
        levels,
        1,
        key=state.of_model("keep", bench.engine),
        persist_state="session",
        help="The finer levels are forgotten and drawn anew, so the picture shows what the kept ones know.",
    )
    heat = st.slider(
        "Temperature of the new levels",
        0.0,
        TEMPERATURE_LIMIT,
        0.0,
        0.05,
        key="heat",
        persist_state="session",
        help="0 fills in the most likely values.",
    )
    bits = st.select_slider(
        "Bits per value of the picture",
        range(1, ALL_BITS + 1),
        value=ALL_BITS,
        key="bits",
        persist_state="session",
        help="The picture is made coarser before the model sees it; what the model then sees comes back exactly.",
    )
    nudge = st.select_slider(
        "Noise added to latents",
        NUDGES,
        value=0.0,
        key="nudge",
        persist_state="session",
        format_func=lambda size: f"{size:g}",
        help="In standard deviations, added to every number that the picture is encoded to. Shows how precisely the "
        "latents must be kept.",
    )
    return Settings(gain, keep, heat, bits, nudge)


def seen(bench: Bench, identity: str, engine: Engine | Compressor, bits: int) -> np.ndarray:
    """Return a picture of the shelf as input of a model: at the model's size, quantised to ``bits`` per value."""
    picture = shelf.picture(bench, identity, min(engine.image_size))
    return picture if bits == ALL_BITS else quantised(images.fit(picture, engine.image_size), bits)


def show(cells, picture: np.ndarray, caption: str, alt: str) -> None:
    """Show one picture with its caption."""
    cells.image(webp(enlarge(picture, SHOWN)), caption=caption, alt=alt, width="stretch")


def opened(models: list[str]) -> list[Engine | Compressor]:
    """Open models; show an error for each one that cannot be opened."""
    engines = []
    for model in models:
        try:
            engines.append(state.reconstructor_of(model))
        except GlowcoreError as error:
            st.error(f"{error}; choose another one.", title=f"{short(model)} cannot be opened")
    return engines


def line(name: str, engine: Engine | Compressor, encoded: Encoded, settings: Settings, number: int) -> None:
    """Show one picture by one model: verdict, original, reconstruction, difference and the picture of coarse levels.

    What this model decodes for the line ``number`` is kept for the next run of the page.
    """
    lossy, model = isinstance(engine, Compressor), short(engine.name)
    st.markdown(f"**{model}** {verdict(encoded)}", help=figures(engine, encoded))
    nudge = settings.nudge if not lossy else 0.0
    columns, narrowest = (5, 90) if nudge else (4, 100)  # pixels: two or three per row on a phone
    cells = st.grid(columns, min_column_width=narrowest)
    show(cells, encoded.picture, "Original", f"{name}, original as {model} sees it")
    show(cells, encoded.reconstruction, "Reconstruction", f"{name}, reconstruction by {model}")
    gain = settings.gain
    difference = amplified(encoded.reconstruction.astype(np.float32) - encoded.picture, gain)
    show(cells, difference, f"Difference ×{gain}", f"{name}, difference amplified {gain} times, {model}")
    if lossy:
        values = math.prod(engine.image_size) * engine.config.channels
        cells.caption(
            f"Compressed: {engine.numbers:,} numbers for {values:,} values. What comes back is the decoder's best "
            "guess, and there are no levels to choose among."
        )
        return
    kept = min(settings.keep, engine.num_levels)
    key = (engine.model_hash, encoded.key)
    coarse = remembered(
        f"coarse {number}",
        (*key, kept, settings.heat),
        lambda: mixing.coarse(engine, encoded, kept, settings.heat),
    )
    nudged = []
    if nudge:
        nudged = [remembered(f"nudged {number}", (*key, nudge), lambda: mixing.nudged(engine, encoded, nudge))]
    warn_of_lost([coarse, *nudged])
    show(cells, coarse, f"{kept} of {engine.num_levels} levels kept", f"{name}, {kept} coarsest levels kept, {model}")
    for picture in nudged:
        words = f"noise {nudge:g} added to latents: {pixels_changed(encoded.picture, picture)} pixels changed"
        show(cells, picture, words.capitalize(), f"{name}, {words}, {model}")


bench = open_bench()
intro(
    "What comes back",
    "A flow forgets nothing: every picture comes back as it went in. Here is the proof, beside what compresses.",
)
left, right = st.columns([1, 2.4], gap="large")
labels = names_of(shelf.entries(bench))
with left:
    pictures, names = choose_pictures(bench, labels), choose_models(bench)
    with st.container(key="reconstruct_sliders"):  # on a phone page.css keeps it in view, below the pictures
        settings = choose_settings(bench)
rows = []
with right:
    engines = opened(names)
    for identity in pictures if engines else []:
        coarser = "" if settings.bits == ALL_BITS else f", {counted(settings.bits, 'bit')} per value"
        name = labels[identity] + coarser
        with st.container(border=True):
            st.markdown(f"**{plain(name)}**")
            for engine in engines:
                try:
                    encoded = engine.encode(seen(bench, identity, engine, settings.bits))
                except GlowcoreError as error:
                    st.error(f"{error}; choose another picture or model.", title=short(engine.name))
                    continue
                line(name, engine, encoded, settings, len(rows))
                rows.append(measurements(name, engine, encoded))
    if rows:
        st.dataframe(
            as_table(rows),
            hide_index=True,
            column_config={
                "max error": st.column_config.NumberColumn(
                    format="%.1e", help="Of the range from black to white, before rounding."
                ),
                "bits/dim, at most": st.column_config.NumberColumn(format="%.3f"),
                "ms": st.column_config.NumberColumn(format="%.1f"),
            },
        )
        download("Save the table as CSV", "reconstruction.csv", lambda: as_csv(rows), key="save_csv")
    elif not pictures:
        st.info("Choose a picture.")
    elif not names:
        st.info("Choose a model.")
