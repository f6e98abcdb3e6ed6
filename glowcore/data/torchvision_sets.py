"""torchvision's data sets by name, from files that are already there: ``torchvision:MNIST:ROOT``.

Nothing is downloaded. The arrays that torchvision has read are taken as they are; pictures of another size than the
model's are brought to it by :func:`glowcore.images.fit`, grey ones become colour, and colour grey, by
:func:`glowcore.images.to_channels`.
"""

import warnings

import numpy as np
import torch

from glowcore import images
from glowcore.errors import DataError
from glowcore.text import printable

TORCHVISION_PREFIX = "torchvision:"
# name -> how torchvision's class is told the half: train=True / False, or split="train" / "test"
SETS = {
    "CIFAR10": "train",
    "CIFAR100": "train",
    "FashionMNIST": "train",
    "KMNIST": "train",
    "MNIST": "train",
    "STL10": "split",
    "SVHN": "split",
    "USPS": "train",
}


def read(
    spec: str, *, size: tuple[int, int], channels: int, split: str, limit: int | None
) -> tuple[torch.Tensor, torch.Tensor, tuple[str, ...]]:
    """Return what ``torchvision:NAME:ROOT`` holds.

    Pictures are uint8 ``[N, channels, H, W]``, class numbers int64 ``[N]``, and last come the class names.

    Args:
        split: ``"train"``, ``"test"`` or ``"all"`` (train, then test); these sets have no ``"valid"``.
        limit: only the first so many.

    Raises:
        DataError: unknown name, files not there, a split that the set does not have, torchvision not installed.
    """
    name, _, root = spec.removeprefix(TORCHVISION_PREFIX).partition(":")
    if name not in SETS or not root:
        raise DataError(f"{printable(spec, 60)} is unknown; torchvision:NAME:ROOT with NAME one of {', '.join(SETS)}")
    if split == "valid":
        raise DataError(f"torchvision's {name} has no split 'valid'; it has train and test")
    halves = ["train", "test"] if split == "all" else [split]
    sets = [_open(name, root, half) for half in halves]
    pictures = np.concatenate([_channels_last(np.asarray(one.data)) for one in sets])[:limit]
    labels = np.concatenate([np.asarray(getattr(one, "targets", getattr(one, "labels", None))) for one in sets])[:limit]
    fitted = np.empty((len(pictures), channels, *size), dtype=np.uint8)
    for index, picture in enumerate(pictures):
        fitted[index] = images.fit(images.to_channels(picture, channels), size).transpose(2, 0, 1)
    return torch.from_numpy(fitted), torch.from_numpy(labels.astype(np.int64)), tuple(getattr(sets[0], "classes", ()))


def _open(name: str, root: str, half: str):
    try:
        from torchvision import datasets
    except ImportError as error:
        raise DataError(f"{TORCHVISION_PREFIX}{name} needs the package torchvision; install it beside torch") from error
    chosen = {"train": half == "train"} if SETS[name] == "train" else {"split": half}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return getattr(datasets, name)(root, download=False, **chosen)
    except Exception as error:  # each set has its own way of saying that its files are missing or cut short
        reason = printable(str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__, 100)
        raise DataError(
            f"torchvision's {name} ({half}) cannot be read from {printable(root)} ({reason}); "
            "its files are expected there, nothing is downloaded"
        ) from error


def _channels_last(data: np.ndarray) -> np.ndarray:
    """Return ``[N, H, W]``, ``[N, H, W, 3]`` or ``[N, 3, H, W]`` as ``[N, H, W, C]``."""
    if data.ndim == 3:
        return data[..., None]
    return data if data.shape[-1] == 3 else data.transpose(0, 2, 3, 1)
