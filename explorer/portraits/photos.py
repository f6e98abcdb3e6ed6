"""A user's photo: its file, the faces in it, and their aligned crops.

A photo stays in memory as its file, some megabytes, and not as its pixels, tens of megabytes. A cache that all sessions
share holds the pixels of the photos used last, by the SHA-256 of their file. Aligned crops are cached with each photo.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from explorer.edits.recipe import Source
from explorer.pixels.cache import ByteLRU
from explorer.portraits.face_detector import Face, find
from explorer.portraits.faces import Alignment, align, align_from_eyes, paste_back
from explorer.server import sandbox
from glowcore import image_guard

HASH_DIGITS = 32
TILE = 64  # pixels, of thumbnails, independent of the size of the model
CUTOUT_BYTES = 2 * 2**20  # per photo: ten faces of 256 x 256, or 170 of 64 x 64
_decoded: ByteLRU[np.ndarray] = ByteLRU(128 * 2**20)


@dataclass(frozen=True, eq=False)
class Photo:
    """A photo and the faces in it.

    Attributes:
        key: the first 32 hex digits of the SHA-256 of the file, which recipes hold.
        data: the file.
        found: the faces, best choice first.
    """

    key: str
    data: bytes = field(repr=False)
    found: Sequence[Face] = field(repr=False, default=())
    _aligned: ByteLRU[Alignment] = field(repr=False, default_factory=lambda: ByteLRU(CUTOUT_BYTES))

    @classmethod
    def read(cls, data: bytes) -> Photo:
        """Decode a file and detect faces.

        Raises:
            ImageError: the file is not a picture of an accepted format.
        """
        undetected = cls(photo_key(data), data)
        photo = cls(undetected.key, data, tuple(find(undetected.picture)))
        photo.tile(photo.source)  # cached while the pixels are in memory, so that a list of photos decodes none
        return photo

    @property
    def picture(self) -> np.ndarray:
        """The pixels, uint8 ``[H, W, 3]``, upright and read-only."""
        picture = _decoded.get(self.key)
        if picture is None:
            picture = sandbox.load(self.data)
            picture.setflags(write=False)
            _decoded.put(self.key, picture, picture.nbytes)
        return picture

    @property
    def full_size(self) -> tuple[int, int]:
        """Width and height in the file, upright; those of ``picture`` unless it was reduced to 16 megapixels."""
        header = image_guard.inspect(self.data)  # reads all scans of a progressive JPEG
        height, width = self.picture.shape[:2]
        long, short = max(header.width, header.height), min(header.width, header.height)
        return (long, short) if width > height else (short, long)

    @property
    def reduced(self) -> bool:
        """Whether the file has more pixels than ``picture``."""
        return self.full_size != self.picture.shape[1::-1]

    def drop_pixels(self) -> None:
        """Remove the pixels from the cache; a session that still has the photo decodes its file again."""
        _decoded.drop(self.key)

    @property
    def nbytes(self) -> int:
        """Memory in bytes of the file and the cached crops; the pixels do not count."""
        return len(self.data) + self._aligned.bytes

    @property
    def source(self) -> Source:
        """The source for a new recipe: the best face, or the centre crop without a face."""
        return Source("photo", self.key, 0 if self.found else -1)

    def clamped(self, source: Source) -> Source:
        """Return a source of this photo with the number of a face that it has, -1 without faces."""
        return source if source.eyes else replace(source, face=min(source.face, len(self.found) - 1))

    def aligned(self, size: int, source: Source) -> Alignment:
        """Align the face that ``source`` names by number or by the places of its eyes; face -1 is the centre crop.

        Raises:
            ImageError: both eyes are in one place.
        """
        key = (size, source.face, source.eyes)
        alignment = self._aligned.get(key)
        if alignment is None:
            alignment = self._align(size, source)
            self._aligned.put(key, alignment, alignment.image.nbytes)
        return alignment

    def tile(self, source: Source) -> np.ndarray:
        """Return the thumbnail of the face that ``source`` names, uint8 ``[64, 64, 3]``."""
        return self.aligned(TILE, source).image

    def _align(self, size: int, source: Source) -> Alignment:
        picture = self.picture
        if source.eyes:
            height, width = picture.shape[:2]
            points = [(x * width, y * height) for x, y in zip(source.eyes[::2], source.eyes[1::2], strict=True)]
            return align_from_eyes(picture, points[0], points[1], size)
        face = self.found[source.face] if 0 <= source.face < len(self.found) else None
        return align(picture, size, face)

    def with_edits(self, edits: Mapping[Source, np.ndarray]) -> np.ndarray:
        """Return the photo, uint8 ``[H, W, 3]``, with edited faces put back where their sources aligned them.

        ``edits`` holds faces, uint8 ``[size, size, 3]``, by their sources.
        """
        whole = self.picture
        for source, edited in edits.items():
            whole = paste_back(whole, self.aligned(edited.shape[0], source), edited)
        return whole


def photo_key(data: bytes) -> str:
    """Return the key by which recipes name the file with these bytes."""
    return hashlib.sha256(data).hexdigest()[:HASH_DIGITS]
