"""Pictures of the commands: reading files into the batch of a model, encoding, decoding, and writing files.

Models encode and decode as in the application: in float32, and in float64 where float32 fails.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from glowcore import image_guard, images
from glowcore.cli import console
from glowcore.data.bit_depth import unused_bits
from glowcore.errors import ImageError
from glowcore.exact import ExactFlow
from glowcore.flow import Flow
from glowcore.latents import Latents
from glowcore.likelihood_model import LikelihoodModel
from glowcore.storage import output
from glowcore.text import printable

PNG, JPEG = (".png",), (".jpg", ".jpeg")
#: Pictures decoded at once: enough to keep a processor busy, few enough for its memory.
BATCH = 32


def load(paths: Sequence[str | Path], model: LikelihoodModel) -> Tensor:
    """Read pictures at the size and with the channels of a model: uint8 ``[N, C, H, W]``.

    Prints how a picture of another size is cropped and scaled, and how many 16-bit pictures leave upper bits unused.

    Raises:
        ImageError: no such file, not a picture, or a model whose channels are neither 1 nor 3.
    """
    arrays, unused = [], {}
    for path in paths:
        whole = images.load(path, channels=model.config.channels)
        if whole.shape[:2] != tuple(model.image_size):
            console.say(f"{printable(str(path))}: {_resized(_size(path, whole), model)}")
        if bits := unused_bits(Path(path), whole):
            unused[str(path)] = bits
        arrays.append(images.fit(whole, model.image_size))
    console.say_unused_bits(unused, len(set(map(str, paths))))
    return torch.from_numpy(np.ascontiguousarray(np.stack(arrays).transpose(0, 3, 1, 2)))


def _size(path: str | Path, whole: np.ndarray) -> tuple[int, int]:
    """Return height and width of an upright picture in its file; ``whole`` may have been reduced during decoding."""
    header = image_guard.inspect(Path(path).read_bytes())
    turned = (header.height < header.width) != (whole.shape[0] < whole.shape[1])
    return (header.width, header.height) if turned else (header.height, header.width)


def _resized(size: tuple[int, int], model: LikelihoodModel) -> str:
    """Return in words how a picture of a size is cropped and scaled for a model."""
    height, width = size
    kept_height, kept_width = images.crop_to_aspect(np.broadcast_to(0, size), model.image_size).shape
    part = "all" if (kept_height, kept_width) == size else f"the central {kept_height}x{kept_width}"
    message = (
        f"{part} of its {height}x{width} pixels (height x width) scaled to {model.image_size[0]}x{model.image_size[1]}"
    )
    if model.attributes is None:
        return message
    return f"{message} without looking for a face; python -m explorer align finds and aligns faces in photos first"


def save(path: Path, picture: np.ndarray, text: Mapping[str, str] | None = None) -> None:
    """Write uint8 ``[H, W, 1 or 3]`` as a PNG (``text``: its metadata) or JPEG, by the ending of ``path``."""
    jpeg = path.suffix.lower() in JPEG
    output.write(path, images.to_jpeg_bytes(picture) if jpeg else images.to_png_bytes(picture, text))
    console.say(f"wrote {path} ({picture.shape[1]} wide, {picture.shape[0]} high)")


def with_float64(model: LikelihoodModel) -> ExactFlow | LikelihoodModel:
    """Return a flow as one that uses float64 where float32 fails; a VAE, which has no exact inverse, as it is."""
    return ExactFlow(model, backend="torch") if isinstance(model, Flow) else model


def encode(model: ExactFlow, path: str | Path, y: Tensor | None) -> Latents:
    """Read a picture as :func:`load` does and encode it; prints whether float64 was needed, or did not help."""
    latents, _, error = model.round_trip(load([path], model), y)
    name = printable(str(path))
    if model.retried(latents):
        console.say(f"{name}: too much for float32, done in float64")
    if not error <= images.HALF_STEP:
        console.say(
            f"warning: {name} does not come back from its latents, the largest error is {error:.1e}, in "
            "float64 too; it is too unlike what the model has learnt"
        )
    return latents


def decode(model: ExactFlow | LikelihoodModel, latents: Latents) -> Iterator[Tensor]:
    """Decode latents batch by batch, ``[B, C, H, W]`` on the CPU."""
    for start in range(0, len(latents), BATCH):
        yield model.decode(latents[start : start + BATCH]).cpu()


def show(batches: Iterable[Tensor], reach: float = float("inf")) -> tuple[np.ndarray, list[int]]:
    """Concatenate batches into uint8 pictures ``[N, H, W, C]``; return them and the indices of those that are lost.

    A lost picture has a value that is not finite or lies more than ``reach`` outside [0, 1]; it is returned black.

    Raises:
        ImageError: the channels are neither 1 nor 3, so that no picture file can hold them.
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
