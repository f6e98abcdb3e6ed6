"""Saved states of a training run, from which a resumed run continues bit for bit.

A state consists of nested dicts, lists and tuples of numbers, strings, booleans, None and tensors. It is stored as
safetensors and JSON in one folder per step (``step-1000/``), which one rename creates atomically. The newest two valid
states are kept.
"""

from __future__ import annotations

import json
import logging
import math
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

from glowcore.errors import CheckpointError, reason
from glowcore.storage.atomic import STAGING_FOLDER, locked, stage_set, sync_folder
from glowcore.storage.safetensors_guard import pack, unpack
from glowcore.storage.sealed import SealedSet, parse_json, read_set

TREE, TENSORS = "state.json", "state.safetensors"
FILES = (TREE, TENSORS)
MAX_TREE_BYTES = 1 << 26
#: Version of the contents and the format of a state. Raise it when either changes: no other version is read.
LAYOUT = 1
_NAME = re.compile(r"step-(\d+)(?:\.(\d+))?")

log = logging.getLogger(__name__)


class _Saved(NamedTuple):
    step: int
    revision: int
    path: Path


def save_state(folder: str | Path, state: dict[str, Any]) -> Path:
    """Save a state as that of ``state["step"]`` (an int), verify it on disk, and keep only the last one before it.

    Returns:
        The folder of the state.

    Raises:
        CheckpointError: no space or no permission, another process saves there, a later valid state is there, or a
            value that a state cannot hold. Earlier states stay intact.
    """
    folder, step = Path(folder), state.get("step")
    if type(step) is not int or step < 0:
        raise CheckpointError(f"{folder}: a training state needs a whole number as step, not {step!r:.40}")
    tensors: dict[str, Tensor] = {}
    tree = json.dumps({"layout": LAYOUT, "state": _encode(folder, state, tensors)}, allow_nan=False)
    files = {TREE: tree.encode(), TENSORS: pack(folder / TENSORS, tensors, max_header=MAX_TREE_BYTES)}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder):
            return _save(folder, step, files)
    except OSError as error:
        raise CheckpointError(f"{folder}: training state not saved, {reason(error)}") from error


def load_state(folder: str | Path) -> dict[str, Any]:
    """Return the newest valid state by step, with tensors on the CPU; damaged states are skipped with a warning.

    Raises:
        CheckpointError: there is no valid state, or the newest has another layout.
    """
    folder = Path(folder)
    saved = _saved(folder)
    for entry in saved:
        try:
            layout, state = read_set(entry.path, FILES, _read)
        except CheckpointError as error:
            log.warning("skipped a training state: %s", error)
            continue
        if layout != LAYOUT:
            raise CheckpointError(
                f"{entry.path}: a training state of layout {layout!r:.20}, expected {LAYOUT}; "
                "another run can take the weights of this one with --init-from"
            )
        return state
    cause = f"none of the {len(saved)} there is valid" if saved else "none is there"
    raise CheckpointError(f"{folder}: no training state to resume from, {cause}")


def saved_steps(folder: str | Path) -> list[int]:
    """Return the steps of all states in ``folder``, newest first, whether they are valid or not."""
    return [entry.step for entry in _saved(Path(folder))]


def check_latest(folder: str | Path, step: int) -> None:
    """Check that no valid state in ``folder`` is later than ``step``.

    Raises:
        CheckpointError: a later valid state is there.
    """
    for entry in _saved(Path(folder)):
        if entry.step > step and _is_valid(entry.path):
            raise CheckpointError(
                f"{folder}: holds a training state of step {entry.step}, later than step {step}; resume it or use "
                "another folder"
            )


def _save(folder: Path, step: int, files: dict[str, bytes]) -> Path:
    shutil.rmtree(folder / STAGING_FOLDER, ignore_errors=True)
    check_latest(folder, step)
    saved = _saved(folder)
    revision = 1 + max((entry.revision for entry in saved if entry.step == step), default=-1)
    target = folder / (f"step-{step}.{revision}" if revision else f"step-{step}")
    try:
        stage_set(folder / STAGING_FOLDER, files)
        os.replace(folder / STAGING_FOLDER, target)
    except BaseException:
        shutil.rmtree(folder / STAGING_FOLDER, ignore_errors=True)
        raise
    sync_folder(folder)
    files.clear()  # frees memory: the state is read back now, at its full size
    if not _is_valid(target):
        raise CheckpointError(f"{target}: does not read back as it was written; older states are kept")
    # States later than this step are damaged: `check_latest` has passed.
    kept = next((entry for entry in saved if entry.step <= step and _is_valid(entry.path)), None)
    for entry in saved:
        if entry is not kept:
            shutil.rmtree(entry.path, ignore_errors=True)
    return target


def _saved(folder: Path) -> list[_Saved]:
    try:
        names = os.listdir(folder)
    except OSError:
        return []
    matches = [match for match in map(_NAME.fullmatch, names) if match]
    entries = [_Saved(int(m[1]), int(m[2] or 0), folder / m[0]) for m in matches]
    return sorted(entries, reverse=True)


def _is_valid(path: Path) -> bool:
    try:
        read_set(path, FILES, lambda files: [files.read(name) for name in FILES])
    except CheckpointError:
        return False
    return True


def _read(files: SealedSet) -> tuple[Any, dict[str, Any]]:
    """Return the layout (None where none is named) and the state."""
    path = files.folder / TREE
    tree = parse_json(path, files.read(TREE), MAX_TREE_BYTES)
    tensors, _ = unpack(files.folder / TENSORS, files.read(TENSORS), MAX_TREE_BYTES, finite=False)
    try:
        return tree.get("layout"), _decode(tree["state"], tensors)
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: not a training state ({error})") from error


def _encode(folder: Path, value: Any, tensors: dict[str, Tensor]) -> Any:
    """Return a JSON value for a value of a state.

    None, booleans, integers, strings and finite floats stand for themselves; any other value, lists and dicts among
    them, becomes an object with one key, which names its type. Tensors are added to ``tensors`` and replaced by their
    name there.
    """
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"float": repr(value)}
    if isinstance(value, Tensor):
        name = str(len(tensors))
        tensors[name] = value
        return {"tensor": name}
    if isinstance(value, dict):
        if not all(type(key) in (str, int) for key in value):
            raise CheckpointError(f"{folder}: keys of a state are strings or whole numbers, not {list(value)!r:.60}")
        return {"dict": [[key, _encode(folder, item, tensors)] for key, item in value.items()]}
    if isinstance(value, list | tuple):
        kind = "tuple" if isinstance(value, tuple) else "list"
        return {kind: [_encode(folder, item, tensors) for item in value]}
    raise CheckpointError(f"{folder}: a training state cannot hold {type(value).__name__}")


def _decode(node: Any, tensors: dict[str, Tensor]) -> Any:
    if not isinstance(node, dict):
        return node
    ((kind, content),) = node.items()
    decoders: dict[str, Callable[[Any], Any]] = {
        "float": float,
        "tensor": tensors.__getitem__,
        "dict": lambda pairs: {key: _decode(item, tensors) for key, item in pairs},
        "list": lambda items: [_decode(item, tensors) for item in items],
        "tuple": lambda items: tuple(_decode(item, tensors) for item in items),
    }
    return decoders[kind](content)
