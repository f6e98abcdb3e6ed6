"""The example pictures of a model: ``gallery/`` in its folder, with their attribution."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import numpy as np

from explorer.edits.recipe import RecipeError, Source
from glowcore import images
from glowcore.errors import ImageError
from glowcore.images import PICTURE_SUFFIXES
from glowcore.text import printable

ATTRIBUTION = "ATTRIBUTION.md"


@dataclass(frozen=True)
class Gallery:
    """The pictures in a folder that can be read, sorted by name; a missing folder is an empty gallery."""

    folder: Path

    @classmethod
    def of(cls, model: Path) -> Gallery:
        """Return the gallery of the model in the folder ``model``."""
        return cls(model / "gallery")

    @cached_property
    def _files(self) -> dict[str, tuple[int, str]]:
        """The time of the last change of each picture file, and why it cannot be used or "", by name; none hidden."""
        if not self.folder.is_dir():
            return {}
        files = {}
        for path in sorted(path for path in self.folder.iterdir() if path.suffix.lower() in PICTURE_SUFFIXES):
            with suppress(FileNotFoundError):  # removed meanwhile
                if path.is_file() and not path.name.startswith("."):
                    changed = path.stat().st_mtime_ns
                    files[path.name] = changed, _problem(path, changed)
        return files

    @property
    def names(self) -> tuple[str, ...]:
        """File names of the pictures."""
        return tuple(name for name, (_, problem) in self._files.items() if not problem)

    @property
    def left_out(self) -> tuple[str, ...]:
        """The other picture files, each with the reason: "broken.jpg: this is not a picture"."""
        return tuple(problem for _, problem in self._files.values() if problem)

    @property
    def stamps(self) -> tuple[str, ...]:
        """The name and the time of the last change of each picture, for cache keys."""
        return tuple(f"{name} {self._files[name][0]}" for name in self.names)

    @property
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
    """Return a file name as words: "woman_03.jpg" -> "Woman 03"; a name without words stays."""
    words = " ".join(Path(name).stem.replace("_", " ").replace("-", " ").split())
    return words[:1].upper() + words[1:] or name


def _problem(path: Path, changed: int) -> str:
    """Return why a file cannot be used, "" if it can."""
    try:
        _check(path, changed)
    except RecipeError:
        return f"{printable(path.name)}: such a file name cannot be part of a link; rename it"
    except ImageError as error:
        return str(error)  # begins with the file's name
    return ""


@cache
def _check(path: Path, changed: int) -> None:
    """Raise an error if a file cannot be used; a good one is read once until it changes."""
    Source("gallery", path.name)
    images.load(path)
