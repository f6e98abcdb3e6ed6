"""The panel where a user makes an attribute out of two groups of photos."""

from __future__ import annotations

import streamlit as st

from explorer import own_attribute
from explorer.latent_map import LatentMap
from explorer.photos import Photo
from explorer.ui import state, visitors
from explorer.ui.downloads import download
from explorer.ui.frame import Bench
from explorer.ui.intake import PHOTO_TYPES
from explorer.words import listed, ordered, words
from glowcore.errors import GlowcoreError


def panel(table: Bench) -> None:
    """Make, load, keep and drop attributes of one's own."""
    st.markdown("**Your own attribute**")
    st.caption(
        f"Give photos of faces that have something and photos of faces that do not: {own_attribute.LEAST} of each at "
        f"least, better {own_attribute.FEW}; up to {visitors.bounds().words()} in all. {visitors.privacy()}"
    )
    having, lacking = st.columns(2, gap="large")
    with having:
        groups = [uploader("With it", "own_with")]
    with lacking:
        groups.append(uploader("Without it", "own_without"))
    name = st.text_input("Its name", key="own_name", persist_state="session", max_chars=40, placeholder="Freckles")
    fewest = min(len(g) for g in groups)
    if own_attribute.LEAST <= fewest < own_attribute.FEW:
        st.caption(f":orange[With {fewest} of a kind the direction is rough; {own_attribute.FEW} make it steadier.]")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        ready = fewest >= own_attribute.LEAST and bool(name.strip())
        if st.button("Make the slider", key="own_make", disabled=not ready):
            make(table, name.strip(), *groups)
        with st.popover("Load one from a file", icon=":material/upload_file:"):
            st.file_uploader(
                "Attribute file",
                type=["safetensors"],
                key="own_file",
                on_change=load,
                args=(table,),
                max_upload_size=15,
            )
    note = st.session_state.pop("own_note", "")
    if note:
        st.info(note)
    mine(table)


def uploader(label: str, key: str) -> list:
    """A group of photos."""
    files = st.file_uploader(label, type=PHOTO_TYPES, accept_multiple_files=True, key=key) or []
    st.caption(f"{len(files)} photos" if files else "No photos yet")
    return files


def make(table: Bench, name: str, having: list, lacking: list) -> None:
    """Align and encode both groups, learn the direction, put it among the sliders."""
    try:
        with st.spinner("Looking at the photos …", show_time=True):
            groups = [[encoded(table, f) for f in group] for group in (having, lacking)]
            chart = LatentMap.load(state.folder_of(table.engine.name))
            vectors = own_attribute.fit(name, *groups, state.model_attributes(table.engine), chart)
    except GlowcoreError as error:
        st.error(f"{error}.")
        return
    table.desk.take_own(vectors)
    quality = vectors.info(name)["separation"]
    st.session_state["own_note"] = f"{name} is among the sliders of Edit. Told apart on left-out photos: {quality:.0%}."
    st.rerun()


def encoded(table: Bench, file):
    """One uploaded face as the model knows it; the file's name is in any complaint about it."""
    try:
        photo = Photo.read(file.getvalue())
    except GlowcoreError as error:
        raise GlowcoreError(f"{file.name!r:.60}: {error}") from error
    return table.engine.encode(photo.aligned(min(table.engine.size), photo.source).image)


def load(table: Bench) -> None:
    """Take in an attribute file."""
    file = st.session_state.get("own_file")
    if file is None:
        return
    try:
        vectors = own_attribute.from_file(file.getvalue())
        own_attribute.joined(table.engine.attributes, [vectors])
    except GlowcoreError as error:
        st.session_state["own_note"] = f"{error}."
        return
    table.desk.take_own(vectors)
    st.session_state["own_note"] = f"{', '.join(vectors.names)}: among the sliders of Edit."


def mine(table: Bench) -> None:
    """The attributes made or loaded here."""
    desk, here = table.desk, table.engine.attributes
    for name in [n for n in desk.own if here is not None and n in here.names]:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{name}**")
            with st.popover("Keep apart from …", type="tertiary"):
                apart_from(table, name)
            download(
                "Save",
                "attribute.safetensors",
                lambda name=name: own_attribute.to_file(own_attribute.alone(here, name)),
                key=f"own_save_{name}",
            )
            st.button("Drop", key=f"own_drop_{name}", on_click=desk.drop_own, args=(name,))
            if desk.apart.get(name):
                st.caption(f"moves nothing of {listed(desk.apart[name])}")


def apart_from(table: Bench, name: str) -> None:
    """Which of the other attributes one's own is to have nothing in common with."""
    desk, key = table.desk, f"own_apart_{name}"
    others = [n for n in ordered(table.engine.attribute_names) if n != name]

    def chosen() -> None:
        try:
            desk.keep_apart(name, st.session_state[key] or (), state.engine_of(table.engine.name))
        except GlowcoreError as error:
            st.session_state["own_note"] = f"{error}."

    st.session_state[key] = [n for n in desk.apart.get(name, ()) if n in others]
    st.pills(
        "What it shares with these is taken out of it",
        others,
        selection_mode="multi",
        format_func=lambda n: words(n).label,
        key=key,
        on_change=chosen,
        help="The cosines above show what it shares with each. A lock on the Edit page does the same for one edit.",
    )
