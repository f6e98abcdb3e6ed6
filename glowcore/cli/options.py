"""Options shared by several commands, with their readers and checks."""

from __future__ import annotations

import argparse
import inspect
import os
import re
import shlex
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from glowcore import checkpoint, classes, image_guard
from glowcore.cli import console
from glowcore.data import PictureSet, open_dataset
from glowcore.errors import ConfigError
from glowcore.flow import Flow
from glowcore.likelihood_model import LikelihoodModel
from glowcore.text import printable

#: More threads than any machine has use for; OpenMP ends the process where it cannot start as many as it is told to.
MOST_THREADS = 1024


def command(commands, name: str, summary: str, example: str) -> argparse.ArgumentParser:
    """Add and return the parser of a command, whose ``--help`` ends with an example."""
    return commands.add_parser(
        name,
        help=summary,
        description=f"{summary[0].upper()}{summary[1:]}.",
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def described(config: type, name: str) -> str:
    """Return the first sentence on a setting in the docstring of a config, as a help text."""
    match = re.search(rf"^    {name}: (.*(?:\n {{8}}.*)*)", inspect.getdoc(config) or "", re.MULTILINE)
    text = re.sub(r"\s+", " ", match[1]).split(". ")[0].rstrip(".") if match else ""
    return text.replace("``", "").replace("%", "%%")


def add_device(parser: argparse.ArgumentParser) -> None:
    """Add ``--device`` and ``--threads``."""
    parser.add_argument("--device", default="auto", help="auto (cuda, then cpu), cpu, cuda, cuda:N or mps")
    parser.add_argument("--threads", type=int, help="CPU threads (default: torch's own choice)")


def add_model(parser: argparse.ArgumentParser) -> None:
    """Add ``--model DIR``, ``--device`` and ``--threads``."""
    add_model_folder(parser)
    add_device(parser)


def add_model_folder(parser: argparse.ArgumentParser) -> None:
    """Add ``--model DIR``."""
    parser.add_argument(
        "--model", required=True, type=_model_folder, metavar="DIR", help="model folder, such as pretrained/faces64"
    )


def load_model(args: argparse.Namespace) -> LikelihoodModel:
    """Load the model of ``--model`` onto ``--device``."""
    set_threads(args.threads)
    return checkpoint.load(args.model, device=args.device)


def load_flow(args: argparse.Namespace, *, attributes: bool = False) -> Flow:
    """Load the model of ``--model`` for a command that needs a flow, with ``attributes`` one that has attributes.

    Raises:
        ConfigError: the model is a baseline, which has no exact latents, or lacks attributes.
    """
    model = load_model(args)
    if not isinstance(model, Flow):
        raise ConfigError(
            f"{args.model} is a {model.config.model_name}, which has no exact latents; {args.command} "
            "needs a flow (glow, realnvp or nice)"
        )
    if attributes and model.attributes is None:
        if classes.num_classes(model):
            raise ConfigError(
                f"{args.model} has no attributes, which the command attributes fits to models without classes only"
            )
        raise ConfigError(f"{args.model} has no attributes yet; {fitting(args.model)}")
    return model


def fitting(folder: str | Path) -> str:
    """Return the end of a sentence about a model without attributes: the command that fits them."""
    return f"python -m glowcore attributes --model {shlex.quote(str(folder))} --data DIR fits them"


def add_data(parser: argparse.ArgumentParser, split: str, note: str = "") -> None:
    """Add ``--data DIR`` and the options that select its pictures.

    ``split`` is the default of ``--split``, and ``note`` is appended to the help of ``--data``.
    """
    parser.add_argument(
        "--data",
        required=True,
        type=path,
        metavar="DIR",
        help="folder of pictures (with attributes.csv or class folders), CelebA's own layout, or "
        "torchvision:NAME:ROOT" + (f"; {note}" if note else ""),
    )
    parser.add_argument("--split", default=split, help=f"train, valid, test or all (default {split})")
    parser.add_argument("--limit", type=int, metavar="N", help="use only the first N pictures")
    add_skip_broken(parser)
    parser.add_argument(
        "--cache-dir", type=path, metavar="DIR", help="folder in which the decoded pictures are kept as a file"
    )
    add_quiet(parser)


def add_lock(parser: argparse.ArgumentParser) -> None:
    """Add ``--lock``, which the edit commands of the library and of the application share."""
    parser.add_argument(
        "--lock",
        action="append",
        default=[],
        metavar="NAME",
        help="an attribute whose score the other moves must not change; may be given more than once",
    )


def add_quiet(parser: argparse.ArgumentParser) -> None:
    """Add ``--quiet``."""
    parser.add_argument("--quiet", action="store_true", help="no progress bar")


def add_skip_broken(parser: argparse.ArgumentParser) -> None:
    """Add ``--skip-broken``."""
    parser.add_argument(
        "--skip-broken", action="store_true", help="leave out pictures that cannot be read, at most one in a hundred"
    )


def open_pictures(args: argparse.Namespace, model: LikelihoodModel) -> PictureSet:
    """Open the pictures of :func:`add_data` at the size of a model, with remarks on files left out and a poor fit."""
    pictures = open_pictures_at(args, model.image_size, model.config.channels)
    _say_fit(args.data, pictures)
    return pictures


def _say_fit(data: str, pictures: PictureSet) -> None:
    """Print a remark if the first picture is enlarged, or the first ones are grey for a model of colour."""
    first = pictures.images[:16]
    if first.shape[1] == 3 and bool((first == first[:, :1]).all()):
        console.say("note: the first pictures are grey, and the model is one of colour")
    paths = (Path(data, folder, pictures.files[0]) for folder in ("", "images", "img_align_celeba") if pictures.files)
    if path := next(filter(Path.is_file, paths), None):
        header, size = image_guard.inspect(path.read_bytes()), first.shape[2:]
        if min(header.height, header.width) < min(size):
            found = f"{header.height}x{header.width}, enlarged to {size[0]}x{size[1]}"
            console.say(f"note: the first picture, {printable(pictures.files[0], 120)}, is {found}")


def open_pictures_at(
    args: argparse.Namespace, image_size: tuple[int, int], channels: int = 3, most: int | None = None
) -> PictureSet:
    """Open pictures as :func:`open_pictures` does, at ``(height, width)``; more than ``most`` are an error."""
    pictures = open_dataset(
        args.data,
        image_size=image_size,
        channels=channels,
        split=args.split,
        skip_broken=args.skip_broken,
        limit=args.limit,
        cache_dir=args.cache_dir,
        progress=not args.quiet,
        most=most,
    )
    console.say_remarks(pictures)
    return pictures


def labels(model: LikelihoodModel, pictures: PictureSet, data: str) -> Tensor | None:
    """Return the classes of pictures as numbers of a class-conditional model, None for any other model.

    Raises:
        ConfigError: the pictures have no classes, or a class that the model does not have.
    """
    count = classes.num_classes(model)
    if count == 0:
        return None
    if pictures.labels is None:
        raise ConfigError(
            f"{data} has no classes for a model of {count}; a column `class` in attributes.csv, or a "
            "folder for each class and no attributes.csv, is expected"
        )
    try:
        return classes.renumbered(model, pictures.labels, pictures.class_names)
    except ConfigError as error:
        raise ConfigError(f"{data}: {error}") from error


def check_elsewhere(folder: str | os.PathLike, data: str | os.PathLike) -> None:
    """Check that the folder of ``--out`` is not inside that of ``--data``: its pictures would join the data set.

    Raises:
        ConfigError: it does, or both are one folder.
    """
    inner, outer = Path(folder).resolve(), Path(data).resolve()
    if outer in (inner, *inner.parents):
        raise ConfigError(f"--out {folder} lies within --data {data}, expected a folder elsewhere")


def check_no_input(path: str | os.PathLike, option: str, *inputs: str | os.PathLike) -> None:
    """Check that the file of ``--out`` is none of the files of ``option``, which it would replace.

    Raises:
        ConfigError: it is one of them, by its own name or through a link.
    """
    for picture in inputs:
        if os.path.exists(path) and os.path.exists(picture) and os.path.samefile(path, picture):
            raise ConfigError(f"--out {path} is the picture of {option}, expected another name")


def check_range(name: str, value: float, low: float, high: float) -> None:
    """Raise :class:`ConfigError` unless ``low <= value <= high``."""
    if not low <= value <= high:
        raise ConfigError(f"{name} is {value}, expected {low:.12g} to {high:.12g}")


def check_goes_with(args: argparse.Namespace, names: Sequence[str], other: str, used: bool) -> None:
    """Raise :class:`ConfigError` if one of the options ``names`` is given although ``other`` is not used."""
    for name in names:
        if not used and is_given(args, name):
            option = f"--{name.replace('_', '-')}"
            raise ConfigError(f"{option} goes with {other}, expected both or no {option}")


def is_given(args: argparse.Namespace, name: str) -> bool:
    """Return whether an option whose default is None or False is on the command line."""
    return getattr(args, name) is not None and getattr(args, name) is not False


def number(name: str, text: str, low: float, high: float) -> float:
    """Read a number in ``[low, high]``.

    Raises:
        ConfigError: ``text`` is no such number; the message calls it ``name``.
    """
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not low <= value <= high:
        raise ConfigError(f"{name} is {text!r:.40}, expected a number from {low:g} to {high:g}")
    return value


def check_seed(seed: int) -> None:
    """Raise :class:`ConfigError` unless ``--seed`` fits into the 32 bits that torch's CPU generator uses."""
    check_range("--seed", seed, 0, 2**32 - 1)


def read_seeds(text: str, most: int) -> Sequence[int]:
    """Read ``--seeds``: ``0:16`` (0 to 15), ``7`` or ``3,5,9``.

    Raises:
        ConfigError: not 1 to ``most`` whole numbers from 0 to 2^32 - 1.
    """
    try:
        if ":" in text:
            first, last = (int(part) for part in text.split(":"))
            seeds: Sequence[int] = range(first, min(last, first + most + 1))
        else:
            seeds = [int(part) for part in text.split(",")]
    except ValueError:
        raise ConfigError(f"--seeds {text!r:.40} is not understood, expected such as 0:16, 7 or 3,5,9") from None
    if not 1 <= len(seeds) <= most or min(seeds) < 0 or max(seeds) >= 2**32:
        # torch's CPU generator uses only 32 bits: a larger seed would be a second name of the same picture.
        raise ConfigError(f"--seeds {text!r:.40} is not 1 to {most} whole numbers from 0 to {2**32 - 1}, such as 0:16")
    return seeds


def set_threads(threads: int | None) -> None:
    """Set the number of CPU threads, unless it is None."""
    if threads is not None:
        check_range("--threads", threads, 1, MOST_THREADS)
        torch.set_num_threads(threads)


def path(text: str) -> str:
    """Return ``text``, which is not empty: an empty path would be taken for the current folder."""
    if not text:
        raise argparse.ArgumentTypeError("the path is empty, as of a variable that is not set; . is the current folder")
    return text


def _model_folder(text: str) -> str:
    shipped = Path("pretrained", path(text))
    if not Path(text).exists() and (shipped / "config.json").is_file():
        raise argparse.ArgumentTypeError(f"there is no folder {text}, expected such as {shipped}, which is there")
    return text


def int_per_level(text: str) -> int | tuple[int, ...]:
    """Read ``16`` or ``8,16,32`` (one per level, finest first)."""
    try:
        numbers = tuple(int(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r:.40} is no number or list, expected such as 16 or 8,16,32") from None
    return numbers[0] if len(numbers) == 1 else numbers


def image_size(text: str) -> int | tuple[int, int]:
    """Read ``64`` or ``HxW`` such as ``48x64``."""
    try:
        numbers = tuple(int(part) for part in text.lower().split("x"))
    except ValueError:
        numbers = ()
    if not 1 <= len(numbers) <= 2:
        raise argparse.ArgumentTypeError(f"{text!r:.40} is no size, expected 64 or 48x64 (height x width)")
    return numbers[0] if len(numbers) == 1 else numbers
