"""The photos of one session, and aligned pictures without their photo; both are in memory only."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from explorer.edits.recipe import NO_FILE, Source
from explorer.pixels.pictures import fingerprint
from explorer.portraits.photos import HASH_DIGITS, Photo
from glowcore.text import counted

PHOTO_BYTES = 192 * 2**20  # of files and crops; decoded photos are in a cache that all sessions share
MAX_PHOTOS = 48
MAX_CROPS = 64
NAMED = 3  # dropped photos that a warning names
LONGEST = 24  # characters of a file's name that are shown
UNKNOWN = frozenset({""})  # the origins of a picture that may show a visitor's photo


class Album(Mapping[str, Photo]):
    """Photos by key, the one used last at the end, each with the face or the eyes that it was last used with.

    Photos are numbered from 1 in the order of upload. A file that is uploaded again keeps its number.
    """

    def __init__(self) -> None:
        self._photos: OrderedDict[str, Photo] = OrderedDict()
        self._sources: dict[str, Source] = {}
        self._numbers: dict[str, int] = {}
        self._files: dict[str, str] = {}
        self._given_way: dict[str, str] = {}

    def __getitem__(self, key: str) -> Photo:
        return self._photos[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._photos)

    def __len__(self) -> int:
        return len(self._photos)

    def keep(self, photo: Photo, in_use: str = "") -> None:
        """Add a photo; beyond the limits, drop those used longest ago, except the photo of the key ``in_use``."""
        self._photos[photo.key] = photo
        self._numbers.setdefault(photo.key, len(self._numbers) + 1)
        self._photos.move_to_end(photo.key)
        others = [key for key in self if key not in (photo.key, in_use)]
        while others and (len(self) > MAX_PHOTOS or sum(p.nbytes for p in self.values()) > PHOTO_BYTES):
            oldest = others.pop(0)
            self._given_way[oldest] = self.name_of(oldest)
            self.drop(oldest)

    def drop(self, key: str) -> None:
        """Remove a photo, if present, and its pixels from the cache that all sessions share."""
        if key in self:
            self[key].drop_pixels()
        for mapping in (self._photos, self._sources, self._files):
            mapping.pop(key, None)

    def came_as(self, key: str, file: str) -> None:
        """Record the name of a photo's file."""
        if key in self:
            self._files[key] = file

    def use(self, source: Source) -> None:
        """Record the face or the eyes that a photo is used with."""
        if source.kind == "photo" and source.value in self:
            self._sources[source.value] = source
            self._photos.move_to_end(source.value)

    @property
    def newest_first(self) -> list[str]:
        """The keys by descending number, an order that does not change when a photo is used."""
        return sorted(self, key=self._numbers.__getitem__, reverse=True)

    def source_of(self, key: str) -> Source:
        """Return the source of an edit of a photo: the face chosen last, at first the best one."""
        return self._sources.get(key, self[key].source)

    def name_of(self, key: str) -> str:
        """Return a unique name: the file's, shortened; "file (2)" for one of several, "Photo 2" without a name."""
        number, names = self._numbers[key], [_shortened(self._files.get(k, "")) for k in self]
        name = _shortened(self._files.get(key, ""))
        if not name:
            return f"Photo {number}"
        return f"{name} ({number})" if names.count(name) > 1 else name

    def take_given_way(self) -> dict[str, str]:
        """Return the names of the photos dropped for lack of room since the last call, by key."""
        names, self._given_way = self._given_way, {}
        return names


def gave_way(names: Sequence[str]) -> str:
    """Return the warning about photos dropped for lack of room, "" for none.

    It begins with what happened, because the Edit page shows only two lines of it at once.
    """
    if not names:
        return ""
    more = [f"{len(names) - NAMED} more"] if len(names) > NAMED else []
    return (
        f"{counted(len(names), 'photo')} gave way to others: there is room for {MAX_PHOTOS}, or {PHOTO_BYTES >> 20} MB "
        f"of them. Gone: {', '.join([*names[:NAMED], *more])}."
    )


