"""Pictures to train and evaluate on: folders with or without an attribute table, CelebA's layout, torchvision's sets.

===========  ==========================================  ==========================================
layout       pictures                                    labels
===========  ==========================================  ==========================================
table        ``attributes.csv`` beside ``images/`` (or   its columns, ``split``, ``class``
             beside the pictures themselves)
CelebA       ``list_attr_celeba.txt`` beside             40 attributes, ``list_eval_partition.txt``
             ``img_align_celeba/``
plain        a folder of pictures                        none
classes      a folder of folders of pictures             the inner folders, sorted (numbers as
                                                         numbers), are classes 0, 1, ...
splits       ``train/`` and ``test/`` (and ``valid/``),  as above; the folder is the split
             each plain or classes
torchvision  ``torchvision:NAME:ROOT``, files already    the set's classes, its own train and test
             there
===========  ==========================================  ==========================================

With a table that has no column ``split``, folders ``train/``, ``test/`` ... of the pictures are the split as well.
Whatever else lies beside such folders is refused.
Where nothing says which pictures are held out, one in twenty is: those whose name's SHA-256, first eight hex digits, is
divisible by 20 (``test``; the rest is ``train``). A picture's side of the line depends on its name alone. Of two or
more pictures at least one is tested on and one trained on. Which files are pictures: :mod:`glowcore.data.files`.

Pictures are brought to the model's size by :func:`glowcore.images.fit`: centre crop to its proportions, then area
average. CelebA's original files (178 x 218) are first cut to the central 148 x 148, as is usual for that set.
"""

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from glowcore import images
from glowcore.data import picture_store, torchvision_sets
from glowcore.data.folders import choose_split, list_pictures
from glowcore.errors import DataError, ImageError
from glowcore.progress import progress_bar
from glowcore.text import printable

#: ``skip_broken`` leaves out one picture in so many at most (and one of any set): what misses more is another set.
BROKEN_ONE_IN = 100

_CHOICES = ("train", "valid", "test", "all")
_ABSENT = "named in the table, not in the folder"


@dataclass(frozen=True)
class PictureSet:
    """Decoded pictures with what is known of them; row i of everything belongs to picture i.

    Attributes:
        images: uint8 ``[N, C, H, W]``, in memory or mapped.
        attributes: int8 ``[N, A]``: 1 yes, 0 no, -1 unknown.
        attribute_names: the A names.
        files: N names relative to the set's folder.
        labels: int64 ``[N]`` class numbers, -1 where a table leaves the class open, or None.
        class_names: name of each class.
        skipped: (file, reason) of every picture left out because it is broken, and of table rows without a picture; the
            reason does not repeat the name.
        other_kinds: how many files of the folder have each ending that is not read, of all splits.
    """

    images: torch.Tensor
    attributes: torch.Tensor
    attribute_names: tuple[str, ...]
    files: list[str]
    labels: torch.Tensor | None = None
    class_names: tuple[str, ...] = ()
    skipped: list[tuple[str, str]] = field(default_factory=list)
    other_kinds: dict[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.files)

    def fingerprint(self) -> str:
        """Return SHA-256 over names, pixels and labels: what a checkpoint can name as the data that it has seen."""
        digest = hashlib.sha256(repr((tuple(self.images.shape), self.attribute_names)).encode())
        digest.update("\0".join(self.files).encode("utf-8", "surrogateescape"))
        for part in (self.images, self.attributes, self.labels):
            if part is not None:
                digest.update(memoryview(part.contiguous().numpy()).cast("B") if part.numel() else b"")
        return digest.hexdigest()


