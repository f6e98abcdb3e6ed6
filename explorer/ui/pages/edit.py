"""The Edit page: a picture, sliders, and the edited picture."""

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
    missing, remedy = "a photo that is not here", "Add the same photo above to see it again."
    if not desk.arrival.awaited.is_file:
        missing = "a picture that was mixed here, or came from another model, and is gone"
        remedy = "A PNG with the picture inside brings it back."
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"This edit was made from **{missing}** and is shown on {plain(substitute)}. {remedy}")
        st.button("Stay with this one", key="stay_without", type="tertiary", on_click=desk.stay)


@st.fragment
def edit_panel(bench: Bench, marked: tuple[Source, tuple[float, ...]]) -> None:
    """The fragment with the editor and the save bar, which reruns alone when a slider moves.

    ``marked`` is the source, with its temperature, that the rest of the page marks as chosen.
    """
    desk, engine = bench.desk, bench.engine
    changed = marked != picked(bench)
    photo = desk.photo()
    editor(view_of(bench), key="editor", on_message=lambda message: desk.handle(message, engine))
    save_bar(bench, photo)
    # The rest of the page must mark the new source, unless it could not be shown and the editor went back to the last
    # one. This comes last because a slider that is removed and inserted again during the run loses the focus.
    if changed and marked != picked(bench):
        st.rerun()


def picked(bench: Bench) -> tuple[Source, tuple[float, ...]]:
    """Return the source of the edit and its temperature."""
    return bench.desk.recipe.source, bench.desk.recipe.temperature


def seed_bar(bench: Bench) -> None:
    """Show the temperature of a sampled picture; nothing for one temperature per level."""
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
    """Show the button that opens the dialog for placing the eyes, for a model of faces."""
    faces = noun(bench.engine) == "face"
    if faces and st.button("Place the eyes", key=PLACE_EYES, icon=":material/visibility:", type="tertiary"):
        eyes_dialog(bench, photo)


@st.dialog("Place the eyes", width="large")
def eyes_dialog(bench: Bench, photo: Photo) -> None:
    """The dialog that shows the photo until both eyes are placed."""
    if st.session_state.pop("eyes_placed", False):
        st.rerun()  # closes the dialog

    def placed(points: tuple[float, ...]) -> None:
        bench.desk.place_eyes(points, min(bench.engine.image_size))
        st.session_state["eyes_placed"] = True

    eyes(photo.picture, key="eyes", opener=PLACE_EYES, on_place=placed)


def save_bar(bench: Bench, photo: Photo | None) -> None:
    """Show the row below the editor: buttons that save files, and the controls for this kind of source."""
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
    """Return the picture that a recipe gives, uint8 ``[H, W, 3]``."""
    return bench.engine.render(recipe, bench.desk.picture(recipe, bench.engine)).picture


def save_whole_photo(bench: Bench, photo: Photo) -> None:
    """Show the button that saves the photo with the edited face, and optionally with its other edited faces."""
    recipe = bench.desk.recipe
    put_back = [recipe]
    download(
        "Save whole photo",
        "edited-photo.png",
        lambda: png(photo.with_edits({r.source: edited(bench, r) for r in put_back})),
        key="save_photo",
        what=WHOLE,
    )
    detected = recipe.source.face >= 0  # hand-placed eyes may be those of another edited face
    edited_here = bench.desk.history.faces.of_photo(photo.key) if detected else []
    others = [r for r in edited_here if r.source != recipe.source]
    if others and st.checkbox(f"With {counted(len(others), 'other face')} edited before", key="others"):
        put_back[:0] = others


def save_face(bench: Bench, embed: bool) -> None:
    """Show the buttons that save the face as a PNG with its recipe; ``embed`` adds the unedited crop to the file."""
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
    if min(engine.image_size) < LARGE:
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
    """Show the button that removes the photo of the edit, unless the uploader lists its file and can remove it."""
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
        st.markdown(attribution)
