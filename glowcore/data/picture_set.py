"""Data sets of pictures: folders with or without an attribute table, CelebA's layout, torchvision data sets.

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
torchvision  ``torchvision:NAME:ROOT``, files already    the data set's classes, its train and
             on the disk                                 test splits
===========  ==========================================  ==========================================

If a table has no column ``split``, folders named ``train/``, ``test/`` and ``valid/`` give the split of the pictures in
them; any other folder beside them is an error. One of these folders alone gives neither a split nor a class. If neither
a column nor folders give the split, one picture in twenty is in the test split: those for which the first eight
hexadecimal digits of the SHA-256 of the name, such as ``train/0001.png``, are divisible by 20. The split of a picture
depends on its name alone, except that of two or more pictures at least one is in each split.
:mod:`glowcore.data.files` defines which files are pictures.

:func:`glowcore.images.fit` brings pictures to the model's size: centre crop to its proportions, then area average.
CelebA's original files (178 x 218) are first cropped to the central 148 x 148, as is usual for that data set.
"""

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from glowcore import images
from glowcore.data import picture_store, torchvision_sets
from glowcore.data.bit_depth import unused_bits
from glowcore.data.folders import Listing, choose_split, list_pictures
from glowcore.data.picture_store import Block, Decoding
from glowcore.errors import DataError, ImageError
from glowcore.progress import progress_bar
from glowcore.text import printable

#: ``skip_broken`` leaves out at most one picture in this many (and one of any data set); with more missing, figures
#: would be those of another data set.
BROKEN_ONE_IN = 100

_CHOICES = ("train", "valid", "test", "all")
_ABSENT = "named in the table, not in the folder"


@dataclass(frozen=True)
class PictureSet:
    """Decoded pictures with their attributes and classes; row i of every field belongs to picture i.

    ``torch.utils.data.TensorDataset(pictures.images, pictures.attributes)`` is the data set for a ``DataLoader``.

    Attributes:
        images: uint8 ``[N, C, H, W]``, in memory or memory-mapped.
        attributes: int8 ``[N, A]``: 1 yes, 0 no, -1 unknown.
        attribute_names: the A names.
        files: N names relative to the folder; none for pictures that come from no files.
        labels: int64 ``[N]`` class numbers, -1 where the table gives no class, or None.
        class_names: name of each class.
        skipped: (file, reason) of every unreadable picture that was left out and of every table row without a picture;
            the reason does not repeat the name.
        other_kinds: number of files in the folder with each file ending that is not read, over all splits.
        unused_bits: number of unused bits of every 16-bit picture that leaves its upper bits unused, by file
            (:mod:`glowcore.data.bit_depth`).
    """

    images: torch.Tensor
    attributes: torch.Tensor
    attribute_names: tuple[str, ...]
    files: list[str] = field(default_factory=list)
    labels: torch.Tensor | None = None
    class_names: tuple[str, ...] = ()
    skipped: list[tuple[str, str]] = field(default_factory=list)
    other_kinds: dict[str, int] = field(default_factory=dict)
    unused_bits: dict[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.images)

    def __repr__(self) -> str:
        shape = "x".join(map(str, self.images.shape[1:]))
        return (
            f"PictureSet({len(self)} pictures of {shape}, {len(self.attribute_names)} attributes, "
            f"{len(self.class_names)} classes, {len(self.skipped)} skipped)"
        )

    def fingerprint(self) -> str:
        """Return the SHA-256 of names, pixels, labels and class names, by which fits name their pictures."""
        digest = hashlib.sha256(repr((tuple(self.images.shape), self.attribute_names)).encode())
        digest.update("\0".join(self.files).encode("utf-8", "surrogateescape"))
        for part in (self.images, self.attributes, self.labels):
            if part is not None:
                digest.update(memoryview(part.contiguous().numpy()).cast("B") if part.numel() else b"")
        if self.class_names:
            digest.update(repr(self.class_names).encode())
        return digest.hexdigest()


