"""Controls that choose a picture: gallery tiles, recommended samples, faces in a photo."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import streamlit as st

from explorer.catalogue.gallery import Gallery, title
from explorer.catalogue.imagined import Imagined
from explorer.edits.recipe import EditRecipe, Source
from explorer.engines.engine import Engine
from explorer.pixels.pictures import tile_uri
from explorer.portraits.photos import Photo
from explorer.ui.components.tiles import Look, Tile, tiles
from explorer.wording.labels import noun


@st.cache_resource(max_entries=8, show_spinner=False)
def _gallery_tiles(folder: str, stamps: tuple[str, ...], noun_of: str) -> list[Tile]:
    # ``stamps`` is for the key alone.
    # All sessions share these tiles: the gallery of a model is public and small. Never cache pictures of users so.
    gallery = Gallery(Path(folder))
    return [Tile(n, tile_uri(gallery.load(n)), f"Gallery {noun_of}: {title(n)}") for n in gallery.names]


def gallery_tiles(engine: Engine) -> list[Tile]:
    """Return the tiles of the gallery of an engine's model."""
    gallery = engine.gallery
    return _gallery_tiles(str(gallery.folder), gallery.stamps, noun(engine))


def gallery_shelf(entries: Sequence[Tile], *, key: str, selected: str, on_choose: Callable[[str], None]) -> None:
    """Show tiles on a shelf, from which one can be chosen; nothing without entries."""
    if entries:
        tiles(
            entries,
            key=key,
            label="Gallery",
            on_choose=on_choose,
            selected=selected,
            look=Look("2.6rem", "shelf"),
        )


@st.cache_resource(max_entries=8, show_spinner=False)
def _imagined_tiles(model_hash: str, samples: tuple[str, ...], noun_of: str, _engine: Engine) -> list[Tile]:
    # ``samples`` is for the key alone.
    # Public like the gallery. Sampled one by one, as the editor does, so that the pictures are identical.
    return [
        Tile(str(one.seed), tile_uri(_engine.sample([one.seed], one.temperature)[0]), f"Imagined {noun_of}: {one.name}")
        for one in _engine.imagined
    ]


def imagined_line(engine: Engine, recipe: EditRecipe, *, key: str, on_choose: Callable[[Imagined], None]) -> None:
    """Show the samples that the model's author recommends, in one line; nothing without any."""
    known = {str(one.seed): one for one in engine.imagined}
    if not known:
        return
    one = known.get(recipe.source.value) if recipe.source.kind == "seed" else None
    samples = tuple(f"{one.seed} {one.temperature} {one.name}" for one in engine.imagined)
    tiles(
        _imagined_tiles(engine.model_hash, samples, noun(engine), engine),
        key=key,
        label="Imagined by the model",
        on_choose=lambda i: on_choose(known[i]),
        selected=str(one.seed) if one and recipe.temperature == (one.temperature,) else "",
        look=Look("2.6rem", "line", captioned=True),
    )


def faces_line(photo: Photo, source: Source, size: int, *, key: str, on_choose: Callable[[Source], None]) -> None:
    """Show the faces of a photo."""
    choices = {str(i): replace(source, face=i, eyes=()) for i in range(len(photo.found))}
    entries = [
        Tile(i, tile_uri(photo.aligned(size, choice).image), f"Face {int(i) + 1} of {len(photo.found)}")
        for i, choice in choices.items()
    ]
    tiles(
        entries,
        key=key,
        label="Who in the photo?",
        on_choose=lambda i: on_choose(choices[i]),
        selected=str(source.face),
        look=Look("2.6rem", "line", captioned=True),
    )
