"""The Edit page: a picture, sliders, and the edited picture."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from explorer.catalogue.gallery import title
from explorer.edits.messages import NOTHING
from explorer.edits.recipe import Source
from explorer.engines import models
from explorer.portraits.photos import Photo
from explorer.session.editor_view import other_faces
from explorer.ui import shelf, state, visitors
from explorer.ui.choosers import faces_line, gallery_shelf, imagined_line
from explorer.ui.components.editor import editor
from explorer.ui.components.eyes import eyes, eyes_of
from explorer.ui.frame import Bench, open_bench, plain, reserved, view_of
from explorer.ui.intake import PHOTO_TYPES, Taken, intake, known_files
from explorer.ui.save_bar import edited, others_put_back, save_bar
from explorer.views.in_photo import in_photo, key_of
from explorer.wording.labels import noun
from glowcore.errors import GlowcoreError

PLACE_EYES = "place_eyes"
LATE_PRESS = "late_press"  # the photo whose button "Place the eyes" was pressed in a run of the editor's fragment


def photos_from(bench: Bench, widget: Callable[..., Any], label: str, **options: Any) -> None:
    """Show an uploader or a camera; its newest photo becomes the source of the edit."""

    def take(data: bytes) -> Taken:
        return Taken(bench.desk.receive(data, bench.engine))

    intake(bench, widget, label, take=take, **options)


def choose_source(bench: Bench) -> DeltaGenerator | None:
    """Show the row of sources: uploader, camera, random sample, gallery; return a place for the recommended samples.

    The row has a constant height, so that the picture below it does not move: if a photo has several faces, they take
    the place of the recommended samples, and the result is None.
    """
    desk, photo = bench.desk, bench.desk.photo()
    late = st.session_state.pop(LATE_PRESS, None)
    with st.container(horizontal=True, vertical_alignment="top", gap="medium"):
        with st.container(width=300, gap="xsmall", key="uploads_and_words"):
            photos_from(
                bench,
                st.file_uploader,
                "Your photos",
                key="upload",
                type=PHOTO_TYPES,
                accept_multiple_files=True,
                label_visibility="collapsed",
            )
            st.caption(visitors.privacy())
        with st.container(width=136, gap="xsmall"):
            with st.popover(
                "Camera", icon=":material/photo_camera:", width="stretch", on_change="rerun", key="cam_box"
            ) as box:
                if box.open:
                    photos_from(bench, st.camera_input, "Take a picture", key="camera", popover="cam_box")
                    st.caption(visitors.privacy())
            st.button(
                "Random",
                key="random_face",
                icon=":material/casino:",
                width="stretch",
                help="A picture drawn by the model itself",
                on_click=lambda: desk.draw(random_source(bench), bench.engine.temperature),
            )
            if photo is not None:
                eyes_by_hand(bench, photo, late == photo.key)
        with st.container(width="stretch", gap=None, key="shelves"):
            source = desk.recipe.source
            gallery_shelf(
                shelf.originals(bench),
                key="gallery",
                selected={"gallery": source.value, "photo": shelf.PHOTO + source.value}.get(source.kind, ""),
                on_choose=lambda chosen: desk.start_from(shelf.source_of(bench, chosen)),
            )
            if photo is None or len(photo.found) < 2:
                return st.container()
            faces_line(photo, source, min(bench.engine.image_size), key="faces", on_choose=desk.start_from)
            return None


def random_source(bench: Bench) -> Source:
    """Return a random seed and, for a model with classes, a random class."""
    count = len(bench.engine.class_names)
    return Source("seed", str(random.randrange(100_000)), label=random.randrange(count) if count else 0)


def offer_its_model(bench: Bench) -> None:
    """Offer to switch to the model with which an edit from elsewhere was made, if it is listed."""
    arrival = bench.desk.arrival
    entry = models.of_hash(arrival.recipe.model) if arrival.foreign else None
    if entry is None:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"This edit was made with **{entry.label}**.")
        st.button(f"Switch to {entry.label}", key="switch_model", on_click=state.choose_model, args=(entry.name,))
        st.button("Stay here", key="stay", type="tertiary", on_click=bench.desk.stay)


def ask_for_photo(bench: Bench) -> None:
    """For an edit whose photo is missing, explain which picture stands in and how to add the photo."""
    desk, source = bench.desk, bench.desk.recipe.source
    if desk.arrival.awaited is None or source.kind == "photo":
        return
    sample = f"a {noun(bench.engine)} drawn by the model"
    substitute = f"{title(source.value)} of the gallery" if source.kind == "gallery" else sample
    why = "**a photo that is not here**; addresses, and pictures that are saved without it, hold the edit alone"
    remedy = "Add the same photo above."
    if not desk.arrival.awaited.is_file:
        why = "**a picture that was mixed here, or came from another model, and is gone**"
        remedy = "A PNG with the picture inside brings it back."
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"This edit was made from {why}. {remedy} Until then the edit is shown on {plain(substitute)}.")
        st.button("Stay with this one", key="stay_without", type="tertiary", on_click=desk.stay)


@st.fragment
def edit_panel(bench: Bench, shown: tuple[Any, ...]) -> None:
    """The fragment with the editor and the save bar, which reruns alone when a slider moves.

    ``shown`` is ``beside`` as the rest of the page shows it.
    """
    desk, engine = bench.desk, bench.engine
    view = {**view_of(bench), "photo": photo_view(bench)}
    desk.wanted = NOTHING  # what was requested is sent once
    editor(
        view,
        key="editor",
        on_message=lambda message: desk.handle(message, engine),
        on_face=lambda face: choose_face(bench, face),
    )
    save_bar(bench, desk.photo())
    # Where no picture can be made, the editor has gone back to the last one; or a widget of the page has changed (see
    # ``in_fragment``). This comes last, because a slider that is removed and inserted again during the run loses the
    # focus.
    if shown != beside(bench):
        st.rerun()


def photo_view(bench: Bench) -> dict[str, Any] | None:
    """Return the key of the photo of the edit, None without one; if the editor requested the photo, with its picture.

    The photo shows the other edited faces that would be saved with it.
    """
    desk, photo = bench.desk, bench.desk.photo()
    if photo is None:
        return None
    source, others = desk.recipe.source, others_put_back(desk)
    view = {"key": key_of(bench.engine, source, others)}
    if desk.wanted.photo:
        with suppress(GlowcoreError):  # the server is busy: the editor goes on with the face alone
            pasted = {recipe.source: edited(bench, recipe) for recipe in others}
            shown = in_photo(photo, source, min(bench.engine.image_size), pasted)
            view |= {**shown, "others": other_faces(photo, source)}
    return view


def choose_face(bench: Bench, face: Any) -> None:
    """Start from another face of the photo of the edit; ``face`` is from the browser, and anything else is ignored."""
    photo = bench.desk.photo()
    if photo is not None and type(face) is int and 0 <= face < len(photo.found):
        bench.desk.start_from(replace(photo.source, face=face))


def beside(bench: Bench) -> tuple[Any, ...]:
    """Return what the page shows of the session beside the editor; a change reruns the page (see ``in_fragment``)."""
    desk, session = bench.desk, st.session_state
    return (
        (desk.recipe.source, desk.recipe.temperature),
        (desk.arrival.foreign, desk.arrival.awaited, session.get(state.MODEL)),
        (known_files("upload"), known_files("camera"), session.get("cam_box")),
        session.get(LATE_PRESS),
    )


def eyes_by_hand(bench: Bench, photo: Photo, late: bool) -> None:
    """Show the button that opens the dialog for placing the eyes, for a model of faces.

    ``late`` tells that it was pressed in a run of the editor's fragment, which cannot open the dialog.
    """

    def keep_press() -> None:
        if state.in_fragment():
            st.session_state[LATE_PRESS] = photo.key

    if noun(bench.engine) != "face":
        return
    icon = ":material/visibility:"
    if st.button("Place the eyes", key=PLACE_EYES, icon=icon, type="tertiary", on_click=keep_press) or late:
        eyes_dialog(bench, photo)


@st.dialog("Place the eyes", width="large")
def eyes_dialog(bench: Bench, photo: Photo) -> None:
    """The dialog that shows the photo until both eyes are placed."""
    if st.session_state.pop("eyes_placed", False):
        st.rerun()  # closes the dialog

    def placed(points: tuple[float, ...]) -> None:
        bench.desk.place_eyes(points, min(bench.engine.image_size))
        st.session_state["eyes_placed"] = True

    found = eyes_of(photo, bench.desk.recipe.source)
    eyes(photo.picture, key="eyes", opener=PLACE_EYES, found=found, on_place=placed)


bench = open_bench()
imagined = choose_source(bench)
with reserved():
    offer_its_model(bench)
    ask_for_photo(bench)
edit_panel(bench, beside(bench))
if imagined is not None:  # after the picture, because the first visitor waits until they are sampled
    with imagined:
        imagined_line(
            bench.engine,
            bench.desk.recipe,
            key="imagined",
            on_choose=lambda one: bench.desk.start_from(one.source, (one.temperature,)),
        )
if attribution := bench.engine.gallery.attribution:
    with st.popover("About the gallery", type="tertiary"):
        st.markdown(attribution.partition("\n|")[0])  # without the table of file numbers
