"""A folder of photos made ready to train on: the face of each, aligned like those that the models here have learnt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from PIL import Image

from explorer.portraits.photos import Photo
from explorer.views.pictures import png
from glowcore.errors import ConfigError, ImageError, reason
from glowcore.storage import output


@dataclass
class Aligned:
    """What became of the photos of a folder, by name.

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


def targets(folder: Path, names: Sequence[str], out: Path, size: int) -> dict[Path, Path]:
    """Photos of a folder, and the PNG that the face of each goes to, at the same place in `out`.

    Photos that differ in their endings alone keep them: a.jpg and a.webp become a.jpg.png and a.webp.png.

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
    alike = Counter(PurePath(name).with_suffix("") for name in names)
    found: dict[Path, Path] = {}
    photo_of: dict[Path, str] = {}
    for name in names:
        stem = PurePath(name).with_suffix("")
        target = out / f"{stem if alike[stem] == 1 else name}.png"
        if target in photo_of:
            raise ConfigError(f"{photo_of[target]} and {name} would both become {target.name}; rename one of them")
        found[folder / name], photo_of[target] = target, name
        if (there := _size_of(target)) not in (None, (size, size)):
            raise ConfigError(f"--out {out} holds pictures of {there[0]}x{there[1]} already ({target.name}), --size is "
                              f"{size}; expected the same, or another --out")
    return found


def align_all(pairs: Iterable[tuple[Path, Path]], size: int) -> Aligned:
    """Write the face that the application would choose in each photo, ``size`` pixels a side; no photo twice.

    Raises:
        ConfigError: a file cannot be written; those before it are whole.
    """
    done = Aligned()
    for path, target in pairs:
        if target.exists():
            done.kept.append(path.name)
            continue
        try:
            photo = Photo.read(path.read_bytes())
        except OSError as error:
            done.unreadable.append((path.name, reason(error)))
            continue
        except ImageError as error:
            done.unreadable.append((path.name, str(error)))
            continue
        if not photo.found:
            done.faceless.append(path.name)
            continue
        _make_folder(target.parent)
        output.write(target, png(photo.aligned(size, photo.source).image))
        done.written.append(path.name)
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
