"""Edit: a face, sliders, and the exact picture."""

from __future__ import annotations

import random
from collections.abc import Callable

import streamlit as st

from explorer import export
from explorer.editor_view import editor_view
from explorer.recipe import Source
from explorer.ui import state
from explorer.ui.choosers import PHOTO_TYPES, PRIVACY, faces_line, gallery_line
from explorer.ui.components.editor import editor
from explorer.ui.frame import Bench, bench
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
    if photo is not None:
        faces_line(photo, desk.recipe.source, min(engine.size), key="faces", on_choose=desk.start_from)
    picture = desk.picture(desk.recipe, engine, table.gallery)
    view = editor_view(desk, engine, picture)
    editor(view, key="editor", on_message=lambda message: desk.handle(message, engine))
    st.query_params[state.TOKEN] = desk.recipe.token()
    save_bar(table)


def save_bar(table: Bench) -> None:
    """Save the picture with its recipe inside."""
    desk, engine = table.desk, table.engine
    recipe = desk.recipe
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        embed = False
        if recipe.source.kind == "photo":
            embed = st.checkbox(
                "Keep my cropped face inside the file",
                key="embed",
                help="Then the file alone is enough to go on. Whoever gets it can see the unedited face.",
            )

        def made() -> bytes:
            picture = desk.picture(recipe, engine, table.gallery)
            crop = engine.source(recipe, picture).picture if embed else None
            return export.to_png(engine.render(recipe, picture).picture, recipe, crop)

        st.download_button(
            "Save PNG",
            data=made,
            file_name="edited-face.png",
            mime="image/png",
            key="save",
            icon=":material/download:",
            on_click="ignore",
            help="The exact picture. Its recipe travels inside: upload the file here to go on.",
        )
        st.caption("The address of this page holds the edit: copy it to share or to come back.")


table = bench()
choose_source(table)
edit_panel(table)
if table.gallery.attribution:
    with st.popover("About the gallery", type="tertiary"):
        st.markdown(table.gallery.attribution)
