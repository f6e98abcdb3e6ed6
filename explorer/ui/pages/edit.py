"""Edit: a face, sliders, and the exact picture."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import streamlit as st

from explorer import export
from explorer.photos import Photo
from explorer.pictures import png
from explorer.recipe import Source
from explorer.ui import state
from explorer.ui.choosers import PHOTO_TYPES, PRIVACY, faces_line, gallery_line
from explorer.ui.components.editor import editor
from explorer.ui.components.eyes import eyes
from explorer.ui.frame import Bench, bench, view_of
from glowcore.errors import GlowcoreError


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


def choose_source(table: Bench) -> None:
    """Upload, camera, a gallery face, or a sampled one."""
    desk = table.desk
    upload, gallery, more = st.columns([1, 2.5, 0.62], gap="medium", vertical_alignment="center")
    with upload:
        st.file_uploader(
            "Your photo",
            type=PHOTO_TYPES,
            key="upload",
            on_change=taken_in(table, "upload"),
            help=f"A photo, or a PNG saved here to go on with its edit. {PRIVACY}",
            label_visibility="collapsed",
        )
    with gallery:
        selected = desk.recipe.source.value if desk.recipe.source.kind == "gallery" else ""
        gallery_line(
            table.gallery,
            key="gallery",
            selected=selected,
            on_choose=lambda name: desk.start_from(Source("gallery", name)),
        )
    with more, st.container(gap="small"):
        st.button(
            "Random face",
            key="random_face",
            icon=":material/casino:",
            width="stretch",
            help="A face drawn by the model itself",
            on_click=lambda: desk.start_from(Source("seed", str(random.randrange(100_000)))),
        )
        with st.popover(
            "Camera", icon=":material/photo_camera:", width="stretch", on_change="rerun", key="cam_box"
        ) as box:
            if box.open:
                st.camera_input("Take a picture", key="camera", on_change=taken_in(table, "camera"))
                st.caption(PRIVACY)


@st.fragment
def edit_panel(table: Bench) -> None:
    """The editor and what goes with its picture; runs alone when a slider moves."""
    desk, engine = table.desk, table.engine
    photo = desk.photo()
    if photo is not None and len(photo.found) != 1:
        photo_bar(table, photo)
    picture = desk.picture(desk.recipe, engine, table.gallery)
    editor(view_of(table, picture), key="editor", on_message=lambda message: desk.handle(message, engine))
    st.query_params[state.TOKEN] = desk.recipe.token()
    save_bar(table, photo)


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
            save_button("Save whole photo", "photo", lambda: png(photo.with_edit(recipe.source, edited())), WHOLE)
            embed = st.checkbox("Keep my cropped face inside the face PNG", key="embed", help=EMBED)
        with save:
            save_button("Save PNG", "face", lambda: export.to_png(edited(), recipe, crop()), FACE)
        if photo is not None and len(photo.found) == 1:
            eyes_by_hand(table, photo)
        st.caption("The address of this page holds the edit: copy it to share it or to come back.")


FACE = "The exact picture. Its recipe travels inside: upload the file here to go on."
WHOLE = "Your photo at its own size, changed only where the edit changed the face."
EMBED = "Then the file alone is enough to go on. Whoever gets it can see the unedited face."


def save_button(label: str, name: str, data: Callable[[], bytes], what: str) -> None:
    """A download that is made when it is asked for."""
    st.download_button(
        label,
        data=data,
        file_name=f"edited-{name}.png",
        mime="image/png",
        key=f"save_{name}",
        icon=":material/download:",
        on_click="ignore",
        help=what,
    )


table = bench()
choose_source(table)
edit_panel(table)
if table.gallery.attribution:
    with st.popover("About the gallery", type="tertiary"):
        st.markdown(table.gallery.attribution)
