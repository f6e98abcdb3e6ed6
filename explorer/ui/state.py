"""The state that pages share: the engines of the server, the model and the desk of the session."""

from __future__ import annotations

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from explorer.edits.recipe import EditRecipe, RecipeError
from explorer.engines import models
from explorer.engines.compressor import Compressor
from explorer.engines.engine import Engine
from explorer.engines.models import ModelEntry
from explorer.engines.turns import Turns
from explorer.session.desk import Desk
from explorer.ui import garbage
from glowcore import AttributeVectors
from glowcore.errors import CheckpointError

_in_memory: dict[Engine | Compressor, tuple[str, str]] = {}  # name and stamp of each model in the cache
EDIT_PAGE = "explorer/ui/pages/edit.py"
MODEL = "model_name"  # the session key of the name of the chosen model
TOKEN = "s"  # the query parameter of the edit, which components write


def _released(engine: Engine | Compressor) -> None:
    """Free the device memory of a model that leaves the cache."""
    _in_memory.pop(engine, None)
    engine.release()
    garbage.settle()


def _attend(turns: Turns) -> None:
    """Let a request that waits for its turn notify its visitor, and end if a new run of the page replaces it."""
    turns.on_look, turns.on_wait = _look, _waiting


def _look() -> None:
    """End a run that a new run of the whole page replaces: Streamlit does so when a script reads the session state.

    A new run of a fragment, such as that of a slider's move, replaces no run; it waits for the run before it.
    """
    if get_script_run_ctx(suppress_warning=True) is not None:
        st.session_state.get("desk")


def in_fragment() -> bool:
    """Return whether a fragment runs alone, not the whole page.

    If a widget of the page changes in the moment in which a component of a fragment sends a message, Streamlit takes
    both for one message and runs the fragment alone. The fragment therefore compares what the page shows of the session
    (``shown``) with its present state (``beside``), and reruns the page where they differ.
    """
    context = get_script_run_ctx(suppress_warning=True)
    return context is not None and bool(context.fragment_ids_this_run)


def _waiting(ahead: int) -> None:
    """Notify a visitor whose request waits."""
    if get_script_run_ctx(suppress_warning=True) is not None:
        st.toast(f"Others are being served; {ahead} ahead of you.", icon=":material/hourglass_top:")


def _moved_to_cpu() -> None:
    """Notify a visitor whose picture was computed on the CPU."""
    if get_script_run_ctx(suppress_warning=True) is not None:
        st.toast("The device has no memory left; this was computed on the CPU.", icon=":material/memory:")


@st.cache_resource(max_entries=5, show_spinner="Loading the model …", on_release=_released)
def _model(name: str, stamp: str, _entry: ModelEntry) -> Engine | Compressor:
    """Load a model for all sessions: the one in use and the four that Reconstruct compares fit into the cache.

    The stamp changes with the files, so a model that was trained further is loaded again.
    """
    model = models.open_model(_entry)
    if isinstance(model, Engine):
        model.fallback.on_use = _moved_to_cpu
    _attend(model.turns)
    _in_memory[model] = name, stamp
    garbage.settle()
    return model


def arrived_with() -> str | None:
    """Return the token of the edit in the session's first address."""
    return _arrived().get(TOKEN)


def arrived_at(name: str) -> str:
    """Pop the query parameter ``name`` of the session's first address; "" if absent or already taken."""
    return _arrived().pop(name, "")


def _arrived() -> dict[str, str]:
    return st.session_state.setdefault("arrived", st.query_params.to_dict())


def chosen_model() -> str | None:
    """Return the name of this session's model: the chosen flow if it is usable, else the default one.

    An edit in the session's first address chooses its model.
    """
    available = models.list_models()
    if MODEL not in st.session_state:
        st.session_state[MODEL] = _model_of_link(arrived_with())
    name = st.session_state[MODEL]
    if any(e.name == name and e.usable for e in available):
        return name
    return models.default_name(available)


def _model_of_link(token: str | None) -> str | None:
    """Return the name of the listed model that an edit was made with, else None."""
    try:
        entry = models.of_hash(EditRecipe.from_token(token or "").model)
    except RecipeError:
        return None
    return entry.name if entry else None


def choose_model(name: str) -> None:
    """Use the model ``name`` from now on, as long as it is listed and usable."""
    st.session_state[MODEL] = name


def engine_of(name: str) -> Engine:
    """Return the engine of a listed flow, loaded once for all sessions.

    Raises:
        CheckpointError: the model is unusable or no flow, with the reason.
    """
    entry = models.find(name)
    if entry.flow_problem:
        raise CheckpointError(entry.flow_problem)
    return _opened(entry)


def reconstructor_of(name: str) -> Engine | Compressor:
    """Return the engine of a listed flow, or the compressor of another model.

    Raises:
        CheckpointError: the model is unusable, with the reason.
    """
    return _opened(models.find(name))


def _opened(entry: ModelEntry) -> Engine | Compressor:
    unload(entry.name, but=entry.stamp)  # else each state of a model in training would take the place of another model
    return _model(entry.name, entry.stamp, entry)


def of_model(key: str, engine: Engine) -> str:
    """Return the key of a widget whose choices or initial value depend on the model: each model keeps its setting."""
    return f"{key} {engine.model_hash}"


def starting_at(key: str, start: object) -> str:
    """Set the initial value of the widget with this key, if it has no value yet; return the key."""
    st.session_state.setdefault(key, start)
    return key


def model_attributes(engine: Engine) -> AttributeVectors | None:
    """Return the attributes of an engine's model, without those of a session."""
    return engine_of(engine.name).attributes


def loaded() -> set[str]:
    """Return the names of the models in memory, for any session."""
    return {name for name, _ in list(_in_memory.values())}


def unload(name: str | None = None, but: str = "") -> None:
    """Remove a model, except with the stamp ``but``, or all models from the cache of all sessions.

    The next use loads it again.
    """
    for loaded_name, stamp in list(_in_memory.values()):
        if name in (None, loaded_name) and stamp != but:
            _model.clear(loaded_name, stamp, None)


def token() -> str | None:
    """Return the token for the address; None if there is no edit yet."""
    this_desk = st.session_state.get("desk")
    return this_desk.link if this_desk else None


def desk(engine: Engine) -> Desk:
    """Return this session's desk, created from the address on the first visit."""
    if "desk" not in st.session_state:
        st.session_state["desk"] = Desk.arrive(engine, arrived_with())
    return st.session_state["desk"]
