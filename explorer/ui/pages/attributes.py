"""The Attributes page: what the sliders do, how they were fitted, and attributes of one's own."""

from __future__ import annotations

import streamlit as st

from explorer.ui import own, state
from explorer.ui.components.matrix import matrix
from explorer.ui.frame import Bench, intro, open_bench
from explorer.ui.previews import previews
from explorer.ui.required import required_choice
from explorer.views import attribute_facts
from explorer.wording.labels import attributes_of, words

MATRIX = 400  # pixels, the width of the heat map of nine attributes


def statistics(bench: Bench) -> None:
    """Show the table of how the attributes were fitted."""
    st.markdown("**How the attributes were learnt**")
    rows = attribute_facts.statistics(bench.engine)

    def text(label: str, column: str):
        # Wide enough for the longest text: a cell cuts it without a mark.
        return st.column_config.Column(label, width=16 + 8 * max(len(label), *(len(row[column]) for row in rows)))

    st.dataframe(
        rows,
        hide_index=True,
        key="statistics",
        column_config={
            "attribute": text("Attribute", "attribute"),
            "name": text("Name in the data", "name"),
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
    if name := own.just_made():
        st.session_state[key] = name
    name = required_choice(
        st.pills,
        "Preview",
        names,
        key=key,
        start=names[0],
        format_func=lambda n: words(n).label,
        persist_state="session",
    )
    # Below each other if the heat map does not have its width beside the faces.
    side_by_side = st.grid(2, min_column_width=MATRIX, gap=("small", "large"))
    with side_by_side.cell():
        previews(bench, name, key="preview_tiles")
    with side_by_side.cell():
        cosines(bench)
else:
    makes = "`python -m glowcore attributes --model DIR --data DIR` makes them from labelled pictures. "
    # The command applies only to models without classes: this page does not know the class of a photo.
    st.info(
        f"This model came without attributes. {'' if bench.engine.class_names else makes}One of your own is made below."
    )
st.divider()
own.panel(bench)
if names:
    st.divider()
    statistics(bench)
