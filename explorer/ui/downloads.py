"""Buttons that save a file or open a picture in Edit."""

from __future__ import annotations

import mimetypes
import re
import unicodedata
from collections.abc import Callable, Collection

import numpy as np
import streamlit as st

from explorer.edits.recipe import EditRecipe, Source
from explorer.engines.engine import Engine
from explorer.pixels.pictures import png
from explorer.ui.frame import Bench, open_in_edit
from glowcore.films import enlarge
from glowcore.images import PICTURE_SUFFIXES

LARGE = 512  # pixels, of enlarged pictures; 64 x 64 is tiny on a phone
SAVE = "Save picture"
LONGEST = 40  # characters, of a part of a file name
_SUFFIX = re.compile(rf"({'|'.join(map(re.escape, PICTURE_SUFFIXES))})\b")


def exact_label(side: int) -> str:
    """Return the label of the button that saves a picture with the model's own pixels."""
    return f"Exact {side} px PNG"


def stem(*parts: str) -> str:
    """Return a file name without its suffix: the parts in lower-case ASCII letters, digits, dots and hyphens.

    Names of picture files within the parts lose their suffix.
    """
    words = [unicodedata.normalize("NFKD", part).encode("ascii", "ignore").decode().lower() for part in parts]
    plain = [re.sub("[^a-z0-9.]+", "-", _SUFFIX.sub("", word))[:LONGEST].strip("-.") for word in words]
    return "-".join(filter(None, plain))


def download(
    label: str,
    name: str,
    data: bytes | Callable[[], bytes | str],
    *,
    key: str,
    icon: str = "download",
    what: str | None = None,
) -> None:
    """Show a button that saves a file.

    Args:
        label: the text of the button.
        name: the file name, whose suffix determines the MIME type.
        data: the contents, or a function that returns them, called when the button is pressed. Streamlit cannot serve
            a deferred file while the page reruns; it keeps given contents for one more run.
        key: the key of the widget.
        icon: the name of a Material icon.
        what: the tooltip.
    """
    st.download_button(
        label,
        data=data,
        file_name=name,
        mime=mimetypes.guess_type(name)[0] or "application/octet-stream",
        key=key,
        icon=f":material/{icon}:",
        on_click="ignore",
        help=what,
    )


def save_picture(
    file: Callable[[int], bytes],
    engine: Engine,
    name: str,
    *,
    key: str,
    label: str = SAVE,
    large: int = LARGE,
    what: str = f"Enlarged to {LARGE} pixels, for showing it to people.",
    exact: str | None = None,
    exact_what: str = "The model's own pixels.",
) -> None:
    """Show the buttons that save a picture of a model: enlarged, unless the model's are as large, and exact.

    Args:
        file: takes the shorter side in pixels and returns the PNG.
        engine: the model.
        name: the file name without suffix.
        key: the key of the exact one; "_large" is appended for the other.
        label: the text of the enlarged one.
        large: the shorter side of the enlarged one.
        what: the tooltip of the enlarged one.
        exact: the text of the exact one, by default ``exact_label``.
        exact_what: the tooltip of the exact one.
    """
    side = min(engine.image_size)
    if side < large:
        download(label, f"{name}.png", lambda: file(large), key=f"{key}_large", what=what)
    download(exact or exact_label(side), f"{name}-{side}px.png", lambda: file(side), key=key, what=exact_what)


def keep_picture(
    bench: Bench,
    picture: Callable[[], np.ndarray],
    name: str,
    *,
    key: str,
    source: Source | None = None,
    photos: Collection[str] = (),
    on_open: Callable[[], None] | None = None,
) -> None:
    """Show the buttons that open a picture in Edit or save it.

    Args:
        bench: the model and the edit.
        picture: returns the picture, uint8 ``[H, W, 3]``; called when a button is pressed.
        name: the file name without suffix.
        key: names the container, "keep_" + key, and the buttons, "open_" + key and "save_" + key.
        source: what Edit starts from, by default the picture as a photo.
        photos: the keys of the photos and crops that the picture shows; it is removed together with them.
        on_open: called before the picture is opened in Edit.
    """
    with st.container(horizontal=True, key=f"keep_{key}"):
        if st.button("Open in Edit", key=f"open_{key}", icon=":material/tune:", on_click=on_open):
            source = source or bench.desk.crops.mix(picture(), photos)
            open_in_edit(bench, EditRecipe(source, model=bench.engine.model_hash))
        save_picture(lambda side: png(enlarge(picture(), side)), bench.engine, name, key=f"save_{key}")
