"""The example pictures of a model: ``gallery/`` in its folder, with their attribution."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np

from explorer.edits.recipe import RecipeError, Source
from glowcore import images
from glowcore.errors import ImageError
from glowcore.images import PICTURE_SUFFIXES
from glowcore.text import printable

ATTRIBUTION = "ATTRIBUTION.md"
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Gallery:
    """The pictures in a folder that can be read, sorted by name; a missing folder is an empty gallery."""

    folder: Path

    @classmethod
    def of(cls, model: Path) -> Gallery:
        """Return the gallery of the model in the folder ``model``."""
        return cls(model / "gallery")

    @cached_property
    def _problems(self) -> dict[str, str]:
        """Why a picture cannot be used, "" where it can, by file name; hidden files do not count."""
        if not self.folder.is_dir():
            return {}
        files = (path for path in self.folder.iterdir() if path.suffix.lower() in PICTURE_SUFFIXES)
        visible = sorted(path for path in files if path.is_file() and not path.name.startswith("."))
        return {path.name: _problem(path, _stamp(path)) for path in visible}

    @property
    def names(self) -> tuple[str, ...]:
        """File names of the pictures."""
        return tuple(name for name, problem in self._problems.items() if not problem)

    @property
    def left_out(self) -> tuple[str, ...]:
        """The other picture files, each with the reason: "broken.jpg: this is not a picture"."""
        return tuple(filter(None, self._problems.values()))

    @property
    def stamps(self) -> tuple[str, ...]:
        """The name and the times of the last change of each picture, for cache keys."""
        return tuple(f"{name} {_stamp(self.folder / name)}" for name in self.names)

    @cached_property
    def attribution(self) -> str:
        """The attribution of the pictures, as Markdown; "" without such a file."""
        path = self.folder / ATTRIBUTION
        return path.read_text(encoding="utf-8") if path.is_file() else ""

    def load(self, name: str) -> np.ndarray:
        """Return the picture ``name``, uint8 ``[H, W, 3]``.

        Raises:
            RecipeError: the gallery has no picture of this name.
        """
        if name not in self.names:
            raise RecipeError(f"the gallery of this model has no picture {name!r:.60}")
        return images.load(self.folder / name)


def title(name: str) -> str:
    """Return a file name as words: "woman_03.jpg" -> "Woman 03"; a name without any as it is."""
    words = " ".join(Path(name).stem.replace("_", " ").replace("-", " ").split())
    return words[:1].upper() + words[1:] or name


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_mtime_ns, status.st_ctime_ns  # permissions change the latter only


@lru_cache(maxsize=4096)
def _problem(path: Path, stamp: tuple[int, int]) -> str:
    # ``stamp`` is for the key alone, so that a picture is read, and a problem logged, once until the file changes.
    problem = ""
    try:
        Source("gallery", path.name)
        images.load(path)
    except RecipeError:
        problem = f"{printable(path.name)}: such a file name cannot be part of a link; rename it"
    except ImageError as error:
        problem = str(error)  # begins with the file's name
    if problem:
        _LOG.warning("left out of %s: %s", printable(str(path.parent), 120), problem)
    return problem
