"""The pictures of a run: which of the held-out ones judge it, and how a resumed run knows that it sees the same."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from glowcore import classes
from glowcore.errors import ConfigError, DataError
from glowcore.likelihood_model import LikelihoodModel

#: What labels may be.
WHOLE = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)
#: Pictures that a fingerprint looks at, spread evenly over the set.
FINGERPRINTED = 256


def check_pictures(name: str, images: Tensor, labels: Tensor | None, model: LikelihoodModel) -> None:
    """Raise :class:`ConfigError` unless ``model`` can be trained or judged on the ``name`` pictures.

    Pictures are a uint8 tensor ``[N, C, H, W]`` of the model's size, N 1 or more; labels a tensor of N whole numbers,
    each a class of the model, for a model with classes, and None for any other. All of them are looked at: a label that
    is wrong would show only at the step that draws it.
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
    if not isinstance(labels, Tensor) or labels.dtype not in WHOLE:
        kind = labels.dtype if isinstance(labels, Tensor) else f"of type {type(labels).__name__}"
        raise ConfigError(f"the labels of the {name} pictures are {kind}, expected a tensor of whole numbers")
    if tuple(labels.shape) != (count,):
        raise ConfigError(f"the labels of the {count} {name} pictures have shape {list(labels.shape)}, {expected}")
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= num_classes:
        raise ConfigError(f"the labels of the {name} pictures are {low} to {high}, {expected}")


def judging_rows(count: int, most: int) -> Tensor:
    """Return the rows of ``count`` held-out pictures that evaluations look at: int64, rising, ``most`` of them or all.

    Deterministic; a larger ``most`` gives a superset. They are drawn, since a folder of classes is in the order of the
    classes.
    """
    order = torch.randperm(count, generator=torch.Generator().manual_seed(0), device="cpu")
    return order[:most].sort().values


def fingerprint(images: Tensor, labels: Tensor | None) -> dict[str, Any]:
    """Return what tells one set of pictures (uint8 ``[N, C, H, W]``) from another: JSON-able, made in milliseconds.

    ``pictures`` is N, ``shape`` is (C, H, W), ``sha256`` that of :data:`FINGERPRINTED` pictures and of all labels
    (int64 ``[N]``). So another folder or another order is noticed, but not one exchanged picture among many.
    """
    count = len(images)
    sampled = min(count, FINGERPRINTED)
    rows = torch.arange(sampled, device="cpu") * count // sampled
    digest = hashlib.sha256(images[rows].cpu().contiguous().numpy().tobytes())
    if labels is not None:
        digest.update(labels.cpu().contiguous().numpy().tobytes())
    return {"pictures": count, "shape": list(images.shape[1:]), "sha256": digest.hexdigest()}


def check_same(before: Mapping[str, Any], now: Mapping[str, Any], run: object) -> None:
    """Raise :class:`DataError` unless both hold the same :func:`fingerprint` of each set; ``run`` names the run."""
    for name, was in before.items():
        if was != now[name]:
            raise DataError(
                f"the {name} pictures are not those of the run in {run}: {_in_words(was)} then, "
                f"{_in_words(now[name])} now; expected the same ones, or another run that takes its weights with "
                f"--init-from {run}"
            )


def _in_words(found: Mapping[str, Any]) -> str:
    return f"{found['pictures']} of {'x'.join(map(str, found['shape']))} (sample {found['sha256'][:8]})"
