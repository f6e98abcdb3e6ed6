"""The list of models: the folders of ``pretrained/`` and ``runs/``, and no others.

A name from a link or a menu is never joined to a path. It is looked up in the list, so no name can open anything
outside of the two folders. Only a command line, whose user may read every file anyway, can name another folder: see
``at``.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from explorer.engines.compressor import Compressor
from explorer.engines.engine import Engine
from glowcore import checkpoint
from glowcore.baselines import BASELINES
from glowcore.errors import CheckpointError, GlowcoreError
from glowcore.storage.atomic import MANIFEST

GROUPS = ("pretrained", "runs")
HOME_VARIABLE = "EXPLORER_HOME"

# Why a folder could not be loaded, by folder and stamp, so that damage that only a full reading shows is found once.
_failed: dict[tuple[str, str], str] = {}


@dataclass(frozen=True)
class ModelEntry:
    """One folder that should hold a model.

    Attributes:
        name: its name in the application, "pretrained/faces64".
        folder: its path.
        stamp: changes whenever one of the folder's files is written or replaced, for cache keys.
        info: the result of ``glowcore.checkpoint.read_info``; {} where that fails.
        problem: why the model cannot be used, one sentence; "" where it can.
    """

    name: str
    folder: Path
    stamp: str
    info: dict[str, Any] = field(default_factory=dict, hash=False)
    problem: str = ""

    @property
    def label(self) -> str:
        """The folder's own name, for menus."""
        return self.folder.name

    @property
    def is_flow(self) -> bool:
        """Whether the model is a flow; only the Reconstruct page shows other models."""
        return self.info.get("model") not in BASELINES

    @property
    def flow_problem(self) -> str:
        """Why a session cannot work with the model, one sentence; "" where it can."""
        if self.problem or self.is_flow:
            return self.problem
        return f"{self.name} is a {self.info['model']}, which has no exact latents; it is shown on the Reconstruct page"

    @property
    def usable(self) -> bool:
        """Whether a session can work with the model: a flow without a known problem."""
        return not self.flow_problem

    def public_message(self, error: Exception | str) -> str:
        """Return an error's message for visitors: the folder's path is replaced by the model's name."""
        return str(error).replace(str(self.folder), self.name)


def home() -> Path:
    """Return the folder that holds ``pretrained/`` and ``runs/``.

    It is EXPLORER_HOME if set, else the repository; where the package is installed without it, the current folder.
    """
    if named := os.environ.get(HOME_VARIABLE):
        return Path(named)
    repository = Path(__file__).resolve().parents[2]
    return repository if any((repository / group).is_dir() for group in GROUPS) else Path.cwd()


def list_models() -> list[ModelEntry]:
    """Return every model folder of ``pretrained/`` and ``runs/``; those with a problem come last.

    Files that have not changed since the last call are not read again.
    """
    entries = []
    for group in GROUPS:
        base = (home() / group).resolve()
        if not base.is_dir():
            continue
        for folder in sorted(base.iterdir()):
            if folder.name.startswith(".") or not folder.is_dir() or folder.resolve().parent != base:
                continue  # a symbolic link out of the folder is not listed
            entries.append(_entry(f"{group}/{folder.name}", folder))
    return sorted(entries, key=lambda e: bool(e.problem))


def find(name: str) -> ModelEntry:
    """Return the listed model of a name.

    Raises:
        CheckpointError: no listed model has this name; the message lists the names.
    """
    entries = list_models()
    for entry in entries:
        if entry.name == name:
            return entry
    known = ", ".join(e.name for e in entries) or "none"
    raise CheckpointError(f"there is no model {name!r:.80}; listed: {known}")


def at(name_or_folder: str) -> ModelEntry:
    """Return the model that a command line names: by a listed name, by any folder, or by a listed folder's own name.

    Raises:
        CheckpointError: it is neither, or several listed folders have this name; the message lists the names.
    """
    entries = list_models()
    folder, name = Path(name_or_folder), name_or_folder.rstrip("/")
    for entry in entries:
        if entry.name == name:
            return entry
    if not folder.is_dir():
        labelled = [entry for entry in entries if entry.label == name]
        if len(labelled) == 1:
            return labelled[0]
        if labelled:
            names = ", ".join(entry.name for entry in labelled)
            raise CheckpointError(f"several models are called {name!r:.80}: {names}; expected one of these names")
        known = ", ".join(e.name for e in entries) or "none"
        raise CheckpointError(f"there is no model or folder {name_or_folder!r:.80}; models in {home()}: {known}")
    same = (entry for entry in entries if entry.folder.resolve() == folder.resolve())
    return next(same, None) or _entry(str(folder), folder)


def of_hash(digits: str) -> ModelEntry | None:
    """Return the listed, usable model whose weights' SHA-256, by its manifest, begins with these hex digits."""
    for entry in list_models():
        if digits and entry.usable and entry.info["files"][checkpoint.WEIGHTS]["sha256"].startswith(digits):
            return entry
    return None


def open_model(entry: ModelEntry, device: str = "auto") -> Engine | Compressor:
    """Load a listed model: a flow as an engine, another model as a compressor.

    Raises:
        CheckpointError: the model is damaged; the message is one sentence.
    """
    if entry.problem:
        raise CheckpointError(entry.problem)
    try:
        return (Engine if entry.is_flow else Compressor).open(entry.folder, entry.name, device)
    except CheckpointError as error:
        message = entry.public_message(error)
        _failed[str(entry.folder), entry.stamp] = message
        raise CheckpointError(message) from error


def default_name(entries: list[ModelEntry]) -> str | None:
    """Return the flow to start with, None where none is usable.

    Flows of ``pretrained/`` come before those of ``runs/``, then flows with attributes, then those of larger pictures.
    """
    usable = sorted((e for e in entries if e.usable), key=_rank)
    return usable[0].name if usable else None


def _rank(entry: ModelEntry) -> tuple[int, bool, int]:
    size = entry.info["config"]["image_size"]
    pixels = size**2 if isinstance(size, int) else math.prod(size)
    return GROUPS.index(entry.name.split("/")[0]), not entry.info["attributes"], -pixels


def _entry(name: str, folder: Path) -> ModelEntry:
    stamp = _stamp(folder)
    entry = _described(name, folder, stamp)
    return replace(entry, problem=entry.problem or _failed.get((str(folder), stamp), ""))


def _stamp(folder: Path) -> str:
    """Return the times and sizes of a model's files, which are not read.

    The time of the last change of the file's status tells a copy that keeps the modification time from the file before.
    """
    parts = []
    for file in (*checkpoint.FILES, MANIFEST):
        try:
            status = (folder / file).stat()
        except OSError:
            parts.append("missing")
        else:
            parts.append(f"{status.st_mtime_ns}-{status.st_ctime_ns}-{status.st_size}")
    return " ".join(parts)


@lru_cache(maxsize=256)
def _described(name: str, folder: Path, stamp: str) -> ModelEntry:
    """Return the entry of a folder whose files have this stamp, without the problems that loading has shown."""
    entry = ModelEntry(name, folder, stamp)
    if not (folder / "config.json").is_file():
        return replace(entry, problem=f"{name} holds no config.json, so it is not (yet) a model")
    try:
        info = checkpoint.read_info(folder)
    except GlowcoreError as error:
        return replace(entry, problem=entry.public_message(error))
    for file, stated in info["files"].items():
        path = folder / file
        size = path.stat().st_size if path.is_file() else 0
        if size != stated["size"]:
            return replace(entry, problem=f"{name}/{file} has {size} bytes, its manifest states {stated['size']}")
    return replace(entry, info=info)
