"""The Attributes page: what the sliders do, how they were fitted, and attributes of one's own."""

from __future__ import annotations

import streamlit as st

from explorer.catalogue.gallery import title
from explorer.edits.recipe import EditRecipe, Source
from explorer.pixels.pictures import data_uri
from explorer.ui import own, state
from explorer.ui.components.matrix import matrix
from explorer.ui.components.tiles import Look, Tile, tiles
from explorer.ui.frame import Bench, intro, open_bench, open_in_edit, warn_of_lost
from explorer.ui.memo import remembered
from explorer.views import attribute_facts
from explorer.wording.labels import attributes_of, brief_strength, words

STRENGTHS = (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0)
FACES = 3
MATRIX = 400  # pixels, the width of the heat map of nine attributes


def previews(bench: Bench, name: str) -> None:
    """Show one attribute at seven strengths on three faces; a click opens the picture in Edit."""
    engine = bench.engine
    pictures = engine.gallery.names[:FACES]
    sources = [Source("gallery", n) for n in pictures] or [Source("seed", str(i)) for i in range(FACES)]
    entries, recipes = [], {}
    bases = [EditRecipe(s, temperature=engine.temperature, model=engine.model_hash) for s in sources]
    sliders = bench.desk.own
    strips = remembered(
        "previews",
        (engine.model_hash, name, id(sliders.of(engine).get(name)), sliders.orthogonal_of(engine).get(name, ())),
        lambda: [engine.strip(b, name, STRENGTHS, bench.desk.picture(b, engine)) for b in bases],
    )
    for source, base, frames in zip(sources, bases, strips, strict=True):
        subject = title(source.value) if source.kind == "gallery" else f"seed {source.value}"
        for strength, frame in zip(STRENGTHS, frames, strict=True):
            identity = f"{source.value} {strength}"
            recipes[identity] = base.moved({name: strength})
            text = brief_strength(strength)
            caption = text if source == sources[-1] else ""
            alt = f"{subject} with {words(name).label.lower()} {text}"
            entries.append(Tile(identity, data_uri(frame), alt, caption))

    tiles(
        entries,
        key="preview_tiles",
        label="Preview",
        on_choose=lambda identity: open_in_edit(bench, recipes[identity]),
        look=Look(columns=len(STRENGTHS), hint="Open in Edit"),
    )
    warn_of_lost([frame for frames in strips for frame in frames])


def statistics(bench: Bench) -> None:
    """Show the table of how the attributes were fitted."""
    st.markdown("**How they were learnt**")
    st.dataframe(
        attribute_facts.statistics(bench.engine),
        hide_index=True,
        key="statistics",
        column_config={
            "attribute": "Attribute",
            "name": "Name in the data",
            "with": st.column_config.NumberColumn("With", help="Pictures labelled as having it"),
            "without": st.column_config.NumberColumn("Without", help="Pictures labelled as not having it"),
            "separation": st.column_config.ProgressColumn(
                "Separation",
                min_value=0.5,
                max_value=1.0,
                format="%.3f",
                help="How often a held-out picture with it scores above one without: 0.5 is guessing, 1 is always",
            ),
            "sigma": st.column_config.NumberColumn("Sigma", format="%.3f", help="What one unit of the slider is"),
        },
    )


def cosines(bench: Bench) -> None:
    """Show the cosines between the directions as a heat map."""
    st.markdown("**What moves together**")
    labels, values = attribute_facts.cosines(bench.engine)
    matrix(labels, values, key="cosines", caption="Cosine between the directions of every two attributes")
    st.caption("The cosine between two directions. Far from 0, moving one moves the other: lock what should stay.")


bench = open_bench()
intro("Attributes", "Each slider is a direction among the model's numbers, learnt from labelled pictures.")
names = attributes_of(bench.engine)
if names:
    key = state.of_model("preview", bench.engine)
    shown = st.session_state.pop(own.MADE, st.session_state.get(key))
    st.session_state[key] = shown if shown in names else names[0]
    name = st.pills(
        "Preview",
        names,
        format_func=lambda n: words(n).label,
        key=key,
        persist_state="session",
        required=True,
    )
    # Below each other if the heat map does not have its width beside the faces.
    side_by_side = st.grid(2, min_column_width=MATRIX, gap=("small", "large"))
    with side_by_side.cell():
        previews(bench, name)
    with side_by_side.cell():
        cosines(bench)
    statistics(bench)
else:
    makes = "`python -m glowcore attributes --model DIR --data DIR` makes them from labelled pictures. "
    # The command applies only to models without classes: this page does not know the class of a photo.
    st.info(
        f"This model came without attributes. {'' if bench.engine.class_names else makes}One of your own is made below."
    )
st.divider()
own.panel(bench)
