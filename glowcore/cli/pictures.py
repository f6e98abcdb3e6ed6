"""Pictures of the command line: from files to a model's batch, and from a batch to a file.

Models decode here as in the application: what float32 does not bring back, or loses, goes through float64.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from glowcore import images
from glowcore.cli import options
from glowcore.errors import ImageError
from glowcore.exact import ExactFlow
from glowcore.flow import Flow
from glowcore.latents import Latents
from glowcore.likelihood_model import LikelihoodModel
from glowcore.storage import output
from glowcore.text import printable

PNG, JPEG = (".png",), (".jpg", ".jpeg")
#: Pictures decoded at once: enough to keep a processor busy, little enough for its memory.
BATCH = 32


def load(path: str | Path, model: LikelihoodModel) -> Tensor:
    """Read a picture and bring it to the model's size and channels: uint8 ``[1, C, H, W]``.

    Says what the model is shown of a picture of another size.

    Raises:
        ImageError: no such file, no picture, or a model of other channels than 1 or 3.
    """
    whole = images.load(path, channels=model.config.channels)
    if whole.shape[:2] != tuple(model.image_size):
        options.say(f"{printable(str(path))}: {_brought(whole, model)}")
    array = images.fit(whole, model.image_size)
    return torch.from_numpy(np.ascontiguousarray(array.transpose(2, 0, 1)))[None]


def _brought(whole: np.ndarray, model: LikelihoodModel) -> str:
    """Say what of a picture, uint8 ``[H, W, C]``, a model is shown."""
    kept = images.crop_to_aspect(whole, model.image_size)
    (height, width), (cut, across) = whole.shape[:2], kept.shape[:2]
    part = "all" if kept.shape == whole.shape else f"the central {across}x{cut}"
    told = f"{part} of its {width}x{height} pixels scaled to {model.image_size[1]}x{model.image_size[0]}"
    if model.attributes is None:
        return told
    return f"{told} without looking for a face; python -m explorer edit finds the face in a photo first"


def save(path: Path, picture: np.ndarray, text: Mapping[str, str] | None = None) -> None:
    """Write uint8 ``[H, W, 1 or 3]`` as the PNG (``text``: its metadata) or the JPEG that the path names."""
    jpeg = path.suffix.lower() in JPEG
    output.write(path, images.to_jpeg_bytes(picture) if jpeg else images.to_png_bytes(picture, text))
    options.say(f"wrote {path} ({picture.shape[1]} x {picture.shape[0]})")


def exact(model: LikelihoodModel) -> ExactFlow | LikelihoodModel:
    """Return the form of a model that goes through float64 where it must; a model that is no flow as it is."""
    return ExactFlow(model, backend="torch") if isinstance(model, Flow) else model


def encode(model: ExactFlow, path: str | Path, y: Tensor | None) -> Latents:
    """Read a picture (as :func:`load`) and encode it in the precision it needs; says where that is float64."""
    latents, _, error = model.round_trip(load(path, model), y)
    name = printable(str(path))
    if model.retried(latents):
        options.say(f"{name}: too much for float32, done in float64")
    if not error <= images.HALF_STEP:
        options.say(
            f"warning: {name} does not come back from its latents, the largest error is {error:.1e}, in "
            "float64 too; it is too unlike what the model has learnt"
        )
    return latents


def decode(model: ExactFlow | LikelihoodModel, latents: Latents) -> Iterator[Tensor]:
    """Decode latents batch by batch, ``[B, C, H, W]`` on the CPU."""
    for start in range(0, len(latents), BATCH):
        yield model.decode(latents[start : start + BATCH]).cpu()


def show(batches: Iterable[Tensor], reach: float = float("inf")) -> tuple[np.ndarray, list[int]]:
    """Join batches to pictures for the eye, uint8 ``[N, H, W, C]``, and say which are lost: black here, not to be kept.

    Lost is what holds a value that is not finite, or more than ``reach`` outside of [0, 1].

    Raises:
        ImageError: they have other channels than 1 or 3, so that no picture file holds them.
    """
    shown, lost = [], []
    for batch in batches:
        distance = (batch - 0.5).abs().flatten(1).amax(dim=1) - 0.5
        lost.append(~(distance.isfinite() & (distance <= reach)))
        shown.append(images.to_uint8(torch.where(lost[-1][:, None, None, None], torch.nan, batch)))
    array = np.concatenate(shown)
    if array.shape[3] not in (1, 3):
        raise ImageError(f"pictures of {array.shape[3]} channels cannot be written; 1 (grey) or 3 (colour) can")
    return array, torch.cat(lost).nonzero()[:, 0].tolist()
