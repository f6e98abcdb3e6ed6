"""The shelf: tiles of the pictures that a page can use, which are the present edit, photos and the gallery."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np
import streamlit as st

from explorer.edits.recipe import EditRecipe, Source
from explorer.engines.results import Encoded
from explorer.pixels.pictures import data_uri, in_channels, reduced, tile_uri
from explorer.portraits.photos import TILE, Photo
from explorer.ui import visitors
from explorer.ui.choosers import gallery_tiles
from explorer.ui.components.tiles import Look, Tile, tiles
from explorer.ui.frame import Bench
from explorer.ui.intake import PHOTO_TYPES, Taken, intake
from explorer.wording.labels import noun

EDIT = "edit"
UNEDITED = "unedited"
PHOTO = "photo:"
YOURS = "yours"  # the group of the visitor's own pictures


def entries(bench: Bench) -> list[Tile]:
    """Return all tiles of the shelf, the most personal first."""
    own = [Tile(EDIT, data_uri(picture(bench, EDIT)), "Your present edit")]
    if bench.desk.recipe.moves and unedited(bench) == UNEDITED:
        own.append(Tile(UNEDITED, data_uri(picture(bench, UNEDITED)), "Your present edit, unedited"))
    return [*own, *originals(bench, every_face=True)]


def originals(bench: Bench, *, every_face: bool = False) -> list[Tile]:
    """Return the tiles of pictures that an edit can start from: photos, crops without their photo, and the gallery.

    The gallery comes first for a model of other pictures than faces. ``every_face`` is as of ``photo_tiles``.
    """
    own = [*photo_tiles(bench, every_face=every_face), *crop_tiles(bench)]
    gallery = gallery_tiles(bench.engine)
    return [*own, *gallery] if noun(bench.engine) == "face" else [*gallery, *own]


def unedited(bench: Bench) -> str:
    """Return the id of the tile from which the present edit starts, ``UNEDITED`` if ``originals`` has none."""
    source = bench.desk.recipe.source
    if source.kind == "gallery":
        return source.value
    if source.kind == "photo" and source.value in bench.desk.photos:
        return _face_id(bench.desk.photos[source.value], source)
    brought = source.kind == "photo" and source.value in bench.desk.crops.brought
    return PHOTO + source.value if brought else UNEDITED


def photo_tiles(bench: Bench, *, every_face: bool = False) -> list[Tile]:
    """Return the tiles of this session's photos, the newest first.

    A photo has one tile, of the face that it was last used with. With ``every_face`` each face has one, whose id
    holds the number of the face, so that a place keeps its face while the photo is used with another.
    """
    photos, entries = bench.desk.photos, []
    for key in photos.newest_first:
        photo, source = photos[key], photos.source_of(key)
        count = len(photo.found) if every_face else 0
        for face in (source, *(replace(source, face=i, eyes=()) for i in range(count) if i != source.face)):
            which = f", face {face.face + 1} of {count}" if count > 1 and face.face >= 0 else ""
            identity = _face_id(photo, face) if every_face else PHOTO + key
            entries.append(Tile(identity, _uri(bench, photo.tile(face)), photos.name_of(key) + which, group=YOURS))
    return entries


def _face_id(photo: Photo, source: Source) -> str:
    """Return the id of the tile of one face: of the photo alone for a centre crop or for eyes placed by hand."""
    return f"{PHOTO}{photo.key}:{source.face}" if photo.found and source.face >= 0 else PHOTO + photo.key


def _uri(bench: Bench, picture: np.ndarray) -> str:
    return tile_uri(in_channels(reduced(picture, TILE), bench.engine.config.channels))


def crop_tiles(bench: Bench) -> list[Tile]:
    """Return the tiles of crops from a PNG without their photo and of mixed pictures, the newest first."""
    crops = bench.desk.crops
    return [
        Tile(PHOTO + key, _uri(bench, crops[key]), crops.name_of(key), group=YOURS)
        for key in crops.brought
        if key not in bench.desk.photos
    ]


def source_of(bench: Bench, identity: str) -> Source:
    """Return the source of a tile of a photo or of the gallery."""
    if not identity.startswith(PHOTO):
        return Source("gallery", identity)
    key, _, face = identity.removeprefix(PHOTO).partition(":")
    source = (bench.desk.photos if key in bench.desk.photos else bench.desk.crops).source_of(key)
    return replace(source, face=int(face), eyes=()) if face else source


def picture(bench: Bench, identity: str, size: int | None = None) -> np.ndarray:
    """Return the aligned picture of a tile, uint8 ``[H, W, 3]``; ``size`` is for photos, by default the model's."""
    engine, desk = bench.engine, bench.desk
    if identity == EDIT:
        return engine.render(desk.recipe, desk.picture(desk.recipe, engine)).picture
    if identity == UNEDITED:
        return engine.source(desk.recipe, desk.picture(desk.recipe, engine)).picture
    source = source_of(bench, identity)
    if source.value in desk.photos and size is not None:
        return desk.photos[source.value].aligned(size, source).image
    return desk.picture(EditRecipe(source), engine)


