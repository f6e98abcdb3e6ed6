"""torchvision data sets by name, read from files on the disk: ``torchvision:MNIST:ROOT``.

Nothing is downloaded. :func:`glowcore.images.to_channels` converts pictures between grey and colour, and
:func:`glowcore.images.fit` brings them to the model's size.
"""

import warnings

import numpy as np
import torch

from glowcore import images
from glowcore.errors import DataError
from glowcore.text import printable

TORCHVISION_PREFIX = "torchvision:"
# Name -> parameter by which torchvision's class selects the split: train=True / False, or split="train" / "test".
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
    """Read the data set ``torchvision:NAME:ROOT``.

    Args:
        spec: ``"torchvision:NAME:ROOT"``.
        size: (H, W) of the returned pictures.
        channels: 1 or 3.
        split: ``"train"``, ``"test"`` or ``"all"`` (train, then test); these data sets have no ``"valid"``.
        limit: take only the first ``limit`` pictures.

    Returns:
        Pictures, uint8 ``[N, channels, H, W]``; class numbers, int64 ``[N]``; class names.

    Raises:
        DataError: unknown name, missing files, a split that the data set does not have, torchvision not installed.
    """
    name, _, root = spec.removeprefix(TORCHVISION_PREFIX).partition(":")
    if name not in SETS or not root:
        raise DataError(f"{printable(spec, 60)} is unknown; torchvision:NAME:ROOT with NAME one of {', '.join(SETS)}")
    if split == "valid":
        raise DataError(f"torchvision's {name} has no split 'valid'; it has train and test")
    sets = [_open(name, root, part) for part in (("train", "test") if split == "all" else (split,))]
    pictures = np.concatenate([_with_channels(np.asarray(part.data)) for part in sets])[:limit]
    labels = [np.asarray(getattr(part, "targets", getattr(part, "labels", None))) for part in sets]
    numbers = np.concatenate(labels)[:limit].astype(np.int64)
    fitted = np.empty((len(pictures), channels, *size), dtype=np.uint8)
    for index, picture in enumerate(pictures):
        fitted[index] = images.fit(images.to_channels(picture, channels), size).transpose(2, 0, 1)
    return torch.from_numpy(fitted), torch.from_numpy(numbers), tuple(getattr(sets[0], "classes", ()))


def _open(name: str, root: str, split: str):
    try:
        from torchvision import datasets
    except ImportError as error:
        raise DataError(f"{TORCHVISION_PREFIX}{name} needs the package torchvision; install it beside torch") from error
    selection = {"train": split == "train"} if SETS[name] == "train" else {"split": split}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return getattr(datasets, name)(root, download=False, **selection)
    except Exception as error:  # missing or truncated files raise a different type in each data set
        reason = printable(str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__, 100)
        raise DataError(
            f"torchvision's {name} ({split}) cannot be read from {printable(root)} ({reason}); "
            "its files are expected there, nothing is downloaded"
        ) from error


def _with_channels(data: np.ndarray) -> np.ndarray:
    """Return ``[N, H, W]``, ``[N, H, W, 3]`` or ``[N, 3, H, W]`` as ``[N, H, W, C]``."""
    if data.ndim == 3:
        return data[..., None]
    return data if data.shape[-1] == 3 else data.transpose(0, 2, 3, 1)
