"""Which models there are: the folders of `pretrained/` and `runs/`, and no others.

A name from a link or a menu is never joined to a path. It is looked up in the list made here, so nothing outside
of the two folders can be opened, whatever the name says. Only a command line, whose user may read every file anyway,
can name a folder elsewhere (`at`).
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from explorer.engines.compressor import Compressor
from explorer.engines.engine import Engine
from glowcore import checkpoint
from glowcore.baselines import BASELINES
from glowcore.errors import CheckpointError, GlowcoreError

GROUPS = ("pretrained", "runs")
HOME_VARIABLE = "EXPLORER_HOME"
T = TypeVar("T", Engine, Compressor)

# Why a folder could not be loaded, until its weights change: damage that only a full reading shows is found once.
_failed: dict[tuple[str, str], str] = {}


@dataclass(frozen=True)
class ModelEntry:
    """One folder that should hold a model.

    Attributes:
        name: "pretrained/faces64".
        folder: where it is.
        info: what `glowcore.checkpoint.read_info` says, {} where it cannot be read.
        problem: "" or one sentence that says why it cannot be used.
    """

    name: str
    folder: Path
    info: dict[str, Any] = field(default_factory=dict, hash=False)
    problem: str = ""

    @property
    def label(self) -> str:
        """The folder's own name, for menus."""
        return self.folder.name

    @property
    def is_flow(self) -> bool:
        """Whether its latents are the picture in another form: what every page but Reconstruct works on."""
        return self.info.get("model") not in BASELINES

    @property
    def usable(self) -> bool:
        """Whether a session can work with it: a flow that nothing is known to be wrong with."""
        return self.is_flow and not self.problem

    @property
    def stamp(self) -> str:
        """Changes whenever the weights do: part of every cache key. Needs no reading of the weights."""
        try:
            status = (self.folder / checkpoint.WEIGHTS).stat()
        except OSError:
            return "missing"
        return f"{status.st_mtime_ns}-{status.st_size}"

    def public_message(self, error: Exception | str) -> str:
        """What an error says, for any visitor to read: files go by the model's name, not by where they are."""
        return str(error).replace(str(self.folder), self.name)


def home() -> Path:
    """The folder that holds `pretrained/` and `runs/`: the repository, or what EXPLORER_HOME names."""
    named = os.environ.get(HOME_VARIABLE)
    return Path(named) if named else Path(__file__).resolve().parents[2]


def where() -> str:
    """The folder of `home` in words for the command line; pages do not say where it is."""
    return f"{home()} ({'named by' if os.environ.get(HOME_VARIABLE) else 'another can be named by'} {HOME_VARIABLE})"


def list_models(root: Path | None = None) -> list[ModelEntry]:
    """Every model folder of `pretrained/` and `runs/`, usable ones first; broken ones carry the reason."""
    root = root or home()
    entries = []
    for group in GROUPS:
        base = (root / group).resolve()
        if not base.is_dir():
            continue
        for folder in sorted(base.iterdir()):
            if folder.name.startswith(".") or not folder.is_dir() or folder.resolve().parent != base:
                continue  # a link that leads out of the folder is not listed
            entries.append(_entry(f"{group}/{folder.name}", folder))
    return sorted(entries, key=lambda e: bool(e.problem))


def find(name: str, root: Path | None = None) -> ModelEntry:
    """The listed model of that name; CheckpointError names those that would do."""
    entries = list_models(root)
    for entry in entries:
        if entry.name == name:
            return entry
    known = ", ".join(e.name for e in entries) or "none"
    raise CheckpointError(f"there is no model {name!r:.80}; listed: {known}")


def at(given: str) -> ModelEntry:
    """The model that a command line names: by a listed name, or by its folder, wherever that is.

    Raises:
        CheckpointError: it is neither; names those that are listed.
    """
    entries = list_models()
    folder = Path(given)
    for entry in entries:
        if entry.name == given:
            return entry
    if not folder.is_dir():
        known = ", ".join(e.name for e in entries) or "none"
        raise CheckpointError(f"there is no model or folder {given!r:.80}; models in {home()}: {known}")
    same = (entry for entry in entries if entry.folder.resolve() == folder.resolve())
    return next(same, None) or _entry(str(folder), folder)


def of_hash(digits: str) -> ModelEntry | None:
    """The listed, usable model whose weights have a SHA-256 that begins with these digits, by its manifest."""
    for entry in list_models():
        if digits and entry.usable and entry.info["files"][checkpoint.WEIGHTS]["sha256"].startswith(digits):
            return entry
    return None


def open_engine(entry: ModelEntry, device: str = "auto") -> Engine:
    """Load a listed flow. Any damage, or a model of another kind, is a CheckpointError with one sentence."""
    if not entry.problem and not entry.is_flow:
        raise CheckpointError(
            f"{entry.name} is a {entry.info['model']}, which has no exact latents; it is shown on the Reconstruct page"
        )
    return _open(Engine, entry, device)


def open_compressor(entry: ModelEntry, device: str = "auto") -> Compressor:
    """Load a listed model that is no flow. Any damage is a CheckpointError with one sentence."""
    return _open(Compressor, entry, device)


def default_name(entries: list[ModelEntry]) -> str | None:
    """The flow to start with, or None: of `pretrained/` before `runs/`, with attributes, of the largest pictures."""
    usable = sorted((e for e in entries if e.usable), key=_merit)
    return usable[0].name if usable else None


def _merit(entry: ModelEntry) -> tuple[int, bool, int]:
    size = entry.info["config"]["image_size"]
    pixels = size**2 if isinstance(size, int) else math.prod(size)
    return GROUPS.index(entry.name.split("/")[0]), not entry.info["attributes"], -pixels


def _open(kind: type[T], entry: ModelEntry, device: str) -> T:
    if entry.problem:
        raise CheckpointError(entry.problem)
    try:
        return kind.open(entry.folder, entry.name, device)
    except CheckpointError as error:
        told = entry.public_message(error)
        _failed[str(entry.folder), entry.stamp] = told
        raise CheckpointError(told) from error


def _entry(name: str, folder: Path) -> ModelEntry:
    if not (folder / "config.json").is_file():
        return ModelEntry(name, folder, problem=f"{name} holds no config.json, so it is not (yet) a model")
    entry = ModelEntry(name, folder)
    try:
        entry = replace(entry, info=checkpoint.read_info(folder))
    except GlowcoreError as error:
        return replace(entry, problem=entry.public_message(error))
    for file, stated in entry.info["files"].items():
        path = folder / file
        size = path.stat().st_size if path.is_file() else 0
        if size != stated["size"]:
            problem = f"{name}/{file} has {size} bytes, its manifest states {stated['size']}"
            return ModelEntry(name, folder, problem=problem)
    return replace(entry, problem=_failed.get((str(folder), entry.stamp), ""))