def encoded(bench: Bench, identity: str) -> Encoded:
    """Encode the picture of a tile."""
    return bench.engine.encode(picture(bench, identity))


def slot(name: str, shelf: list[Tile], start: str) -> str:
    """Show a named place for one picture of the shelf; return the id in it, which is ``start`` until one is chosen."""
    current = chosen(name, shelf) or start

    def choose(identity: str) -> None:
        fill([(name, identity)])

    st.markdown(f"**{name}**")
    tiles(
        shelf,
        key=f"tiles_{name}",
        label=f"Picture {name}",
        on_choose=choose,
        selected=current,
        look=Look("3.2rem", "line"),
    )
    return current


def chosen(name: str, shelf: list[Tile]) -> str | None:
    """Return the id that was put into the place ``name``, None if it is not on the shelf or there is none.

    A photo without the number of a face, as in older addresses, stands for its best face.
    """
    known, identity = {tile.id for tile in shelf}, kept(name)
    return next((i for i in (identity, f"{identity}:0") if i in known), None)


def kept(name: str) -> str | None:
    """Return the id that was put into the place ``name``, on the shelf or not."""
    return st.session_state.get(_place(name))


def photos_in(bench: Bench, chosen: Sequence[str]) -> set[str]:
    """Return the keys of the photos and crops among tiles, on which a picture made of the tiles depends."""
    edit = {bench.desk.personal()} - {""} if {EDIT, UNEDITED} & set(chosen) else set()
    return edit | {_key_of(i) for i in chosen if i.startswith(PHOTO)}


def fill(pictures: Iterable[tuple[str, str]]) -> None:
    """Put tiles into places; ``pictures`` holds pairs of a place's name and a tile's id."""
    for name, identity in pictures:
        st.session_state[_place(name)] = identity


def _key_of(identity: str) -> str:
    """Return the key of the photo or crop of a tile."""
    return identity.removeprefix(PHOTO).partition(":")[0]


def _place(name: str) -> str:
    return f"slot_{name}"


def add_photos(bench: Bench, key: str, on_added: Callable[[str], None]) -> None:
    """Show an uploader that adds photos to the shelf; ``on_added`` gets the id of each tile."""

    def take(data: bytes) -> Taken:
        photo = bench.desk.add_photo(data)
        on_added(_face_id(photo, photo.source))
        faceless = "no face was found, so its centre is used. The Edit page has a way to place the eyes."
        sought = noun(bench.engine) == "face" and not photo.found
        return Taken(photo.key, faceless if sought else "")

    intake(
        bench,
        st.file_uploader,
        "Add photos",
        key=key,
        take=take,
        type=PHOTO_TYPES,
        accept_multiple_files=True,
        label_visibility="collapsed",
    )
    st.caption(visitors.privacy())
