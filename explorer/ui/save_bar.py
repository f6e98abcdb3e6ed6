"""The part below the editor of the Edit page: controls of the source, and buttons that save files."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import streamlit as st

from explorer.edits import recipe_png
from explorer.edits.recipe import TEMPERATURE_LIMIT, EditRecipe
from explorer.pixels.pictures import png
from explorer.portraits.photos import Photo
from explorer.session.desk import Desk
from explorer.session.editor_view import strengths
from explorer.ui.downloads import LARGE, SAVE, download, exact_label
from explorer.ui.file_names import file_name
from explorer.ui.frame import Bench
from explorer.ui.grid_dialog import grid_button
from explorer.ui.intake import holds, reduction, remove
from explorer.ui.memo import remembered
from explorer.views import export
from explorer.wording.sentences import link_words
from glowcore.errors import GlowcoreError
from glowcore.films import enlarge
from glowcore.text import counted

PICTURE = "For showing it to people."
FACE = "The face alone, without the rest of your photo."
ENOUGH = "Its recipe travels inside: upload the file here to go on."
WITH_PHOTO = "Its recipe travels inside: upload the file and your photo here to go on."
WITH_PICTURE = "Its recipe travels inside; to go on from the file, keep the unedited picture in it as well."
EXACT = "The model's own pixels, to the last bit. The recipe travels inside as well."
BOTH = "The unedited picture beside the edited one, the strengths below them. Its recipe travels inside as well."
WHOLE = "Your photo {}, changed only where the edit changed the face."
EMBED_FACE = "So that the edit can be undone and changed without your photo; whoever has the file can see that face."
EMBED_PICTURE = "So that the file alone is enough to go on; whoever has the file can see that picture."
KEEP_FACE = "embed"  # key of the checkbox that adds the unedited face of a photo to the face's files
KEEP_PICTURE = "embed picture"  # key of the one that adds an unedited picture without its photo
OTHERS = "others"  # key of the checkbox that adds the other edited faces of the photo
WARMED = "temperature known"  # key of the temperatures that the slider has reported or was given, and of its number


def save_bar(bench: Bench, photo: Photo | None) -> None:
    """Show the buttons and controls for the present edit; ``photo`` is its photo, None without one."""
    desk, source = bench.desk, bench.desk.recipe.source
    with st.container(gap=None):  # one element, because page.css puts each one into the same place
        if source.kind == "seed":
            _seed_bar(bench)
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            grid_button(bench)
            if photo is not None:
                _save_whole_photo(bench, photo)
            with suppress(GlowcoreError):  # the editor has just shown the reason
                _save_face(bench, in_photo=photo is not None)
            _remove_button(bench)
            if words := link_words(desk.recipe, bench.engine.own, desk.crops):
                st.caption(words)
            if photo is not None:
                st.checkbox("Keep my unedited face in the file", key=KEEP_FACE, help=EMBED_FACE)
            elif _shows_somebody(desk):
                st.checkbox("Keep the unedited picture in the file", key=KEEP_PICTURE, help=EMBED_PICTURE)


def others_put_back(desk: Desk) -> list[EditRecipe]:
    """Return the edits of the photo's other faces, if the visitor wants them in the whole photo."""
    return _other_edits(desk) if st.session_state.get(OTHERS, True) else []


def edited(bench: Bench, recipe: EditRecipe) -> np.ndarray:
    """Return the picture that a recipe gives, uint8 ``[H, W, 3]``."""
    return bench.engine.render(recipe, bench.desk.picture(recipe, bench.engine)).picture


