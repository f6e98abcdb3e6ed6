"""Edit: a face, sliders, and the exact picture."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from explorer import export, models
from explorer.photos import Photo
from explorer.pictures import png
from explorer.recipe import TEMPERATURE_LIMIT, Source
from explorer.ui import state
from explorer.ui.choosers import PHOTO_TYPES, PRIVACY, faces_line, gallery_line, imagined_line
from explorer.ui.components.editor import editor
from explorer.ui.components.eyes import eyes
from explorer.ui.downloads import download
from explorer.ui.frame import Bench, bench, view_of
from explorer.ui.grid_dialog import grid_button
from explorer.words import link_words
from glowcore.errors import GlowcoreError

FACE = "The exact picture. Its recipe travels inside: upload the file here to go on."
WHOLE = "Your photo at its own size, changed only where the edit changed the face."
EMBED = "Then the file alone is enough to go on. Whoever gets it can see the unedited face."


def taken_in(table: Bench, widget: str) -> Callable[[], None]:
    """What happens when the uploader or the camera has something new."""

    def receive() -> None:
        file = st.session_state.get(widget)
        if file is None:
            return
        try:
            table.desk.receive(file.getvalue(), table.engine, table.gallery)
        except GlowcoreError as error:
            table.desk.note = f"{error}."

    return receive


def choose_source(table: Bench) -> DeltaGenerator:
    """Upload, camera, a sampled face, or one of the gallery; gives the place for the imagined ones."""
    desk = table.desk
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        with st.container(width=232):
            st.file_uploader(
                "Your photo",
                type=PHOTO_TYPES,
                key="upload",
                on_change=taken_in(table, "upload"),
                help=f"A photo, or a PNG saved here to go on with its edit. {PRIVACY}",
                label_visibility="collapsed",
            )
        with st.container(width=136, gap="small"):
            with st.popover(
                "Camera", icon=":material/photo_camera:", width="stretch", on_change="rerun", key="cam_box"
            ) as box:
                if box.open:
                    st.camera_input("Take a picture", key="camera", on_change=taken_in(table, "camera"))
                    st.caption(PRIVACY)
            st.button(
                "Random",
                key="random_face",
                icon=":material/casino:",
                width="stretch",
                help="A picture drawn by the model itself",
                on_click=lambda: desk.draw(random_source(table), table.engine.temperature),
            )
        with st.container(width="stretch", gap=None):
            if table.gallery.names:
                selected = desk.recipe.source.value if desk.recipe.source.kind == "gallery" else ""
                gallery_line(
                    table.gallery,
                    key="gallery",
                    selected=selected,
                    on_choose=lambda name: desk.start_from(Source("gallery", name)),
                )
            return st.container()


def random_source(table: Bench) -> Source:
    """A picture that the model draws, of any of its classes."""
    count = len(table.engine.class_names)
    return Source("seed", str(random.randrange(100_000)), label=random.randrange(count) if count else 0)


def offer_its_model(table: Bench) -> None:
    """An edit that was made with another model can be looked at with that one, where it is here."""
    desk = table.desk
    entry = models.of_hash(desk.foreign.model) if desk.foreign else None
    if entry is None:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"This edit was made with **{entry.label}**.")
        st.button(f"Switch to {entry.label}", key="switch_model", on_click=state.choose_model, args=(entry.name,))
        st.button("Stay here", key="stay", type="tertiary", on_click=desk.forget_foreign)


@st.fragment
def edit_panel(table: Bench) -> None:
    """The editor and what goes with its picture; runs alone when a slider moves."""
    desk, engine = table.desk, table.engine
    photo = desk.photo()
    if photo is not None and len(photo.found) != 1:
        photo_bar(table, photo)
    editor(view_of(table), key="editor", on_message=lambda message: desk.handle(message, engine))
    save_bar(table, photo)


def seed_bar(table: Bench) -> None:
    """How far from the average the sampled picture may be."""
    desk, recipe = table.desk, table.desk.recipe
    if len(recipe.temperature) > 1:
        return
    st.session_state["edit_temperature"] = recipe.temperature[0]
    with st.container(width=240):
        st.slider(
            f"Temperature of seed {recipe.source.value}",
            0.0,
            TEMPERATURE_LIMIT,
            step=0.05,
            key="edit_temperature",
            help="0 is the average picture, 1 as varied as the pictures the model has learnt from.",
            on_change=lambda: desk.warm(st.session_state["edit_temperature"]),
        )


def photo_bar(table: Bench, photo: Photo) -> None:
    """Which of several faces, or where the eyes are."""
    desk, size = table.desk, min(table.engine.size)
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        if len(photo.found) > 1:
            with st.container(width=min(len(photo.found), 8) * 62 + 24):
                faces_line(photo, desk.recipe.source, size, key="faces", on_choose=desk.start_from)
        eyes_by_hand(table, photo)


def eyes_by_hand(table: Bench, photo: Photo) -> None:
    """A box with the photo, where two clicks say where the eyes are."""
    desk, size = table.desk, min(table.engine.size)
    with st.popover(
        "Place the eyes", icon=":material/visibility:", type="tertiary", on_change="rerun", key="eye_box"
    ) as box:
        if box.open:
            eyes(photo.picture, key="eyes", on_place=lambda points: desk.place_eyes(points, size))


def save_bar(table: Bench, photo: Photo | None) -> None:
    """Save the picture with its recipe inside, or the whole photo with the edit in it."""
    desk, engine, gallery = table.desk, table.engine, table.gallery
    recipe = desk.recipe

    def edited() -> np.ndarray:
        return engine.render(recipe, desk.picture(recipe, engine, gallery)).picture

    def crop() -> np.ndarray | None:
        return engine.source(recipe, desk.picture(recipe, engine, gallery)).picture if embed else None

    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        embed = False
        save = st.container(width="content")
        if photo is not None:
            download(
                "Save whole photo",
                "edited-photo.png",
                lambda: png(photo.with_edit(recipe.source, edited())),
                key="save_photo",
                what=WHOLE,
            )
            embed = st.checkbox("Keep my cropped face inside the face PNG", key="embed", help=EMBED)
        with save:
            download(
                "Save PNG",
                "edited-face.png",
                lambda: export.to_png(edited(), recipe, crop()),
                key="save_face",
                what=FACE,
            )
        grid_button(table)
        if photo is not None and len(photo.found) == 1:
            eyes_by_hand(table, photo)
        if recipe.source.kind == "seed":
            seed_bar(table)
        st.caption(link_words(recipe, desk.own, desk.crops))


table = bench()
imagined = choose_source(table)
offer_its_model(table)
edit_panel(table)
with imagined:  # after the picture, for the first visitor of all waits until they are drawn
    imagined_line(table.engine, table.desk.recipe, key="imagined", on_choose=table.desk.imagine)
if table.gallery.attribution:
    with st.popover("About the gallery", type="tertiary"):
        st.markdown(table.gallery.attribution)
