"""A photo as it comes from a user: bytes to aligned face, with everything the page needs to talk about it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from explorer import faces
from explorer.recipe import Source
from glowcore import images

HASH_DIGITS = 32


@dataclass(frozen=True)
class Photo:
    """A decoded photo and the faces in it.

    key      the first 32 hex digits of the SHA-256 of the file: how a recipe knows it again
    picture  uint8 [H, W, 3], upright
    found    the faces, best choice first
    """

    key: str
    picture: np.ndarray = field(repr=False)
    found: Sequence[faces.Face] = field(repr=False, default=())

    @classmethod
    def read(cls, data: bytes) -> Photo:
        """Decode a file and look for faces; ImageError with one sentence when it is no picture we read."""
        picture = images.load(data)
        return cls(photo_key(data), picture, tuple(faces.find(picture)))

    @property
    def nbytes(self) -> int:
        """Memory the decoded photo takes."""
        return self.picture.nbytes

    @property
    def source(self) -> Source:
        """The source a recipe starts from: the best face, or the centre crop where there is none."""
        return Source("photo", self.key, 0 if self.found else -1)

    def aligned(self, size: int, source: Source) -> faces.Alignment:
        """Crop and turn the face that `source` chooses, or that its eyes say, to the template; -1 is the centre crop.

        Raises
        ------
        ImageError
            where both eyes are in one place.
        """
        if source.eyes:
            height, width = self.picture.shape[:2]
            points = [(x * width, y * height) for x, y in zip(source.eyes[::2], source.eyes[1::2], strict=True)]
            return faces.align_from_eyes(self.picture, points[0], points[1], size)
        face = self.found[source.face] if 0 <= source.face < len(self.found) else None
        return faces.align(self.picture, size, face)

    def with_edit(self, source: Source, edited: np.ndarray) -> np.ndarray:
        """The whole photo, uint8 [H, W, 3], with the edited face (aligned by `source`) put back where it came from."""
        return faces.paste_back(self.picture, self.aligned(edited.shape[0], source), edited)


def photo_key(data: bytes) -> str:
    """How a recipe calls the file with these bytes."""
    return hashlib.sha256(data).hexdigest()[:HASH_DIGITS]
