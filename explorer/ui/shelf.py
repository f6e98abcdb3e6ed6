"""The pictures at hand on every page: the present edit, this session's photos, the gallery."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import streamlit as st

from explorer.pictures import data_uri
from explorer.recipe import EditRecipe, Source
from explorer.results import Encoded
from explorer.ui.choosers import PHOTO_TYPES, PRIVACY, shared_gallery_tiles
from explorer.ui.components.tiles import Tile, tiles
from explorer.ui.frame import Bench
from glowcore.errors import GlowcoreError

EDIT = "edit"
PHOTO = "photo:"


def entries(table: Bench) -> list[Tile]:
    """What can be chosen, most personal first."""
    engine, desk = table.engine, table.desk
    result = [Tile(EDIT, data_uri(picture(table, EDIT)), "Your present edit")]
    for key, photo in reversed(desk.photos.items()):
        aligned = photo.aligned(min(engine.size), photo.source).image
        result.append(Tile(PHOTO + key, data_uri(aligned), "Your photo"))
    return result + shared_gallery_tiles(table.gallery)


def picture(table: Bench, identity: str, size: int | None = None) -> np.ndarray:
    """The aligned picture of a tile, uint8 [H, W, 3]; a photo of `size` pixels, by default as the model in use."""
    engine, desk, gallery = table.engine, table.desk, table.gallery
    if identity == EDIT:
        return engine.render(desk.recipe, desk.picture(desk.recipe, engine, gallery)).picture
    if identity.startswith(PHOTO):
        photo = desk.photos[identity.removeprefix(PHOTO)]
        source = photo.source
        if size is not None:
            return photo.aligned(size, source).image
    else:
        source = Source("gallery", identity)
    return desk.picture(EditRecipe(source), engine, gallery)


def encoded(table: Bench, identity: str) -> Encoded:
    """The picture of a tile as the model knows it."""
    return table.engine.encode(picture(table, identity))


def slot(table: Bench, name: str, shelf: list[Tile], start: int, on_choose: Callable[[str], None] | None = None) -> str:
    """A named place that holds one picture of the shelf; gives the id of the one in it."""
    key = f"slot_{name}"
    known = [t.id for t in shelf]
    if st.session_state.get(key) not in known:
        st.session_state[key] = known[min(start, len(known) - 1)]

    def choose(identity: str) -> None:
        st.session_state[key] = identity

    st.markdown(f"**{name}**")
    tiles(
        shelf,
        key=f"tiles_{name}",
        label=f"Picture {name}",
        on_choose=choose,
        selected=st.session_state[key],
        tile="3.2rem",
        layout="line",
    )
    return st.session_state[key]


def add_photos(table: Bench, key: str, on_added: Callable[[list[str]], None] = lambda added: None) -> None:
    """An uploader that puts photos on the shelf; `on_added` gets the ids of those that were not there before."""

    def receive() -> None:
        problems, before = [], set(table.desk.photos)
        for file in st.session_state.get(key) or []:
            try:
                table.desk.add_photo(file.getvalue())
            except GlowcoreError as error:
                problems.append(f"{error}.")
        st.session_state[f"{key}_problems"] = problems
        on_added([PHOTO + k for k in table.desk.photos if k not in before])

    st.file_uploader(
        "Add photos",
        type=PHOTO_TYPES,
        accept_multiple_files=True,
        key=key,
        on_change=receive,
        help=PRIVACY,
        label_visibility="collapsed",
    )
    for problem in st.session_state.get(f"{key}_problems", []):
        st.warning(problem)
