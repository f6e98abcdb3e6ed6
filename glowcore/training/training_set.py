"""The pictures of a run: their checks, the rows that evaluations use, and a fingerprint that a resumed run compares."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from glowcore import classes
from glowcore.errors import ConfigError, DataError
from glowcore.likelihood_model import LikelihoodModel

#: Dtypes that labels may have.
INTEGERS = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)
#: Number of pictures that a fingerprint hashes, spread evenly over the set.
FINGERPRINTED = 256


def check_pictures(name: str, images: Tensor, labels: Tensor | None, model: LikelihoodModel) -> None:
    """Check that a model can be trained or evaluated on some pictures.

    All labels are checked at once, since a wrong one would otherwise fail only at the step that draws it.

    Args:
        name: what errors call the pictures, such as ``"training"``.
        images: a uint8 tensor ``[N, C, H, W]`` of the model's size, N at least 1.
        labels: an integer tensor ``[N]`` of classes for a model with classes, else None.
        model: the model.

    Raises:
        ConfigError: the pictures or labels are anything else.
    """
    channels, (height, width) = model.config.channels, model.image_size
    expected = f"a uint8 tensor [N, {channels}, {height}, {width}], values from 0 to 255"
    if not isinstance(images, Tensor):
        raise ConfigError(f"the {name} pictures are of type {type(images).__name__}, expected {expected}")
    if images.dtype != torch.uint8:
        raise ConfigError(f"the {name} pictures are {images.dtype}, expected uint8, values from 0 to 255")
    if images.ndim != 4 or tuple(images.shape[1:]) != (channels, height, width):
        raise ConfigError(f"the {name} pictures have shape {list(images.shape)}, expected {expected}")
    if len(images) == 0:
        raise ConfigError(f"there are no {name} pictures, expected 1 or more")
    _check_labels(name, len(images), labels, classes.num_classes(model))


def _check_labels(name: str, count: int, labels: Tensor | None, num_classes: int) -> None:
    if num_classes == 0:
        if labels is not None:
            raise ConfigError(f"the {name} pictures have labels, expected none for a model without classes")
        return
    expected = f"expected one a picture, 0 to {num_classes - 1}, for a model with classes"
    if labels is None:
        raise ConfigError(f"the {name} pictures have no labels, {expected}")
    if not isinstance(labels, Tensor) or labels.dtype not in INTEGERS:
        kind = labels.dtype if isinstance(labels, Tensor) else f"of type {type(labels).__name__}"
        raise ConfigError(f"the labels of the {name} pictures are {kind}, expected a tensor of whole numbers")
    if tuple(labels.shape) != (count,):
        raise ConfigError(f"the labels of the {count} {name} pictures have shape {list(labels.shape)}, {expected}")
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= num_classes:
        raise ConfigError(f"the labels of the {name} pictures are {low} to {high}, {expected}")


def evaluation_rows(count: int, limit: int) -> Tensor:
    """Return the rows of ``count`` held-out pictures that evaluations use: int64, ascending, at most ``limit``.

    The rows are a fixed random choice, because a folder of classes is sorted by class; a larger ``limit`` gives a
    superset.
    """
    order = torch.randperm(count, generator=torch.Generator().manual_seed(0), device="cpu")
    return order[:limit].sort().values


def fingerprint(images: Tensor, labels: Tensor | None) -> dict[str, Any]:
    """Return a JSON-able fingerprint of pictures (uint8 ``[N, C, H, W]``) and labels (int64 ``[N]`` or None).

    ``pictures`` is N, ``shape`` is (C, H, W), and ``sha256`` that of :data:`FINGERPRINTED` pictures and all labels. It
    takes milliseconds and detects another folder or another order, but not one exchanged picture among many.
    """
    count = len(images)
    sampled = min(count, FINGERPRINTED)
    rows = torch.arange(sampled, device="cpu") * count // sampled
    digest = hashlib.sha256(images[rows].cpu().contiguous().numpy().tobytes())
    if labels is not None:
        digest.update(labels.cpu().contiguous().numpy().tobytes())
    return {"pictures": count, "shape": list(images.shape[1:]), "sha256": digest.hexdigest()}


def check_same(before: Mapping[str, Any], now: Mapping[str, Any], run: object) -> None:
    """Raise :class:`DataError` unless every set has the same :func:`fingerprint` as before; ``run`` is the folder."""
    for name, previous in before.items():
        if previous != now[name]:
            raise DataError(
                f"the {name} pictures are not those of the run in {run}: {_in_words(previous)} then, "
                f"{_in_words(now[name])} now; expected the same ones, or another run that takes its weights with "
                f"--init-from {run}"
            )


def _in_words(facts: Mapping[str, Any]) -> str:
    return f"{facts['pictures']} of {'x'.join(map(str, facts['shape']))} (sample {facts['sha256'][:8]})"
