"""Models: what there is, what it is made of, and whether it is exact on this machine."""

from __future__ import annotations

import re
from pathlib import Path

import streamlit as st

from explorer.catalogue.gallery import Gallery
from explorer.engines import models
from explorer.engines.models import ModelEntry
from explorer.pixels.pictures import reduced, webp
from explorer.ui import state
from explorer.ui.frame import intro, laid_out, no_model, plain
from explorer.views import checks
from explorer.views.checks import Finding
from explorer.views.model_facts import began_from, facts, provenance
from glowcore import images
from glowcore.errors import GlowcoreError

CHECKED = 4
SPECIMEN = 104  # pixels that a model's own picture takes
IMAGE = re.compile(r"!\[([^\]]*)\]\([^)]*\)")  # a model card may name pictures elsewhere; nothing is fetched from there


def examine(entry: ModelEntry) -> list[Finding]:
    """Run the checks; a model that cannot be opened is itself a finding."""
    try:
        engine = state.reconstructor_of(entry.name)
        gallery = Gallery.of(entry.folder)
        pictures = [gallery.load(n) for n in gallery.names[:CHECKED]] or engine.sample(
            range(CHECKED), engine.temperature
        )
        return checks.check(entry, engine, pictures)
    except GlowcoreError as error:
        return [Finding("Loading", False, f"{entry.public_message(error)}.")]


@st.cache_resource(max_entries=64, show_spinner=False)
def _specimen(path: str, changed: str) -> bytes | None:
    try:
        sheet = images.load(Path(path))
    except GlowcoreError:
        return None
    side = min(sheet.shape[:2]) // 2  # a quarter of the sheet: faces stay large enough to be seen
    return webp(reduced(sheet[:side, :side], 2 * SPECIMEN))


def specimen(entry: ModelEntry) -> bytes | None:
    """A few of the pictures that the model has drawn; None where its folder has no `samples.png`."""
    path = entry.folder / "samples.png"
    return _specimen(str(path), str(path.stat().st_mtime_ns)) if path.is_file() else None


def choose(name: str) -> None:
    """Use the listed model `name` from now on."""
    state.choose_model(name)
    st.session_state["model_chosen"] = name


def take_over(name: str) -> None:
    """Let a model that has just been chosen take the present edit over, and the address with it; else say why not."""
    try:
        laid_out(state.engine_of(name))
    except GlowcoreError as error:
        st.error(f"{error}; choose another model below.", title=f"{name} cannot be opened")


def actions(entry: ModelEntry, chosen: str | None) -> None:
    """What can be done with a model, as a row of buttons that stay where they are under the mouse."""
    st.button(
        "In use" if entry.name == chosen else "Use this model",
        icon=":material/check:" if entry.name == chosen else None,
        key=f"use_{entry.name}",
        disabled=not entry.is_flow,  # the one in use is not: whoever has pressed it would lose the focus
        width=144,
        help=None if entry.is_flow else "It has no exact latents; the Reconstruct page shows it beside flows.",
        on_click=choose,
        args=(entry.name,),
    )
    if st.button("Check it here", key=f"check_{entry.name}", help="Hashes, round trips and timing on this machine"):
        with st.spinner("Checking …", show_time=True):
            st.session_state[f"checked_{entry.name}"] = examine(entry)
    readme = entry.folder / "README.md"
    if readme.is_file():
        with st.popover("Model card", width="content"):
            st.markdown(IMAGE.sub(r"\1", readme.read_text(encoding="utf-8", errors="replace")))


def in_memory(entry: ModelEntry) -> None:
    """Beside the name of a model that is loaded, so that the buttons stay where they are: that it is, and its end."""
    st.markdown(":small[:gray[In memory]]", width="content")
    st.button(
        "Unload",
        key=f"unload_{entry.name}",
        type="tertiary",
        help="Give this model's memory back, for all visitors; it is read again when somebody needs it",
        on_click=unload,
        args=(entry.name,),
    )


def unload(name: str | None = None) -> None:
    """Let a model go, or all of them, and say so."""
    state.unload(name)
    what = f"{name} is" if name else "All models are"
    st.toast(
        f"{what} let go, for all visitors: out of memory once no open page shows it, read again when needed.",
        icon=":material/memory:",
    )


def card(entry: ModelEntry, chosen: str | None) -> None:
    """One model with what can be done with it."""
    with st.container(border=True, key=f"card_{entry.name.replace('/', '_')}"):
        if entry.problem:
            st.markdown(f"**{entry.label}** :small[{entry.name}] :orange-badge[cannot be used]  \n{entry.problem}.")
            return
        with st.container(horizontal=True, gap="small"):
            if picture := specimen(entry):
                st.image(picture, width=SPECIMEN, alt=f"Samples of {entry.label}")
            with st.container(gap="xsmall"):
                with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
                    with st.container(horizontal=True, vertical_alignment="center", width="content"):
                        st.markdown(f"**{entry.label}** :small[{entry.name}]", width="content")
                        if entry.name in state.loaded():
                            in_memory(entry)
                    with st.container(horizontal=True, vertical_alignment="center", width="content"):
                        actions(entry, chosen)
                st.markdown(" · ".join(f":small[:gray[{name}] {value}]" for name, value in facts(entry)))
                if told := provenance(entry):
                    st.caption(f"Trained on {plain(told)}")
                if earlier := began_from(entry):
                    weights = ", before that ".join(map(plain, earlier))
                    st.caption(f"Training started from the weights {weights}")
        for found in st.session_state.get(f"checked_{entry.name}", []):
            mark = ":green-badge[good]" if found.good else ":orange-badge[look]"
            st.markdown(f"{mark} **{found.subject}** {found.words}")


intro("Models", "What every page works with. Choose one; your photos come along.")
if just_chosen := st.session_state.pop("model_chosen", None):
    take_over(just_chosen)
found = state.entries()
in_use = state.chosen_model()
if in_use is None:
    no_model()
else:
    first = models.default_name(found)  # not the one in use: a list that moves puts another button under the mouse
    for entry in sorted(found, key=lambda each: each.name != first):
        card(entry, in_use)
    with st.container(horizontal=True, vertical_alignment="center"):
        if state.loaded():
            told = "Gives their memory back, for all visitors"
            st.button("Unload all models", key="unload", on_click=unload, help=told)
        st.caption("These are the folders of `pretrained/` and `runs/`.")
