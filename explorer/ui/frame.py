"""The frame of every page: the engine and the session's desk, error messages and headings."""

from __future__ import annotations

import html
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from explorer.edits.messages import acknowledgement
from explorer.edits.recipe import EditRecipe
from explorer.engines import models
from explorer.engines.engine import Engine
from explorer.engines.turns import Busy
from explorer.pixels.lost_pictures import lost_words
from explorer.session.desk import Desk
from explorer.session.editor_view import editor_view
from explorer.ui import state
from glowcore.errors import GlowcoreError

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Bench:
    """The engine and the desk that a page works with."""

    engine: Engine
    desk: Desk


def open_bench() -> Bench:
    """Return the bench of this session; without a usable model explain why and stop the page."""
    name = state.chosen_model()
    if name is None:
        heading("No model yet")
        no_model()
        st.stop()
    try:
        engine = state.engine_of(name)
    except GlowcoreError as error:
        st.error(f"{error}; choose another model on the Models page.", title=f"{name} cannot be opened")
        st.stop()
    return laid_out(engine)


def laid_out(engine: Engine) -> Bench:
    """Return the bench for an engine, with the present edit adapted to its model."""
    desk = state.desk(engine)
    engine = desk.own.equip(engine)
    desk.adopt(engine)
    return Bench(engine, desk)


def open_in_edit(bench: Bench, recipe: EditRecipe) -> None:
    """Make a recipe the present edit, and go to the Edit page."""
    bench.desk.open(recipe, bench.engine)
    st.switch_page(state.EDIT_PAGE)


def view_of(bench: Bench) -> dict[str, Any]:
    """Return the data of the editor; if no picture can be made, those of its last view with the reason as a note.

    Without a view of the model in use, show the reason and stop the page.
    """
    desk = bench.desk
    try:
        view = editor_view(desk, bench.engine, desk.prepare_view(bench.engine))
    except GlowcoreError as error:
        tried = desk.recipe
        view = desk.restore_view()
        if view is None:
            show_failure(error)
            st.stop()
        note = f"{_reason(error)}: {error}."
        if desk.recipe != tried:  # the next answer, of a rerun or to a strip, must still show the reason
            desk.note = note
        return {**view, "ack": acknowledgement(desk.answered), "strip": None, "note": note}
    desk.keep_view(view)
    return view


def show_failure(error: GlowcoreError) -> None:
    """Show why no picture could be made, on a page that has nothing else to show."""
    st.warning(f"{error}.", title=_reason(error))
    st.button("Try again", key="try_again")


def _reason(error: GlowcoreError) -> str:
    return "The server is busy" if isinstance(error, Busy) else "No picture could be made"


def no_model() -> None:
    """Show where models are searched and how one is trained; list unusable models with the reason."""
    _LOG.warning("no usable model in pretrained/ or runs/ of %s", models.home())  # the page must not show the path
    st.write(
        "The application looks for models in its folders `pretrained/` and `runs/` and found none to use. "
        "The repository ships one in `pretrained/faces64`; a new one is trained with"
    )
    st.code("python -m glowcore train --data FOLDER --model glow --image-size 64 --out runs/mine", language="bash")
    for entry in models.list_models():
        st.warning(f"{entry.problem}; copy its folder anew, or train it again.", title=entry.name)
    st.button("Look again", key="look_again")


def warn_of_lost(pictures: Sequence[np.ndarray]) -> None:
    """Show a warning if some pictures are not finite."""
    words = lost_words(pictures)
    if words:
        caution(words)


def reserved() -> DeltaGenerator:
    """Return a container for elements that come and go.

    Streamlit knows elements by their order: those after a new one would be built anew, and lose a press, a drag or the
    focus. The container is always there.
    """
    return st.container()


def caution(text: str) -> None:
    """Show a small warning in Markdown. In a caption the orange would be too faint to read."""
    st.markdown(f":small[:orange[{text}]]")


def plain(text: str) -> str:
    """Escape text of a user, such as a file name, for Markdown, so that it cannot make links or load pictures."""
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", text)


def heading(title: str) -> None:
    """Show the only first-level heading of a page, smaller than Streamlit's, which would push the picture down."""
    st.html(f'<h1 style="font-size: 1.5rem; margin: 0; padding: 0">{html.escape(title)}</h1>')


def intro(title: str, sentence: str) -> None:
    """Show the title and one sentence at the top of a page."""
    heading(title)
    st.caption(sentence)
