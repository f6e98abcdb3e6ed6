"""Edit: a face, sliders, and the exact picture."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from explorer.catalogue.gallery import title
from explorer.edits import recipe_png
from explorer.edits.recipe import TEMPERATURE_LIMIT, EditRecipe, Source
from explorer.engines import models
from explorer.pixels.pictures import png
from explorer.portraits.photos import Photo
from explorer.session.editor_view import strengths
from explorer.ui import shelf, state, visitors
from explorer.ui.choosers import faces_line, gallery_shelf, imagined_line
from explorer.ui.components.editor import editor
from explorer.ui.components.eyes import eyes
from explorer.ui.downloads import LARGE, LARGE_LABEL, download
from explorer.ui.frame import Bench, open_bench, plain, view_of
from explorer.ui.grid_dialog import grid_button
from explorer.ui.intake import PHOTO_TYPES, Taken, holds, intake, remove
from explorer.views import export
from explorer.wording.labels import noun
from explorer.wording.sentences import link_words
from glowcore.errors import GlowcoreError
from glowcore.films import enlarge
from glowcore.text import counted

FACE = "The exact picture. Its recipe travels inside: upload the file here to go on."
TO_SHOW = "The same picture enlarged, for showing it to people. Its recipe travels inside as well."
BOTH = "The unedited picture beside the edited one, the strengths below them. Its recipe travels inside as well."
WHOLE = "Your photo at its own size, changed only where the edit changed the face."
EMBED = "Then the file alone is enough to go on. Whoever gets it can see the unedited face."
PLACE_EYES = "place_eyes"


def photos_from(bench: Bench, widget: Callable[..., Any], label: str, **options: Any) -> None:
    """An uploader or a camera: what it gives is edited at once."""

    def take(data: bytes) -> Taken:
        return Taken(bench.desk.receive(data, bench.engine))

    intake(bench, widget, label, take=take, **options)


def choose_source(bench: Bench) -> DeltaGenerator | None:
    """Upload, camera, a sampled face, or one of the gallery; gives the place for the imagined ones.

    The row is always as high, or the picture below it would move: faces of a photo stand where the imagined ones do.
    """
    desk, photo = bench.desk, bench.desk.photo()
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
                    photos_from(bench, st.camera_input, "Take a picture", key="camera")
                    st.caption(visitors.privacy())
            st.button(
                "Random",
                key="random_face",
                icon=":material/casino:",
                width="stretch",
                help="A picture drawn by the model itself",
                on_click=lambda: desk.draw(random_source(bench), bench.engine.temperature),
            )
            if photo is not None and len(photo.found) != 1:
                eyes_by_hand(bench, photo)
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
            faces_line(photo, source, min(bench.engine.size), key="faces", on_choose=desk.start_from)
            return None


def random_source(bench: Bench) -> Source:
    """A picture that the model draws, of any of its classes."""
    count = len(bench.engine.class_names)
    return Source("seed", str(random.randrange(100_000)), label=random.randrange(count) if count else 0)


def offer_its_model(bench: Bench) -> None:
    """An edit that was made with another model can be looked at with that one, where it is here."""
    arrival = bench.desk.arrival
    entry = models.of_hash(arrival.recipe.model) if arrival.foreign else None
    if entry is None:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"This edit was made with **{entry.label}**.")
        st.button(f"Switch to {entry.label}", key="switch_model", on_click=state.choose_model, args=(entry.name,))
        st.button("Stay here", key="stay", type="tertiary", on_click=bench.desk.stay)


def ask_for_photo(bench: Bench) -> None:
    """An edit of a photo that did not come along is shown on another face; say which, and how to see the photo."""
    desk, source = bench.desk, bench.desk.recipe.source
    if desk.arrival.awaited is None or source.kind == "photo":
        return
    drawn = f"a {noun(bench.engine)} drawn by the model"
    shown = f"{title(source.value)} of the gallery" if source.kind == "gallery" else drawn
    lacking, way = "a photo that is not here", "Add the same photo above to see it again."
    if not desk.arrival.awaited.is_file:
        lacking = "a picture that was mixed here, or came from another model, and is gone"
        way = "A PNG with the picture inside brings it back."
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"This edit was made from **{lacking}** and is shown on {plain(shown)}. {way}")
        st.button("Stay with this one", key="stay_without", type="tertiary", on_click=desk.stay)


@st.fragment
def edit_panel(bench: Bench, marked: tuple[Source, tuple[float, ...]]) -> None:
    """The editor and what goes with its picture; runs alone when a slider moves.

    `marked` is the picture, with its temperature, that the page around it shows as chosen.
    """
    desk, engine = bench.desk, bench.engine
    moved = marked != picked(bench)
    photo = desk.photo()
    editor(view_of(bench), key="editor", on_message=lambda message: desk.handle(message, engine))
    save_bar(bench, photo)
    # The page has to mark another, unless that one could not be shown and the editor has gone back. Only now: a slider
    # that is taken off and put back on the way loses the focus.
    if moved and marked != picked(bench):
        st.rerun()


def picked(bench: Bench) -> tuple[Source, tuple[float, ...]]:
    """The picture that the edit starts from, and how warm it is."""
    return bench.desk.recipe.source, bench.desk.recipe.temperature


def seed_bar(bench: Bench) -> None:
    """How far from the average the sampled picture may be."""
    desk, recipe = bench.desk, bench.desk.recipe
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


def eyes_by_hand(bench: Bench, photo: Photo) -> None:
    """Opens the photo, where two clicks say where the eyes are."""
    faces = noun(bench.engine) == "face"
    if faces and st.button("Place the eyes", key=PLACE_EYES, icon=":material/visibility:", type="tertiary"):
        eyes_dialog(bench, photo)


@st.dialog("Place the eyes", width="large")
def eyes_dialog(bench: Bench, photo: Photo) -> None:
    """The photo, large, until both eyes are placed."""
    if st.session_state.pop("eyes_placed", False):
        st.rerun()  # without the dialog

    def placed(points: tuple[float, ...]) -> None:
        bench.desk.place_eyes(points, min(bench.engine.size))
        st.session_state["eyes_placed"] = True

    eyes(photo.picture, key="eyes", opener=PLACE_EYES, on_place=placed)


def save_bar(bench: Bench, photo: Photo | None) -> None:
    """The row below the editor: buttons that save, and the controls of this kind of source."""
    desk, source = bench.desk, bench.desk.recipe.source
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        first = st.container(horizontal=True, width="content", gap="small")
        if photo is not None:
            save_whole_photo(bench, photo)
        embed = source.kind == "photo" and st.checkbox(
            "Keep my cropped face inside the face PNG", key="embed", help=EMBED
        )
        with first, suppress(GlowcoreError):  # the editor has just shown the reason
            save_face(bench, embed)
        grid_button(bench)
        if photo is not None and len(photo.found) == 1:
            eyes_by_hand(bench, photo)
        remove_button(bench)
        if source.kind == "seed":
            seed_bar(bench)
        st.caption(link_words(desk.recipe, bench.engine.own, desk.crops))


def edited(bench: Bench, recipe: EditRecipe) -> np.ndarray:
    """Return the picture that a recipe gives, uint8 [H, W, 3]."""
    return bench.engine.render(recipe, bench.desk.picture(recipe, bench.engine)).picture


def save_whole_photo(bench: Bench, photo: Photo) -> None:
    """The button that saves the photo with the edited face, and with other edited faces if the visitor wants them."""
    recipe = bench.desk.recipe
    put_back = [recipe]
    download(
        "Save whole photo",
        "edited-photo.png",
        lambda: png(photo.with_edits({r.source: edited(bench, r) for r in put_back})),
        key="save_photo",
        what=WHOLE,
    )
    detected = recipe.source.face >= 0  # eyes placed by hand may be those of another edited face
    edited_here = bench.desk.history.faces.of_photo(photo.key) if detected else []
    others = [r for r in edited_here if r.source != recipe.source]
    if others and st.checkbox(f"With {counted(len(others), 'other face')} edited before", key="others"):
        put_back[:0] = others


def save_face(bench: Bench, embed: bool) -> None:
    """The buttons that save the face as a PNG with its recipe; `embed` adds the unedited crop to the file."""
    desk, engine, recipe = bench.desk, bench.engine, bench.desk.recipe

    def original() -> np.ndarray:
        return engine.source(recipe, desk.picture(recipe, engine)).picture

    def file(picture: np.ndarray) -> bytes:
        return recipe_png.to_png(picture, recipe, original() if embed else None)

    download(
        "Save PNG",
        "edited-face.png",
        lambda: file(edited(bench, recipe)),
        key="save_face",
        what=FACE,
        at_once=True,
    )
    if min(engine.size) < LARGE:
        download(
            LARGE_LABEL,
            f"edited-face-{LARGE}.png",
            lambda: file(enlarge(edited(bench, recipe), LARGE)),
            key="save_face_large",
            what=TO_SHOW,
        )
    download(
        "Save before and after",
        "before-and-after.png",
        lambda: file(export.before_and_after(original(), edited(bench, recipe), strengths(recipe))),
        key="save_both",
        what=BOTH,
    )


def remove_button(bench: Bench) -> None:
    """The button that removes the photo of the edit, unless it is in the uploader, from where its file is removed."""
    photo = bench.desk.personal()
    if not photo or holds("upload", photo):
        return
    if st.button("Remove photo", key="remove_photo", icon=":material/delete:", type="tertiary"):
        remove(bench, photo)
        st.rerun()


bench = open_bench()
imagined = choose_source(bench)
offer_its_model(bench)
ask_for_photo(bench)
edit_panel(bench, picked(bench))
if imagined is not None:  # after the picture, for the first visitor of all waits until they are drawn
    with imagined:
        imagined_line(bench.engine, bench.desk.recipe, key="imagined", on_choose=bench.desk.imagine)
if attribution := bench.engine.gallery.attribution:
    with st.popover("About the gallery", type="tertiary"):
        st.markdown(attribution)