def _shortened(name: str) -> str:
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 2]} …"


class Crops(Mapping[str, np.ndarray]):
    """Aligned pictures by key: from inside an exported PNG, lent from one model to another, or mixed.

    Attributes:
        lent: the original source of each lent picture, by the same keys.
    """

    def __init__(self) -> None:
        self._pictures: OrderedDict[str, np.ndarray] = OrderedDict()
        self.lent: dict[str, Source] = {}
        self._sources: dict[str, Source] = {}
        # By key, the keys of all photos and crops that the picture was ever made of; "" if any may show a photo.
        self._origins: dict[str, frozenset[str]] = {}
        self._numbers: dict[str, int] = {}

    def __getitem__(self, key: str) -> np.ndarray:
        return self._pictures[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._pictures)

    def __len__(self) -> int:
        return len(self._pictures)

    def lend(self, source: Source, picture: np.ndarray) -> Source:
        """Keep the aligned picture of ``source`` for another model; return its new source, which no link can carry."""
        crop = _source_of(picture)
        self.lent[crop.value] = source
        self._add(crop, picture, self._made_of([source.value] if source.kind == "photo" else []))
        return crop

    def mix(self, picture: np.ndarray, of: Iterable[str]) -> Source:
        """Keep a mixed picture and return its source; ``of`` are the keys of the photos and crops in the mixture."""
        crop = _source_of(picture)
        self._add(crop, picture, self._made_of(of))
        return crop

    def keep(self, source: Source, picture: np.ndarray) -> None:
        """Add the aligned picture of ``source`` that came inside a PNG; beyond the limit, drop the oldest."""
        self._add(source, picture, UNKNOWN)

    def _made_of(self, keys: Iterable[str]) -> frozenset[str]:
        return frozenset().union(*({key} | self._origins.get(key, UNKNOWN) for key in keys))

    def _add(self, source: Source, picture: np.ndarray, origins: frozenset[str]) -> None:
        key = source.value
        self._pictures[key], self._sources[key] = picture, source
        self._origins[key] = self._origins.get(key, frozenset()) | origins
        if key not in self.lent:
            self._numbers.setdefault(key, len(self._numbers) + 1)
        self._pictures.move_to_end(key)
        while len(self) > MAX_CROPS:
            self.drop(next(iter(self)))

    def source_of(self, key: str) -> Source:
        """Return the source that a picture was added with."""
        return self._sources[key]

    @property
    def brought(self) -> list[str]:
        """The keys of the pictures that came inside a PNG or were mixed, the latest first."""
        return [key for key in reversed(self._pictures) if key not in self.lent]

    def name_of(self, key: str) -> str:
        """Return a unique name of a picture that is not lent: "Picture 2 from a PNG", "Mixed picture 3"."""
        number = self._numbers[key]
        return f"Picture {number} from a PNG" if self._origins[key] == UNKNOWN else f"Mixed picture {number}"

    def of(self, photo: str) -> set[str]:
        """Return the keys of the pictures that were cut out of a photo or mixed from it."""
        return {key for key, origins in self._origins.items() if photo in {key, *origins}}

    def impersonal(self, key: str) -> bool:
        """Return whether all that a picture was made of is a model's own, so that it shows nobody's photo."""
        return not UNKNOWN & self._origins.get(key, UNKNOWN)

    def drop(self, key: str) -> None:
        """Remove a picture, if present."""
        for mapping in (self._pictures, self.lent, self._sources, self._origins):
            mapping.pop(key, None)


def _source_of(picture: np.ndarray) -> Source:
    """Return a source whose key is the hash of an aligned picture, marked as one without a file."""
    return Source("photo", NO_FILE + fingerprint(picture)[: HASH_DIGITS - len(NO_FILE)], -1)