def open_dataset(
    spec: str | os.PathLike,
    *,
    image_size: int | tuple[int, int],
    channels: int = 3,
    split: str | None = None,
    skip_broken: bool = False,
    limit: int | None = None,
    most: int | None = None,
    cache_dir: str | os.PathLike | None = None,
    progress: bool = True,
) -> PictureSet:
    """Find, check and decode a set of pictures (layouts: see the module).

    Args:
        spec: the folder, or ``torchvision:NAME:ROOT``.
        image_size: side, or (height, width), of the decoded pictures.
        channels: 3 or 1.
        split: ``"train"``, ``"valid"``, ``"test"``, or ``"all"`` / None.
        skip_broken: go on without pictures that cannot be read (:data:`BROKEN_ONE_IN` at most), without rows for
            pictures, without pictures for rows.
        limit: only the first so many pictures of the split, in the order of their names.
        most: more pictures than these are refused before any is decoded.
        cache_dir: keep the decoded pictures in a file there (:mod:`glowcore.data.picture_store`).
        progress: show a bar on stderr while many pictures are decoded.

    Raises:
        DataError: one line: no such folder, no pictures in it, a split that it does not have, more than ``most``, a
            deformed table, a broken picture, too many of them.
    """
    size = (image_size, image_size) if isinstance(image_size, int) else (int(image_size[0]), int(image_size[1]))
    split = split or "all"
    if split not in _CHOICES:
        raise DataError(f"split {printable(split, 30)!r} is unknown; one of {', '.join(_CHOICES)} is expected")
    if channels not in (1, 3):
        raise DataError(f"{channels} channels cannot be read from pictures; 1 (grey) or 3 (colour) are expected")
    if limit is not None and limit < 1:
        raise DataError(f"limit {limit} leaves no pictures; 1 or more is expected")
    if str(spec).startswith(torchvision_sets.TORCHVISION_PREFIX):
        pictures, labels, names = torchvision_sets.read(
            str(spec), size=size, channels=channels, split=split, limit=limit
        )
        files = [f"{i:06d}" for i in range(len(pictures))]
        return PictureSet(pictures, torch.zeros(len(files), 0, dtype=torch.int8), (), files, labels, names)
    listing = choose_split(list_pictures(Path(spec), tolerant=skip_broken), split)
    if limit is not None:
        listing = listing.take(range(min(limit, len(listing.files))))
    if most is not None and len(listing.files) > most:
        raise DataError(
            f"{printable(str(spec), 120)} has {len(listing.files)} pictures in split {split}, expected "
            f"{most} at most; --limit {most} takes the first"
        )
    block = picture_store.decode_files(
        listing.folder,
        listing.files,
        size=size,
        channels=channels,
        prepare=crop_celeba if listing.celeba else None,
        skip_broken=skip_broken,
        cache_dir=cache_dir,
        progress=progress,
    )
    skipped = [(listing.files[i], _without_name(reason, listing.files[i])) for i, reason in block.skipped]
    allowed = max(1, len(listing.files) // BROKEN_ONE_IN)
    if len(skipped) > allowed:
        raise DataError(
            f"{len(skipped)} of {len(listing.files)} pictures cannot be read, more than the {allowed} that "
            f"--skip-broken leaves out (one in {BROKEN_ONE_IN}); "
            f"python -m glowcore scan --data {printable(str(spec), 120)} lists them"
        )
    skipped += [(file, _ABSENT) for file in listing.absent]
    listing = listing.take(block.kept)
    return PictureSet(
        images=block.pictures,
        attributes=torch.from_numpy(listing.attributes),
        attribute_names=listing.attribute_names,
        files=listing.files,
        labels=None if listing.labels is None else torch.from_numpy(listing.labels),
        class_names=listing.class_names,
        skipped=skipped,
        other_kinds=listing.other_kinds,
    )


def unreadable_pictures(folder: Path, *, progress: bool = True) -> tuple[int, list[tuple[str, str]], dict[str, int]]:
    """Try every picture of a folder, in any of its layouts.

    Returns:
        How many pictures there are, (file, reason) of each that cannot be read and of table rows without a picture, and
        how many files have each ending that is not read.

    Raises:
        DataError: no such folder, no pictures in it, a deformed table.
    """
    listing = list_pictures(folder, tolerant=True)
    shown = progress and len(listing.files) >= picture_store.QUIET_BELOW
    found = []
    for file in progress_bar(listing.files, desc="scanning", unit=" pictures", progress=shown):
        try:
            images.load(listing.folder / file)
        except ImageError as error:
            found.append((file, _without_name(str(error), file)))
    return len(listing.files), found + [(file, _ABSENT) for file in listing.absent], listing.other_kinds


def _without_name(reason: str, file: str) -> str:
    return reason.removeprefix(f"{printable(Path(file).name)}: ")


def crop_celeba(picture: np.ndarray) -> np.ndarray:
    """Return the central 148 x 148 of an original CelebA picture, ``[218, 178, C]``; any other size stays as it is."""
    return picture[35:183, 15:163] if picture.shape[:2] == (218, 178) else picture
