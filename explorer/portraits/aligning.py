"""Alignment of a folder of photos for training: the face of each photo, aligned like the models' training data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from PIL import Image

from explorer.pixels.pictures import png
from explorer.portraits.photos import Photo
from glowcore.errors import ConfigError, ImageError, reason
from glowcore.storage import output


@dataclass
class Aligned:
    """The outcome for the photos of a folder, by their names relative to it.

    Attributes:
        written: photos whose faces were written.
        kept: photos whose faces existed already and were left unchanged.
        faceless: photos in which no face was found.
        unreadable: photos that could not be read, with the reason.
    """

    written: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    faceless: list[str] = field(default_factory=list)
    unreadable: list[tuple[str, str]] = field(default_factory=list)


def targets(folder: Path, names: Sequence[str], out: Path, size: int) -> dict[str, Path]:
    """Return the PNG file for the face of each photo, all in ``out`` itself: sub/a.jpg becomes sub__a.png.

    Training would take subfolders for classes. Of photos whose names would become the same, the first gets the plain
    name, so that a photo added later renames nothing: a.jpg and a.webp become a.png and a.webp.png.

    Args:
        folder: the folder of the photos.
        names: the photos, relative to ``folder``.
        out: the folder for the faces.
        size: width and height of the faces in pixels.

    Raises:
        ConfigError: ``out`` lies within ``folder``, two photos have the same target, or a target exists with another
            size.
    """
    if out.resolve() == folder.resolve() or folder.resolve() in out.resolve().parents:
        raise ConfigError(f"--out {out} lies within --data {folder}, expected a folder elsewhere")
    stems: set[str] = set()
    target_of: dict[str, Path] = {}
    photo_of: dict[Path, str] = {}
    for name in names:
        flat = name.replace("/", "__")
        stem = PurePath(flat).stem
        target = out / f"{flat if stem in stems else stem}.png"
        stems.add(stem)
        if target in photo_of:
            both = f"{photo_of[target]} and {name} would both become {target.relative_to(out)}"
            raise ConfigError(f"{both}; rename one of them")
        target_of[name], photo_of[target] = target, name
        if (existing := _size_of(target)) not in (None, (size, size)):
            raise ConfigError(
                f"--out {out} holds pictures of {existing[0]}x{existing[1]} already "
                f"({target.relative_to(out)}), --size is {size}; expected the same, or another --out"
            )
    return target_of


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
        output.write(target, png(photo.aligned(size, photo.source).image))
        done.written.append(name)
    return done


def _size_of(path: Path) -> tuple[int, int] | None:
    """Return width and height of a picture file, None if it does not exist."""
    try:
        with Image.open(path) as picture:  # reads the header only
            return picture.size
    except OSError:
        return None


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"cannot write to {folder}: {reason(error)}") from error
