"""The panel where a user makes an attribute out of two groups of photos."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st

from explorer import own_attribute
from explorer.latent_map import LatentMap
from explorer.photos import Photo
from explorer.ui import state, visitors
from explorer.ui.downloads import download
from explorer.ui.frame import Bench, caution, plain
from explorer.ui.intake import PHOTO_TYPES, Taken, intake, tell_lost
from explorer.words import attributes_of, counted, listed, noun, ordered, words
from glowcore.errors import GlowcoreError

UNTOLD = (
    "The file does not say which model it was made with: if the preview above does not show what it should, "
    "drop it and make it again from photos."
)
NAMED = 5  # files without a face that are told by name


@dataclass(frozen=True)
class Given:
    """A photo of a group: its file's name, its key, and its face of the model's size, uint8 [H, W, 3].

    Of a file that is no photo, `words` say why.
    """

    name: str
    key: str = ""
    face: np.ndarray | None = None
    found: bool = False
    words: str = ""


def panel(table: Bench) -> None:
    """Make, load, keep and drop attributes of one's own."""
    kind = noun(table.engine)
    st.markdown("**Your own attribute**")
    st.caption(
        f"Give photos of {kind}s that have something and photos of {kind}s that do not: {own_attribute.LEAST} of each "
        f"at least, better {own_attribute.FEW}; up to {visitors.bounds().words()} in all. {visitors.privacy()}"
    )
    having, lacking = st.columns(2, gap="large")
    with having:
        groups = [uploader(table, "With it", "own_with")]
    with lacking:
        groups.append(uploader(table, "Without it", "own_without"))
    name = st.text_input("Its name", key="own_name", persist_state="session", max_chars=40, placeholder="Freckles")
    fewest = min(len(g) for g in groups)
    if own_attribute.LEAST <= fewest < own_attribute.FEW:
        caution(f"With {fewest} of a kind the direction is rough; {own_attribute.FEW} make it steadier.")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        # Never disabled: what has just been typed is only known here once the field is left, by this very click say.
        pressed = st.button("Make the slider", key="own_make")
        with st.popover("Load one from a file", icon=":material/upload_file:"):
            intake(
                table,
                st.file_uploader,
                "Attribute file",
                key="own_file",
                take=lambda data: load(table, data),
                type=["safetensors"],
                max_upload_size=15,
            )
    if pressed and fewest < own_attribute.LEAST:
        has, lacks = map(len, groups)
        st.warning(
            f"{own_attribute.LEAST} photos of each kind are needed, and there are {has} with it and {lacks} without: "
            "add more above."
        )
    elif pressed and not name.strip():
        st.warning("The slider needs a name: type one above.")
    elif pressed:
        make(table, name, *groups)
    note = st.session_state.pop("own_note", "")
    if note:
        st.info(plain(note))
    mine(table)


def uploader(table: Bench, label: str, key: str) -> list[Given]:
    """A group of photos, each once: those listed, and those given before the page was left, until they are cleared."""
    size = min(table.engine.size)
    group: dict[str, Given] = st.session_state.setdefault(f"{key} {size}", {})
    shown = f"{key} shown"

    def changed() -> None:
        drop(st.session_state.get(shown, set()) - {f.file_id for f in st.session_state[key]})

    def drop(identities) -> None:
        for identity in identities:
            group.pop(identity, None)

    files = st.file_uploader(label, type=PHOTO_TYPES, accept_multiple_files=True, key=key, on_change=changed) or []
    st.session_state[shown] = {f.file_id for f in files}
    if new := [f for f in files if f.file_id not in group]:
        with st.spinner("Looking at the photos …", show_time=True):
            group.update({f.file_id: given(f, size) for f in new})
    before = [identity for identity in group if identity not in st.session_state[shown]]
    drop(before[: max(0, len(group) - visitors.bounds().files)])
    photos = list({g.key: g for g in group.values() if g.face is not None}.values())
    st.caption(counted(len(photos), "photo") if photos else "No photos yet")
    for file in files:
        if group[file.file_id].words:
            caution(plain(group[file.file_id].words))
    tell_lost(key)
    if before:
        st.button("Clear those given before", key=f"{key} clear", type="tertiary", on_click=drop, args=(before,))
    return photos


