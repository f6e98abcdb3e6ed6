"""Uploaders and cameras: a new file adds its photo to the desk, a removed file removes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import streamlit as st
from streamlit.runtime.uploaded_file_manager import DeletedFile

from explorer.portraits.photos import Photo
from explorer.session.album import Album, gave_way
from explorer.ui import memo
from explorer.ui.frame import Bench, caution, plain
from glowcore.errors import GlowcoreError
from glowcore.images import PICTURE_SUFFIXES
from glowcore.text import counted

PHOTO_TYPES = [suffix.removeprefix(".") for suffix in PICTURE_SUFFIXES]


@dataclass(frozen=True)
class Taken:
    """The outcome for a file.

    Attributes:
        photo: the key of its photo, "" for another file.
        words: a warning for the user, or "".
        facts: a sentence that is no warning, or "".
        given_way: the names of the photos that were dropped to make room for it, by their keys.
    """

    photo: str = ""
    words: str = ""
    facts: str = ""
    given_way: dict[str, str] = field(default_factory=dict)


def intake(
    bench: Bench,
    widget: Callable[..., Any],
    label: str,
    *,
    key: str,
    take: Callable[[bytes], Taken],
    popover: str = "",
    **options: Any,
) -> None:
    """Show an uploader or a camera, and notes about its files below it, which go once a later file is taken.

    Args:
        bench: the bench of the page.
        widget: ``st.file_uploader`` or ``st.camera_input``.
        label: the label of the widget.
        key: the key of the widget.
        take: called with the contents of each new file before the page reruns; GlowcoreError rejects the file.
        popover: the key of the popover around a camera; it closes when a picture was taken and nothing is to be said.
        options: further arguments of the widget. A file that disappears counts as removed by the user only with
            ``accept_multiple_files``: a camera is empty each time it is shown.
    """
    held = _held(key)

    def changed() -> None:
        files, before = _files(st.session_state.get(key)), set(held)
        with bench.desk.batch():
            for file in files:
                if file.file_id not in held and not isinstance(file, DeletedFile):
                    name = _next_shot(key) if widget is st.camera_input else file.name
                    taken = held[file.file_id] = _taken(file, name, take, bench.desk.photos)
                    if popover and not (taken.words or taken.facts or taken.given_way):
                        st.session_state[popover] = False
        if any(taken.photo or not taken.words for identity, taken in held.items() if identity not in before):
            held.update({identity: replace(held[identity], words="", facts="") for identity in before})
        gone = {held.pop(identity).photo for identity in set(held) - {f.file_id for f in files}}
        if not options.get("accept_multiple_files"):
            return
        for photo in filter(None, gone - {t.photo for t in held.values()}):
            remove(bench, photo)

    files = _files(widget(label, key=key, on_change=changed, **options))
    for identity in set(held) - {f.file_id for f in files}:
        del held[identity]  # Streamlit empties an uploader when its page is left; the photos stay
    given_way = {key: name for taken in held.values() for key, name in taken.given_way.items()}
    photos = bench.desk.photos
    if words := gave_way([name for key, name in given_way.items() if key not in photos]):
        caution(plain(words))
    for taken in reversed(held.values()):
        if taken.words:
            caution(plain(taken.words))
        if taken.facts:
            st.caption(plain(taken.facts))
    tell_lost(key)
    missed = [f for f in files if f.file_id not in held]
    if missed:  # the first run of a new session calls no on_change
        st.button(f"Use {counted(len(missed), 'file')} in the list", key=f"{key} late", on_click=changed)


def remove(bench: Bench, photo: str) -> None:
    """Remove a photo, and all cached results of this session, which may show it."""
    bench.desk.remove_photo(photo, bench.engine)
    memo.forget()


def tell_lost(key: str) -> None:
    """Show how many files in the list of the uploader ``key`` were lost with an earlier session."""
    lost = sum(isinstance(f, DeletedFile) for f in _files(st.session_state.get(key)))
    if lost:  # their names are lost too
        are, rows, them = ("is", "its row", "it") if lost == 1 else ("are", "their rows", "them")
        caution(f"{counted(lost, 'file')} in the list {are} no longer here: remove {rows}, and add {them} again.")


def reduction(photo: Photo) -> str:
    """Return in words from which size a photo with too many pixels was reduced, "" for other photos."""
    if not photo.reduced:
        return ""
    full, (height, width) = photo.full_size, photo.picture.shape[:2]
    return f"{full[0]} × {full[1]} pixels, used at {width} × {height}"


def holds(key: str, photo: str) -> bool:
    """Return whether the uploader ``key`` lists the file of a photo."""
    return photo in {taken.photo for taken in _held(key).values()}


def known_files(key: str) -> tuple[str, ...]:
    """Return the identities of the files that the intake ``key`` has taken or rejected."""
    return tuple(_held(key))


def _held(key: str) -> dict[str, Taken]:
    return st.session_state.setdefault(f"{key} held", {})


def _files(value: Any) -> list[Any]:
    """Return the files of an uploader of one file or of several."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _next_shot(key: str) -> str:
    """Return a name for the next picture of a camera, whose files have only generated names."""
    count = st.session_state[f"{key} shots"] = st.session_state.get(f"{key} shots", 0) + 1
    return f"Camera photo {count}"


def _taken(file: Any, name: str, take: Callable[[bytes], Taken], album: Album) -> Taken:
    try:
        taken = take(file.getvalue())
    except GlowcoreError as error:
        return Taken(words=f"{name}: {error}.")
    album.came_as(taken.photo, name)
    photo = album.get(taken.photo)
    sizes = reduction(photo) if photo else ""
    return replace(
        taken,
        words=taken.words and f"{name}: {taken.words}",
        facts=sizes and f"{name}: {sizes}.",
        given_way=album.take_given_way(),
    )
