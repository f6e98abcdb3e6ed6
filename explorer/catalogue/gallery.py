"""The example pictures of a model: ``gallery/`` in its folder, with their attribution."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from explorer.edits.recipe import RecipeError
from glowcore import images
from glowcore.images import PICTURE_SUFFIXES

ATTRIBUTION = "ATTRIBUTION.md"


@dataclass(frozen=True)
class Gallery:
    """The pictures in a folder, sorted by name; a missing folder is an empty gallery."""

    folder: Path

    @classmethod
    def of(cls, model: Path) -> Gallery:
        """Return the gallery of the model in the folder ``model``."""
        return cls(model / "gallery")

    @cached_property
    def names(self) -> tuple[str, ...]:
        """File names of the pictures."""
        if not self.folder.is_dir():
            return ()
        pictures = (path for path in self.folder.iterdir() if path.suffix.lower() in PICTURE_SUFFIXES)
        return tuple(sorted(path.name for path in pictures if path.is_file()))

    @property
    def stamps(self) -> tuple[str, ...]:
        """The name and the time of the last change of each picture, for cache keys."""
        return tuple(f"{name} {(self.folder / name).stat().st_mtime_ns}" for name in self.names)

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
    """Return a file name as words: "woman_03.jpg" -> "Woman 03"."""
    return Path(name).stem.replace("_", " ").replace("-", " ").strip().capitalize()
