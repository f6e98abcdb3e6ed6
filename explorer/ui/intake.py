"""Uploaders of photos, and cameras: a new file is taken in, and with a file removed from a list its photo goes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import streamlit as st
from streamlit.runtime.uploaded_file_manager import DeletedFile

from explorer.session.album import Album, gave_way
from explorer.ui import memo
from explorer.ui.frame import Bench, caution, plain
from glowcore.errors import GlowcoreError
from glowcore.images import PICTURE_SUFFIXES
from glowcore.text import counted

PHOTO_TYPES = [suffix.removeprefix(".") for suffix in PICTURE_SUFFIXES]


@dataclass(frozen=True)
class Taken:
    """What became of a file.

    Attributes:
        photo: the key of the photo it is, "" where it is none.
        words: a sentence for the user or "".
        given_way: the names of the photos that gave way to it, by their keys.
    """

    photo: str = ""
    words: str = ""
    given_way: dict[str, str] = field(default_factory=dict)


def intake(
    bench: Bench, widget: Callable[..., Any], label: str, *, key: str, take: Callable[[bytes], Taken], **options: Any
) -> None:
    """Show an uploader or a camera, and below it what there is to say about the files in it.

    `take` is called with each new file, before the page runs again. GlowcoreError is a reason why it was not taken.
    Only out of a list of several files does a user remove one: a camera is empty each time it is shown.
    """
    held = _held(key)

    def changed() -> None:
        files = _files(st.session_state.get(key))
        with bench.desk.batch():
            for file in files:
                if file.file_id not in held and not isinstance(file, DeletedFile):
                    held[file.file_id] = _taken(file, take, bench.desk.photos)
        gone = {held.pop(identity).photo for identity in set(held) - {f.file_id for f in files}}
        if not options.get("accept_multiple_files"):
            return
        for photo in filter(None, gone - {t.photo for t in held.values()}):
            remove(bench, photo)

    files = _files(widget(label, key=key, on_change=changed, **options))
    for identity in set(held) - {f.file_id for f in files}:
        del held[identity]  # the page was left: Streamlit has emptied the uploader, and the photos stay
    given_way = {key: name for taken in held.values() for key, name in taken.given_way.items()}
    photos = bench.desk.photos
    if words := gave_way([name for key, name in given_way.items() if key not in photos]):
        caution(plain(words))
    for taken in reversed(held.values()):
        if taken.words:
            caution(plain(taken.words))
    tell_lost(key)
    late = [f for f in files if f.file_id not in held]
    if late:  # they came with the first run of a new session, which calls no on_change
        st.button(f"Use {counted(len(late), 'file')} in the list", key=f"{key} late", on_click=changed)


def remove(bench: Bench, photo: str) -> None:
    """Forget a photo, and what this session's pages have made, for that may show it."""
    bench.desk.remove_photo(photo, bench.engine)
    memo.forget()


def tell_lost(key: str) -> None:
    """Say how many files the browser still lists in the uploader `key` that went with a session that was lost."""
    lost = sum(isinstance(f, DeletedFile) for f in _files(st.session_state.get(key)))
    if lost:  # their names went too
        are, them = ("is", "it") if lost == 1 else ("are", "them")
        caution(f"{counted(lost, 'file')} in the list {are} no longer here: add {them} again.")


def holds(key: str, photo: str) -> bool:
    """Whether a photo is in the uploader `key`, from where its file can be removed."""
    return photo in {taken.photo for taken in _held(key).values()}


def _held(key: str) -> dict[str, Taken]:
    return st.session_state.setdefault(f"{key} held", {})


def _files(value: Any) -> list[Any]:
    """What is in an uploader, of one file or of several."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _taken(file: Any, take: Callable[[bytes], Taken], album: Album) -> Taken:
    try:
        taken = take(file.getvalue())
    except GlowcoreError as error:
        return Taken(words=f"{file.name}: {error}.")
    album.came_as(taken.photo, file.name)
    words = f"{file.name}: {taken.words}" if taken.words else ""
    return replace(taken, words=words, given_way=album.take_given_way())