def given(file, size: int) -> Given:
    """An uploaded photo, or why it is none."""
    try:
        photo = Photo.read(file.getvalue())
        return Given(file.name, photo.key, photo.aligned(size, photo.source).image, bool(photo.found))
    except GlowcoreError as error:
        return Given(file.name, words=f"{file.name!r:.60}: {error}.")


def make(table: Bench, typed: str, having: list[Given], lacking: list[Given]) -> None:
    """Encode both groups, learn the direction, put it among the sliders."""
    known, faceless = state.model_attributes(table.engine), [g.name for g in having + lacking if not g.found]
    try:
        name = own_attribute.name_for(typed, ordered(known.names if known else ()), table.desk.own)
        with st.spinner("Looking at the photos …", show_time=True):
            groups = [[table.engine.encode(g.face) for g in group] for group in (having, lacking)]
            chart = LatentMap.load(state.folder_of(table.engine.name))
            vectors = own_attribute.fit(name, *groups, known, chart, weights=table.engine.model_hash)
    except GlowcoreError as error:
        st.error(plain(f"{error}."))
        return
    table.desk.take_own(vectors)
    quality = vectors.info(name)["separation"]
    note = f"{words(name).label} is among the sliders of Edit. Told apart on left-out photos: {quality:.0%}."
    if faceless and noun(table.engine) == "face":
        which = ", ".join(faceless[:NAMED]) + (" …" if len(faceless) > NAMED else "")
        note += f" No face was found in {counted(len(faceless), 'photo')}, whose middle was learnt from: {which}."
    st.session_state["own_note"] = note
    st.rerun()


def load(table: Bench, data: bytes) -> Taken:
    """Take in an attribute file; the panel says what became of it."""
    try:
        found = own_attribute.from_file(data)
        vectors = own_attribute.taken_for(found, table.engine)
        known = state.model_attributes(table.engine)
        for name in vectors.names:
            own_attribute.name_for(name, ordered(known.names if known else ()), table.desk.own)
    except GlowcoreError as error:
        st.session_state["own_note"] = f"{error}."
        return Taken()
    table.desk.take_own(vectors)
    note = f"{listed(vectors.names)}: among the sliders of Edit."
    if "" in own_attribute.made_with(found):
        note += f" {UNTOLD}"
    st.session_state["own_note"] = note
    return Taken()


def mine(table: Bench) -> None:
    """The attributes made or loaded here."""
    desk, here = table.desk, table.engine.attributes
    for name in [n for n in desk.own if here is not None and n in here.names]:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{words(name).label}**")
            if others := [n for n in attributes_of(table.engine) if n != name]:
                with st.popover("Keep apart from …", type="tertiary"):
                    apart_from(table, name, others)
            download(
                "Save",
                "attribute.safetensors",
                lambda name=name: own_attribute.to_file(own_attribute.alone(here, name)),
                key=f"own_save_{name}",
            )
            st.button("Drop", key=f"own_drop_{name}", on_click=desk.drop_own, args=(name,))
            if desk.own.apart.get(name):
                st.caption(f"moves nothing of {listed(desk.own.apart[name])}")
    for vectors in {id(v): v for n, v in desk.own.items() if here is None or n not in here.names}.values():
        st.caption(plain(f"{own_attribute.elsewhere(vectors)}."))


def apart_from(table: Bench, name: str, others: list[str]) -> None:
    """Which of the other attributes one's own is to have nothing in common with."""
    desk, key = table.desk, f"own_apart_{name}"

    def chosen() -> None:
        try:
            desk.own.keep_apart(name, st.session_state[key] or (), state.engine_of(table.engine.name))
        except GlowcoreError as error:
            st.session_state["own_note"] = f"{error}."

    st.session_state[key] = [n for n in desk.own.apart.get(name, ()) if n in others]
    st.pills(
        "What it shares with these is taken out of it",
        others,
        selection_mode="multi",
        format_func=lambda n: words(n).label,
        key=key,
        on_change=chosen,
        help="The cosines above show what it shares with each. A lock on the Edit page does the same for one edit.",
    )
