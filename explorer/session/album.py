"""The photos of one session, and aligned pictures that are here without their photo. All live in memory only."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence

import numpy as np

from explorer.edits.recipe import NO_FILE, Source
from explorer.pixels.pictures import fingerprint
from explorer.portraits.photos import HASH_DIGITS, Photo
from glowcore.text import counted

PHOTO_BYTES = 192 * 2**20  # files as they came, and what was cut out of them: pixels are kept elsewhere, for all
MAX_PHOTOS = 48
MAX_CROPS = 64
NAMED = 3  # photos that have given way, of which a warning tells the names
LONGEST = 24  # characters of a file's name


class Album(OrderedDict[str, Photo]):
    """Photos by their keys, the one used last at the end, each with the face or the eyes it was last used with.

    Every photo has a number of its own, from 1 in the order they came; a file that comes again has the number it had.
    """

    def __init__(self) -> None:
        super().__init__()
        self._sources: dict[str, Source] = {}
        self._numbers: dict[str, int] = {}
        self._files: dict[str, str] = {}
        self._given_way: dict[str, str] = {}

    def keep(self, photo: Photo, in_use: str = "") -> None:
        """Remember a photo; the ones used longest ago give way when there are too many, but not the one `in_use`."""
        self[photo.key] = photo
        self._numbers.setdefault(photo.key, len(self._numbers) + 1)
        self.move_to_end(photo.key)
        others = [key for key in self if key not in (photo.key, in_use)]
        while others and (len(self) > MAX_PHOTOS or sum(p.nbytes for p in self.values()) > PHOTO_BYTES):
            oldest = others.pop(0)
            self._given_way[oldest] = self.name_of(oldest)
            self.drop(oldest)

    def drop(self, key: str) -> None:
        """Forget a photo, if it is here."""
        self.pop(key, None)
        self._sources.pop(key, None)
        self._files.pop(key, None)

    def came_as(self, key: str, file: str) -> None:
        """Remember the name of the file that a photo of the album came in."""
        if key in self:
            self._files[key] = file

    def use(self, source: Source) -> None:
        """A photo of the album is used with this face, or these eyes, from now on."""
        if source.kind == "photo" and source.value in self:
            self._sources[source.value] = source
            self.move_to_end(source.value)

    @property
    def newest_first(self) -> list[str]:
        """The keys in the order of the numbers, the last one first: a list of photos that using one does not shift."""
        return sorted(self, key=self._numbers.__getitem__, reverse=True)

    def source_of(self, key: str) -> Source:
        """What an edit of a photo starts from: the face chosen last, at first the best one."""
        return self._sources.get(key, self[key].source)

    def name_of(self, key: str) -> str:
        """What a photo is called among the others: its file, shortened; "Photo 2", or "file (2)", where need be."""
        number, names = self._numbers[key], [_shortened(self._files.get(k, "")) for k in self]
        name = _shortened(self._files.get(key, ""))
        if not name:
            return f"Photo {number}"
        return f"{name} ({number})" if names.count(name) > 1 else name

    def take_given_way(self) -> dict[str, str]:
        """The photos that have given way since this was last asked for: their files' names by their keys."""
        told, self._given_way = self._given_way, {}
        return told


def gave_way(names: Sequence[str]) -> str:
    """What to say of photos that have given way; "" of none. It stays true when others are removed.

    What has happened comes before the names: Edit shows two lines of it at once.
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


class Crops(OrderedDict[str, np.ndarray]):
    """Aligned pictures: from inside of an exported PNG, by the key of their photo, lent to another model, or mixed.

    `lent` holds the sources of those on loan, by the same keys.
    """

    def __init__(self) -> None:
        super().__init__()
        self.lent: dict[str, Source] = {}
        self._sources: dict[str, Source] = {}
        self._mixed_of: dict[str, frozenset[str]] = {}
        self._numbers: dict[str, int] = {}

    def lend(self, source: Source, picture: np.ndarray) -> Source:
        """Keep the aligned picture of `source` as a source of its own; the oldest give way, and no link carries it."""
        own = _source_of(picture)
        self.lent[own.value] = source
        self.keep(own, picture)
        return own

    def mix(self, picture: np.ndarray, of: Iterable[str]) -> Source:
        """Keep what was mixed of other pictures as a source; `of` are the keys of the photos and crops among them."""
        own = _source_of(picture)
        beneath = frozenset().union(*({key} | self._mixed_of.get(key, frozenset()) for key in of))
        self._mixed_of[own.value] = beneath - {own.value}
        self.keep(own, picture)
        return own

    def keep(self, source: Source, picture: np.ndarray) -> None:
        """Remember the aligned picture of what `source` chooses in a photo; the oldest give way."""
        key = source.value
        self[key], self._sources[key] = picture, source
        if key not in self.lent:
            self._numbers.setdefault(key, len(self._numbers) + 1)
        self.move_to_end(key)
        while len(self) > MAX_CROPS:
            self.drop(next(iter(self)))

    def source_of(self, key: str) -> Source:
        """What an edit of a picture starts from: as it was kept, so that to choose it again is no other edit."""
        return self._sources[key]

    @property
    def brought(self) -> list[str]:
        """The keys of the pictures that came inside of a PNG or were mixed, the latest first."""
        return [key for key in reversed(self) if key not in self.lent]

    def name_of(self, key: str) -> str:
        """What a picture that is not on loan is called among the others: "Picture 2 from a PNG", "Mixed picture 3"."""
        number = self._numbers[key]
        return f"Mixed picture {number}" if key in self._mixed_of else f"Picture {number} from a PNG"

    def of(self, photo: str) -> set[str]:
        """The keys of the pictures that were cut out of a photo, or mixed of it."""
        lent = {key for key, source in self.lent.items() if source.value == photo}
        return {key for key in self if key == photo or key in lent or photo in self._mixed_of.get(key, ())}

    def drop(self, key: str) -> None:
        """Forget a picture, if it is here."""
        for kept in (self, self.lent, self._sources, self._mixed_of):
            kept.pop(key, None)


def _source_of(picture: np.ndarray) -> Source:
    """The source of an aligned picture by itself, named by what it shows; a link to it must ask for no file."""
    return Source("photo", NO_FILE + fingerprint(picture)[: HASH_DIGITS - len(NO_FILE)], -1)
