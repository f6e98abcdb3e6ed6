"""Alignment of a folder of photos for training: the face of each photo, aligned like the models' training data."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from PIL import Image

from explorer.pixels.pictures import png
from explorer.portraits.photos import Photo
from glowcore.errors import ConfigError, ImageError, reason
from glowcore.storage import output

#: Keyword of the PNG text that names the photo of a face.
PHOTO_KEY = "photo"
#: Bytes of the longest file name that file systems allow, less the ending.
LONGEST = 255 - len(".png")


@dataclass
class Aligned:
    """The outcome for the photos of a folder, by their names relative to it.

    Attributes:
        written: photos whose faces were written.
        enlarged: the factors by which faces among these were enlarged, by photo.
        kept: photos whose faces existed already and were left unchanged.
        faceless: photos in which no face was found.
        unreadable: photos that could not be read, with the reason.
    """

    written: list[str] = field(default_factory=list)
    enlarged: dict[str, float] = field(default_factory=dict)
    kept: list[str] = field(default_factory=list)
    faceless: list[str] = field(default_factory=list)
    unreadable: list[tuple[str, str]] = field(default_factory=list)


def targets(names: Sequence[str], out: Path, size: int) -> dict[str, Path]:
    """Return the PNG file for the face of each photo, all in ``out`` itself: sub/a.jpg becomes sub__a.png.

    Training would take subfolders for classes. A written face names its photo (:data:`PHOTO_KEY`), so that a photo
    keeps its file whatever is added to or removed from the folder. Of photos whose names would become the same, the
    first gets the plain name unless it belongs to another: a.jpg and a.webp become a.png and a.webp.png. A file
    without the name of a photo belongs to the first that it fits. A name too long for a file is shortened.

    Args:
        names: the photos, relative to their folder.
        out: the folder for the faces.
        size: width and height of the faces in pixels.

    Raises:
        ConfigError: a target exists with another size.
    """
    headers = {name: {out / file: _header(out / file) for file in _candidates(name)} for name in names}
    target_of = {
        name: target
        for name, files in headers.items()
        for target, header in files.items()
        if header is not None and header.photo == _record(name)
    }
    taken = set(target_of.values())
    for name in names:
        if name not in target_of:
            files = headers[name]
            target_of[name] = next(f for f, h in files.items() if f not in taken and (h is None or not h.photo))
            taken.add(target_of[name])
        header = headers[name][target_of[name]]
        if header is not None and header.size != (size, size):
            raise ConfigError(
                f"--out {out} holds pictures of {header.size[0]}x{header.size[1]} already "
                f"({target_of[name].relative_to(out)}), --size is {size}; expected the same, or another --out"
            )
    return {name: target_of[name] for name in names}


def align_all(folder: Path, pairs: Iterable[tuple[str, Path]], size: int) -> Aligned:
    """Write the best face of each photo, aligned at ``size`` pixels a side; existing files are left unchanged.

    ``pairs`` are photos of the folder and the files for their faces, as ``targets`` returns them.

    Raises:
        ConfigError: a file cannot be written; the files before it are complete.
    """
    done = Aligned()
    for name, target in pairs:
        if target.exists():
            done.kept.append(name)
            continue
        try:
            photo = Photo.read((folder / name).read_bytes())
        except OSError as error:
            done.unreadable.append((name, reason(error)))
            continue
        except ImageError as error:
            done.unreadable.append((name, str(error)))
            continue
        if not photo.found:
            done.faceless.append(name)
            continue
        _make_folder(target.parent)
        face = photo.aligned(size, photo.source)
        output.write(target, png(face.image, {PHOTO_KEY: _record(name)}))
        done.written.append(name)
        if face.scale > 1:
            done.enlarged[name] = face.scale
    return done


@dataclass(frozen=True)
class _Header:
    """Width and height of a picture file, and the photo that it names, "" if none."""

    size: tuple[int, int]
    photo: str


def _header(path: Path) -> _Header | None:
    """Return the header of a picture file, None if there is no such picture."""
    try:
        with Image.open(path) as picture:  # does not read the pixels
            return _Header(picture.size, str(picture.info.get(PHOTO_KEY, "")))
    except OSError:
        return None


def _candidates(name: str) -> list[str]:
    """Return the file names that a photo's face may have, the preferred first; the last is that of no other photo."""
    flat = name.replace("/", "__")
    stem, digest = PurePath(flat).stem, hashlib.sha256(os.fsencode(name)).hexdigest()[:16]
    unique = f"-{digest}"

    def fitting(text: str, ending: str = "") -> str:
        data = os.fsencode(text + ending)
        if len(data) <= LONGEST:
            return text + ending
        # Cut between characters: some file systems take UTF-8 only.
        return data[: LONGEST - len(unique)].decode(errors="ignore") + unique

    return [f"{part}.png" for part in dict.fromkeys((fitting(stem), fitting(flat), fitting(stem, unique)))]


def _record(name: str) -> str:
    """Return the name of a photo as PNG text, which must be Unicode where a file name need not be."""
    return os.fsencode(name).decode(errors="backslashreplace")


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"cannot write to {folder}: {reason(error)}") from error
