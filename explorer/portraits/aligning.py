"""A folder of photos made ready to train on: the face of each, aligned like those that the models here have learnt."""

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
    """What became of the photos of a folder, by their names relative to it.

    Attributes:
        written: their faces were written.
        kept: they were there already, and were left as they are.
        faceless: no face was found.
        unreadable: with the reason.
    """

    written: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    faceless: list[str] = field(default_factory=list)
    unreadable: list[tuple[str, str]] = field(default_factory=list)


def targets(folder: Path, names: Sequence[str], out: Path, size: int) -> dict[str, Path]:
    """Photos of a folder, and the PNG that the face of each goes to, at the same place in `out`.

    Of photos that differ in their endings alone the first has the name to itself, so that a twin that is added later
    renames nothing: a.jpg and a.webp become a.png and a.webp.png.

    Args:
        folder: what the names are relative to.
        names: the photos.
        out: where the faces go.
        size: their width and height in pixels.

    Raises:
        ConfigError: one folder inside the other, two photos that would go to one file, or pictures of another size
            that are there already.
    """
    if out.resolve() == folder.resolve() or folder.resolve() in out.resolve().parents:
        raise ConfigError(f"--out {out} lies within --data {folder}, expected a folder elsewhere")
    stems: set[PurePath] = set()
    found: dict[str, Path] = {}
    photo_of: dict[Path, str] = {}
    for name in names:
        stem = PurePath(name).with_suffix("")
        target = out / f"{name if stem in stems else stem}.png"
        stems.add(stem)
        if target in photo_of:
            both = f"{photo_of[target]} and {name} would both become {target.relative_to(out)}"
            raise ConfigError(f"{both}; rename one of them")
        found[name], photo_of[target] = target, name
        if (there := _size_of(target)) not in (None, (size, size)):
            raise ConfigError(
                f"--out {out} holds pictures of {there[0]}x{there[1]} already "
                f"({target.relative_to(out)}), --size is {size}; expected the same, or another --out"
            )
    return found


def align_all(folder: Path, pairs: Iterable[tuple[str, Path]], size: int) -> Aligned:
    """Write the face that the application would choose in each photo, ``size`` pixels a side; no photo twice.

    `pairs` are photos of the folder with the files that their faces go to, as `targets` gives them.

    Raises:
        ConfigError: a file cannot be written; those before it are whole.
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
    """Width and height of a picture, None where there is none."""
    try:
        with Image.open(path) as picture:  # reads its first bytes only
            return picture.size
    except OSError:
        return None


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"cannot write to {folder}: {reason(error)}") from error