def open_dataset(
    spec: str | os.PathLike,
    *,
    image_size: int | tuple[int, int],
    channels: int = 3,
    split: str | None = "all",
    skip_broken: bool = False,
    limit: int | None = None,
    most: int | None = None,
    cache_dir: str | os.PathLike | None = None,
    progress: bool = True,
) -> PictureSet:
    """Find, check and decode a data set in one of the layouts of :mod:`glowcore.data.picture_set`.

    Args:
        spec: the folder, or ``torchvision:NAME:ROOT``.
        image_size: side, or (height, width), of the decoded pictures.
        channels: 3 or 1.
        split: ``"train"``, ``"valid"``, ``"test"`` or ``"all"``; None is ``"all"``.
        skip_broken: leave out unreadable pictures (:data:`BROKEN_ONE_IN` bounds their number) and table rows without a
            picture, and take pictures without a table row as unlabelled.
        limit: take only the first ``limit`` pictures of the split, in the order of their names.
        most: raise before decoding if there are more than ``most`` pictures.
        cache_dir: keep the decoded pictures in a file in this folder (:mod:`glowcore.data.picture_store`).
        progress: show a bar on stderr while many pictures are decoded.

    Raises:
        DataError: no such folder, no pictures in it, a missing split, more than ``most`` pictures, a malformed table,
            an unreadable picture, or too many of them under ``skip_broken``.
    """
    size = (image_size, image_size) if isinstance(image_size, int) else (int(image_size[0]), int(image_size[1]))
    split = "all" if split is None else split
    _check_options(channels, split, limit)
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
    prepare = crop_celeba if listing.celeba else None
    decoding = Decoding(listing.folder, listing.files, size, channels, prepare, skip_broken, progress)
    block = picture_store.decode_files(decoding, cache_dir)
    skipped = _skipped_files(spec, listing, block)
    unused = {listing.files[index]: bits for index, bits in block.unused_bits}
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
        unused_bits=unused,
    )


def _check_options(channels: int, split: str, limit: int | None) -> None:
    if split not in _CHOICES:
        raise DataError(f"split {printable(str(split), 30)!r} is unknown; one of {', '.join(_CHOICES)} is expected")
    if channels not in (1, 3):
        raise DataError(f"{channels} channels cannot be read from pictures; 1 (grey) or 3 (colour) are expected")
    if limit is not None and limit < 1:
        raise DataError(f"limit {limit} leaves no pictures; 1 or more is expected")


def _skipped_files(spec: str | os.PathLike, listing: Listing, block: Block) -> list[tuple[str, str]]:
    """Return :attr:`PictureSet.skipped`, if no more pictures are unreadable than :data:`BROKEN_ONE_IN` allows."""
    allowed = max(1, len(listing.files) // BROKEN_ONE_IN)
    if len(block.skipped) > allowed:
        raise DataError(
            f"{len(block.skipped)} of {len(listing.files)} pictures cannot be read, more than the {allowed} that "
            f"--skip-broken leaves out (one in {BROKEN_ONE_IN}); "
            f"python -m glowcore scan --data {printable(str(spec), 120)} lists them"
        )
    broken = [(listing.files[i], _without_name(reason, listing.files[i])) for i, reason in block.skipped]
    return broken + [(file, _ABSENT) for file in listing.absent]


class Scan(NamedTuple):
    """The result of :func:`scan_pictures`.

    Attributes:
        pictures: number of pictures.
        unreadable: (file, reason) of each unreadable one and of each table row without a picture.
        other_kinds: as in :class:`PictureSet`.
        unused_bits: as in :class:`PictureSet`.
    """

    pictures: int
    unreadable: list[tuple[str, str]]
    other_kinds: dict[str, int]
    unused_bits: dict[str, int]


def scan_pictures(folder: Path, *, progress: bool = True) -> Scan:
    """Try to read every picture of a folder with a table, or of any other tree of folders.

    Raises:
        DataError: no such folder, no pictures in it, or a malformed table.
    """
    listing = list_pictures(folder, tolerant=True, any_tree=True)
    shown = progress and len(listing.files) >= picture_store.QUIET_BELOW
    broken, unused = [], {}
    for file in progress_bar(listing.files, desc="scanning", unit=" pictures", progress=shown):
        try:
            picture = images.load(listing.folder / file)
        except ImageError as error:
            broken.append((file, _without_name(str(error), file)))
            continue
        if bits := unused_bits(listing.folder / file, picture):
            unused[file] = bits
    broken += [(file, _ABSENT) for file in listing.absent]
    return Scan(len(listing.files), broken, listing.other_kinds, unused)


def _without_name(reason: str, file: str) -> str:
    return reason.removeprefix(f"{printable(Path(file).name)}: ")


def crop_celeba(picture: np.ndarray) -> np.ndarray:
    """Return the central 148 x 148 of an original CelebA picture, ``[218, 178, C]``; other sizes are unchanged."""
    return picture[35:183, 15:163] if picture.shape[:2] == (218, 178) else picture
