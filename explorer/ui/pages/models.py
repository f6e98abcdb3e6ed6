"""Models: what there is, what it is made of, and whether it is exact on this machine."""

from __future__ import annotations

import re

import streamlit as st

from explorer import checks, models
from explorer.checks import Check
from explorer.gallery import Gallery
from explorer.model_facts import facts, provenance
from explorer.models import ModelEntry
from explorer.ui import state
from explorer.ui.frame import intro, no_model
from glowcore.errors import GlowcoreError

CHECKED = 4
FACT = 132  # pixels that a fact of a model takes
IMAGE = re.compile(r"!\[([^\]]*)\]\([^)]*\)")  # a model card may name pictures elsewhere; nothing is fetched from there


def examine(entry: ModelEntry) -> list[Check]:
    """Run the checks; a model that cannot be opened is itself a finding."""
    try:
        engine = state.reconstructor_of(entry.name)
        gallery = Gallery(entry.folder / "gallery")
        pictures = [gallery.load(n) for n in gallery.names[:CHECKED]] or engine.sample(
            range(CHECKED), engine.temperature
        )
        return checks.check(entry, engine, pictures)
    except GlowcoreError as error:
        return [Check("Loading", False, f"{error}.")]


def card(entry: ModelEntry, chosen: str | None) -> None:
    """One model with what can be done with it."""
    with st.container(border=True, key=f"card_{entry.name.replace('/', '_')}"):
        badge = ":green-badge[in use]" if entry.name == chosen else ""
        st.markdown(f"**{entry.label}** :small[{entry.name}] {badge}")
        if entry.problem:
            st.warning(f"{entry.problem}.")
            return
        with st.container(horizontal=True, gap="medium"):
            for name, value in facts(entry):
                st.markdown(f":small[:gray[{name}]]  \n{value}", width=FACT)
        if told := provenance(entry):
            st.caption(f"Trained on {told}")
        results = f"checked_{entry.name}"
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button(
                "Use this model",
                key=f"use_{entry.name}",
                disabled=entry.name == chosen or not entry.is_flow,
                help=None if entry.is_flow else "It has no exact latents; the Reconstruct page shows it beside flows.",
                on_click=state.choose_model,
                args=(entry.name,),
            )
            if st.button(
                "Check it here", key=f"check_{entry.name}", help="Hashes, round trips and timing on this machine"
            ):
                with st.spinner("Checking …", show_time=True):
                    st.session_state[results] = examine(entry)
            st.button(
                "Unload",
                key=f"unload_{entry.name}",
                type="tertiary",
                help="Give this model's memory back; it is read again when it is needed",
                on_click=state.unload,
                args=(entry.name,),
            )
            readme = entry.folder / "README.md"
            if readme.is_file():
                with st.popover("Model card", width="content"):
                    st.markdown(IMAGE.sub(r"\1", readme.read_text(encoding="utf-8", errors="replace")))
        for found in st.session_state.get(results, []):
            mark = ":green-badge[good]" if found.good else ":orange-badge[look]"
            st.markdown(f"{mark} **{found.subject}** {found.finding}")


intro("Models", f"Every folder of `pretrained/` and `runs/` in `{models.home()}`.")
found = state.entries()
in_use = state.chosen_model()
if in_use is None:
    no_model()
else:
    for entry in found:
        card(entry, in_use)
    st.button("Unload all models", key="unload", on_click=state.unload, help="Gives their memory back")