def _seed_bar(bench: Bench) -> None:
    """Show the temperature of a sampled picture; nothing for one temperature per level."""
    desk, recipe = bench.desk, bench.desk.recipe
    if len(recipe.temperature) > 1:
        return
    # A new slider only if something else changed the temperature. Setting its value would drop the keys pressed since,
    # and the browser would not get the value if another run interrupts this one.
    known, number = st.session_state.get(WARMED, ((), 0))
    if known != recipe.temperature:
        number += 1
        st.session_state[WARMED] = (recipe.temperature, number)
    key = f"edit_temperature {number}"

    def warm() -> None:
        desk.warm(st.session_state[key])
        st.session_state[WARMED] = (desk.recipe.temperature, number)

    with st.container(width=240):
        st.slider(
            f"Temperature of seed {recipe.source.value}",
            0.0,
            TEMPERATURE_LIMIT,
            recipe.temperature[0],
            step=0.05,
            key=key,
            help="0 is the average picture, 1 as varied as the pictures the model has learnt from.",
            on_change=warm,
        )


def _other_edits(desk: Desk) -> list[EditRecipe]:
    source = desk.recipe.source
    if source.face < 0:  # hand-placed eyes may be those of another edited face
        return []
    return [recipe for recipe in desk.history.faces.of_photo(source.value) if recipe.source != source]


def _save_whole_photo(bench: Bench, photo: Photo) -> None:
    """Show the button that saves the photo with the edited face, and optionally with its other edited faces."""
    desk, others = bench.desk, _other_edits(bench.desk)
    button = st.container(width="content")
    if others:
        st.checkbox(f"With {counted(len(others), 'other face')} edited before", value=True, key=OTHERS)
    recipes = [*others_put_back(desk), desk.recipe]
    sizes = remembered("sizes", photo.key, lambda: reduction(photo))  # reads all scans of a progressive JPEG
    with button:
        download(
            "Save whole photo",
            f"{file_name(desk, 'whole-photo')}.png",
            lambda: png(photo.with_edits({r.source: edited(bench, r) for r in recipes})),
            key="save_photo",
            what=WHOLE.format(f"({sizes})" if sizes else "at its own size"),
        )


def _shows_somebody(desk: Desk) -> bool:
    """Return whether the edit starts from a photo, or from a picture that may show one."""
    source = desk.recipe.source
    return source.kind == "photo" and not desk.crops.impersonal(source.value)


def _save_face(bench: Bench, *, in_photo: bool) -> None:
    """Show the buttons that save the face as a PNG with its recipe.

    Args:
        bench: the model and the edit.
        in_photo: whether the whole photo is offered beside the face, which the labels then tell apart.
    """
    desk, engine, recipe = bench.desk, bench.engine, bench.desk.recipe
    asked = _shows_somebody(desk)
    leave = st.session_state.get(KEEP_FACE if in_photo else KEEP_PICTURE, False)
    embed = recipe.source.kind == "photo" and (not asked or leave)
    go_on = ENOUGH if embed or not asked else WITH_PHOTO if in_photo else WITH_PICTURE
    side = min(engine.image_size)

    def original() -> np.ndarray:
        return engine.source(recipe, desk.picture(recipe, engine)).picture

    def file(picture: np.ndarray) -> bytes:
        return recipe_png.to_png(picture, recipe, original() if embed else None)

    exact = file(edited(bench, recipe))  # first, so that without a picture no button is shown
    if side < LARGE:
        download(
            "Save face" if in_photo else SAVE,
            f"{file_name(desk)}.png",
            lambda: file(enlarge(edited(bench, recipe), LARGE)),
            key="save_face_large",
            what=f"{FACE if in_photo else PICTURE} {go_on}",
        )
    download(
        exact_label(side),
        f"{file_name(desk, f'{side}px')}.png",
        exact,
        key="save_face",
        what=EXACT,
    )
    download(
        "Save before and after",
        f"{file_name(desk, 'before-and-after')}.png",
        lambda: file(export.before_and_after(original(), edited(bench, recipe), strengths(recipe))),
        key="save_both",
        what=BOTH,
    )


def _remove_button(bench: Bench) -> None:
    """Show the button that removes the photo of the edit, unless the uploader lists its file and can remove it."""
    photo = bench.desk.personal()
    if not photo or holds("upload", photo):
        return
    if st.button("Remove photo", key="remove_photo", icon=":material/delete:", type="tertiary"):
        remove(bench, photo)
        st.rerun()
