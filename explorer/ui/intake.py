"""Uploaders of photos, and cameras: a new file is taken in, and with a file removed from a list its photo goes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import streamlit as st

from explorer.ui.frame import Bench, caution, plain
from glowcore.errors import GlowcoreError

PHOTO_TYPES = ["jpg", "jpeg", "png", "webp"]


@dataclass(frozen=True)
class Taken:
    """What became of a file: the key of the photo it is, "" where it is none, and a sentence for the user or ""."""

    photo: str = ""
    words: str = ""


def intake(
    table: Bench, widget: Callable[..., Any], label: str, *, key: str, take: Callable[[bytes], Taken], **options: Any
) -> None:
    """Show an uploader or a camera, and below it what there is to say about the files in it.

    `take` is called with each new file, before the page runs again. GlowcoreError is a reason why it was not taken.
    Only out of a list of several files does a user remove one: a camera is empty each time it is shown.
    """
    held = _held(key)

    def changed() -> None:
        files = _files(st.session_state.get(key))
        for file in files:
            if file.file_id not in held:
                held[file.file_id] = _taken(file, take)
        gone = {held.pop(identity).photo for identity in set(held) - {f.file_id for f in files}}
        if not options.get("accept_multiple_files"):
            return
        for photo in filter(None, gone - {t.photo for t in held.values()}):
            table.desk.remove_photo(photo, table.engine, table.gallery)

    files = _files(widget(label, key=key, on_change=changed, **options))
    for identity in set(held) - {f.file_id for f in files}:
        del held[identity]  # the page was left: Streamlit has emptied the uploader, and the photos stay
    for taken in held.values():
        if taken.words:
            caution(plain(taken.words))


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


def _taken(file: Any, take: Callable[[bytes], Taken]) -> Taken:
    try:
        taken = take(file.getvalue())
    except GlowcoreError as error:
        return Taken(words=f"{file.name}: {error}.")
    return Taken(taken.photo, f"{file.name}: {taken.words}" if taken.words else "")
