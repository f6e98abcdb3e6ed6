"""What the pages share: the engines of this server, and the desk of this session."""

from __future__ import annotations

import gc
import weakref

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from explorer.atlas.latent_map import MAP_FILE
from explorer.edits.recipe import EditRecipe, RecipeError
from explorer.engines import models
from explorer.engines.compressor import Compressor
from explorer.engines.engine import Engine
from explorer.engines.models import ModelEntry
from explorer.engines.turns import Turns
from explorer.session.desk import Desk
from glowcore import AttributeVectors
from glowcore.errors import GlowcoreError

_in_memory: weakref.WeakSet[Engine | Compressor] = weakref.WeakSet()  # of all sessions
EDIT_PAGE = "explorer/ui/pages/edit.py"
TOKEN = "s"  # of the address; the components write it there


def _released(engine: Engine | Compressor) -> None:
    """A model leaves memory: give back what it held on the device."""
    _in_memory.discard(engine)
    engine.release()
    gc.unfreeze()
    _settle_memory()


def _settle_memory() -> None:
    """Take what lives for long out of the garbage collector's sight.

    Streamlit collects garbage after every run of a script. With torch and a model in memory that walks over 200,000
    objects and takes 60 to 250 ms, most of the time from a slider to its picture. Frozen objects are not walked over.
    """
    gc.collect()
    gc.freeze()


def _attend(turns: Turns) -> None:
    """Let the visitors who wait for a model be told so, and their runs end that nobody looks at any more."""
    turns.on_look, turns.on_wait = _look, _waiting


def _look() -> None:
    """End a run that a newer one of the same visitor has replaced: Streamlit does so where a page reads its state."""
    if get_script_run_ctx(suppress_warning=True) is not None:
        st.session_state.get("desk")


def _waiting(ahead: int) -> None:
    """Tell a visitor who waits for the model."""
    if get_script_run_ctx(suppress_warning=True) is not None:
        st.toast(f"Others are being served; {ahead} ahead of you.", icon=":material/hourglass_top:")


def _moved_to_cpu() -> None:
    """Tell a visitor why this picture takes longer."""
    if get_script_run_ctx(suppress_warning=True) is not None:
        st.toast("The device has no memory left; this was computed on the CPU.", icon=":material/memory:")


@st.cache_resource(max_entries=4, show_spinner="Loading the model …", on_release=_released)
def _engine(name: str, stamp: str) -> Engine:
    # The stamp changes with the weights, so a model that is trained on is read anew.
    engine = models.open_engine(models.find(name))
    engine.fallback.on_use = _moved_to_cpu
    _attend(engine.turns)
    _in_memory.add(engine)
    _settle_memory()
    return engine


@st.cache_resource(max_entries=2, show_spinner="Loading the model …", on_release=_released)
def _compressor(name: str, stamp: str) -> Compressor:
    compressor = models.open_compressor(models.find(name))
    _attend(compressor.turns)
    _in_memory.add(compressor)
    return compressor


def entries() -> list[ModelEntry]:
    """The models there are."""
    return models.list_models()


def arrived_with() -> str | None:
    """The token that the address held when this session began."""
    return _arrived().get(TOKEN)


def arrived_at(name: str) -> str:
    """Pop the query parameter `name` of the session's first address; "" if absent or already taken."""
    return _arrived().pop(name, "")


def _arrived() -> dict[str, str]:
    return st.session_state.setdefault("arrived", st.query_params.to_dict())


def chosen_model() -> str | None:
    """The name of this session's model: the flow chosen if it is still usable, else the one to start with.

    An edit in the address has chosen the model that it was made with.
    """
    found = entries()
    if "model_name" not in st.session_state:
        st.session_state["model_name"] = _model_of_link(arrived_with())
    wanted = st.session_state["model_name"]
    if any(e.name == wanted and e.usable for e in found):
        return wanted
    return models.default_name(found)


def _model_of_link(token: str | None) -> str | None:
    """The name of the model that an edit was made with, where it is here."""
    try:
        entry = models.of_hash(EditRecipe.from_token(token or "").model)
    except RecipeError:
        return None
    return entry.name if entry else None


def choose_model(name: str) -> None:
    """Use the listed model `name` from now on."""
    st.session_state["model_name"] = models.find(name).name


def engine_of(name: str) -> Engine:
    """The engine of a listed model, loaded once for all sessions; GlowcoreError with the reason when it is broken."""
    entry = models.find(name)
    if entry.problem:
        raise GlowcoreError(entry.problem)
    return _engine(entry.name, entry.stamp)


def reconstructor_of(name: str) -> Engine | Compressor:
    """What takes pictures in and gives them back with a listed model, be it a flow or not; errors as `engine_of`."""
    entry = models.find(name)
    return engine_of(name) if entry.is_flow or entry.problem else _compressor(entry.name, entry.stamp)


def of_model(key: str, engine: Engine) -> str:
    """The key of a widget whose choices, or where it starts, are the model's: each model keeps its own setting."""
    return f"{key} {engine.model_hash}"


def starting_at(key: str, start: object) -> str:
    """Let the control of this key start so, and say its key: one that stays where it was is no longer at its start."""
    st.session_state.setdefault(key, start)
    return key


def stamp_of(name: str) -> str:
    """What changes whenever a listed model or its map does."""
    entry = models.find(name)
    path = entry.folder / MAP_FILE
    return f"{entry.stamp} {path.stat().st_mtime_ns if path.is_file() else ''}"


def model_attributes(engine: Engine) -> AttributeVectors | None:
    """The attributes that came with an engine's model, without those of a session."""
    return engine_of(engine.name).attributes


def loaded() -> set[str]:
    """The names of the models that are in memory, for this session or another."""
    return {each.name for each in list(_in_memory)}


def unload(name: str | None = None) -> None:
    """Let a model go, or all of them, for all sessions; the next page loads its own again."""
    if name is not None:
        entry = models.find(name)
        (_engine if entry.is_flow else _compressor).clear(entry.name, entry.stamp)
        return
    _engine.clear()
    _compressor.clear()


def token() -> str | None:
    """The token for the address; None before there is an edit."""
    this_desk = st.session_state.get("desk")
    return this_desk.link if this_desk and this_desk.history else None


def desk(engine: Engine) -> Desk:
    """This session's desk, begun from the address on the first visit."""
    if "desk" not in st.session_state:
        st.session_state["desk"] = Desk()
    this_desk: Desk = st.session_state["desk"]
    if this_desk.history is None:
        this_desk.arrive(engine, arrived_with())
    return this_desk
