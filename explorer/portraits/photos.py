"""A photo as it comes from a user: bytes to aligned face, with everything the page needs to talk about it.

A photo rests in memory as the file it came in, some megabytes, and not as the tens of megabytes of its pixels: many
people have photos here and look at one face each. The pixels of those used last are kept for all, known by the
SHA-256 of their file; what was cut out of a photo is kept with it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from explorer.edits.recipe import Source
from explorer.pixels.cache import ByteLRU
from explorer.portraits import faces
from explorer.server import sandbox

HASH_DIGITS = 32
TILE = 64  # pixels: what lists of photos show of each, whatever the size of the model
CUTOUT_BYTES = 2 * 2**20  # a photo: ten faces of 256 x 256, or 170 of 64 x 64
_decoded: ByteLRU[np.ndarray] = ByteLRU(128 * 2**20)


def _cutouts() -> ByteLRU[faces.Alignment]:
    return ByteLRU(CUTOUT_BYTES)


@dataclass(frozen=True, eq=False)
class Photo:
    """A photo and the faces in it.

    Attributes:
        key: the first 32 hex digits of the SHA-256 of the file: how a recipe knows it again.
        data: the file.
        found: the faces, best choice first.
    """

    key: str
    data: bytes = field(repr=False)
    found: Sequence[faces.Face] = field(repr=False, default=())
    _aligned: ByteLRU[faces.Alignment] = field(repr=False, default_factory=_cutouts)

    @classmethod
    def read(cls, data: bytes) -> Photo:
        """Decode a file and look for faces; ImageError with one sentence when it is no picture we read."""
        undetected = cls(photo_key(data), data)
        photo = cls(undetected.key, data, tuple(faces.find(undetected.picture)))
        photo.tile(photo.source)  # while the pixels are here: to list many photos shall decode none
        return photo

    @property
    def picture(self) -> np.ndarray:
        """The pixels, uint8 [H, W, 3], upright; not to be written to."""
        picture = _decoded.get(self.key)
        if picture is None:
            picture = sandbox.load(self.data)
            picture.setflags(write=False)
            _decoded.put(self.key, picture, picture.nbytes)
        return picture

    @property
    def nbytes(self) -> int:
        """Memory the photo takes while nobody looks at it: the file, and what was cut out of it."""
        return len(self.data) + self._aligned.bytes

    @property
    def source(self) -> Source:
        """The source a recipe starts from: the best face, or the centre crop where there is none."""
        return Source("photo", self.key, 0 if self.found else -1)

    def aligned(self, size: int, source: Source) -> faces.Alignment:
        """Crop and turn the face that `source` chooses, or that its eyes say, to the template; -1 is the centre crop.

        Raises:
            ImageError: both eyes are in one place.
        """
        chosen = (size, source.face, source.eyes)
        kept = self._aligned.get(chosen)
        if kept is None:
            kept = self._align(size, source)
            self._aligned.put(chosen, kept, kept.image.nbytes)
        return kept

    def tile(self, source: Source) -> np.ndarray:
        """What `source` chooses, small: uint8 [64, 64, 3]."""
        return self.aligned(TILE, source).image

    def _align(self, size: int, source: Source) -> faces.Alignment:
        picture = self.picture
        if source.eyes:
            height, width = picture.shape[:2]
            points = [(x * width, y * height) for x, y in zip(source.eyes[::2], source.eyes[1::2], strict=True)]
            return faces.align_from_eyes(picture, points[0], points[1], size)
        face = self.found[source.face] if 0 <= source.face < len(self.found) else None
        return faces.align(picture, size, face)

    def with_edit(self, source: Source, edited: np.ndarray) -> np.ndarray:
        """The whole photo, uint8 [H, W, 3], with the edited face (aligned by `source`) put back where it came from."""
        return self.with_edits({source: edited})

    def with_edits(self, edits: Mapping[Source, np.ndarray]) -> np.ndarray:
        """The same with several faces, uint8 [size, size, 3], by the sources that they were aligned by."""
        whole = self.picture
        for source, edited in edits.items():
            whole = faces.paste_back(whole, self.aligned(edited.shape[0], source), edited)
        return whole


def photo_key(data: bytes) -> str:
    """How a recipe calls the file with these bytes."""
    return hashlib.sha256(data).hexdigest()[:HASH_DIGITS]
