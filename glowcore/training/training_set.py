"""The pictures of a run: which of the held-out ones judge it, and how a resumed run knows that it sees the same."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from glowcore.errors import ConfigError, DataError

#: Pictures that a fingerprint looks at, spread evenly over the set.
FINGERPRINTED = 256


def check_pictures(name: str, images: Tensor, labels: Tensor | None, num_classes: int) -> None:
    """Raise :class:`ConfigError` unless the ``name`` pictures are uint8 and have labels where there are classes."""
    if images.dtype != torch.uint8:
        raise ConfigError(f"the {name} pictures are {images.dtype}, expected uint8, values from 0 to 255")
    if num_classes and labels is None:
        raise ConfigError(f"the {name} pictures have no labels, expected one a picture, 0 to {num_classes - 1}, for a "
                          "model with classes")


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
