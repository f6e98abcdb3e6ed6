"""A folder of photos made ready to train on: the face of each, aligned like those that the models here have learnt."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from explorer.photo_folder import photos_in
from explorer.photos import Photo
from explorer.pictures import png
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


def targets(folder: Path, out: Path) -> dict[Path, Path]:
    """The photos of a folder and those within it, and the PNG that the face of each goes to, at the same place in out.

    Raises:
        ConfigError: a folder without photos, one inside the other, or two photos that would go to one file.
    """
    if out.resolve() == folder.resolve() or folder.resolve() in out.resolve().parents:
        raise ConfigError(f"--out {out} lies within --data {folder}, expected a folder elsewhere")
    found: dict[Path, Path] = {}
    names: dict[Path, Path] = {}
    for path in photos_in(folder, "**/[!.]*"):
        target = out / path.relative_to(folder).with_suffix(".png")
        if target in names:
            raise ConfigError(f"{names[target].name} and {path.name} would both become {target.name}; "
                              "rename one of them")
        found[path], names[target] = target, path
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


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"cannot write to {folder}: {reason(error)}") from error
