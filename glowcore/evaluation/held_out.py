"""Evaluation on held-out pictures: bits per dimension, and the error of ``decode(encode(x))``."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from glowcore import likelihood
from glowcore.classes import ClassTally
from glowcore.errors import ConfigError
from glowcore.exact import RETRY_ABOVE, largest_errors
from glowcore.image_difference import pixels_changed
from glowcore.images import to_uint8
from glowcore.likelihood_model import LikelihoodModel
from glowcore.progress import progress_bar


@dataclass(frozen=True)
class Evaluation:
    """The results of :func:`evaluate`.

    Attributes:
        images: number of pictures.
        bits_per_dim: mean over the pictures at the model's ``n_bits``, with one draw of noise per picture. An upper
            bound on the code length: by dequantisation for a flow, by the evidence lower bound for a VAE. Of a
            class-conditional model it is the length given the true class.
        bits_per_dim_std_error: standard error of that mean over the pictures, NaN for a single one.
        n_bits: bits per value of the quantised pictures.
        reconstruction_max_abs_error: largest ``|x - decode(encode(x))|`` over all values, pictures in [0, 1].
        reconstruction_mean_abs_error: its mean over all values.
        pixels_changed: number of pixels that differ at 8 bits after encode and decode.
        reconstructions_finite: fraction of pictures whose reconstruction is finite.
        beyond_float32: number of pictures whose reconstruction error exceeds :data:`glowcore.exact.RETRY_ABOVE`. All
            results here are computed in float32; the application and the commands for single pictures repeat these
            pictures in float64. None for a model that is not invertible.
        class_accuracy_generative: share of pictures whose class is ``argmax_y p(x | y) p(y)``, None without classes.
        class_accuracy_head: share of pictures whose class the classification head predicts, None without a head.
        class_head_bits: mean cross-entropy of the head in bits, not included in ``bits_per_dim``.
    """

    images: int
    bits_per_dim: float
    bits_per_dim_std_error: float
    n_bits: int
    reconstruction_max_abs_error: float
    reconstruction_mean_abs_error: float
    pixels_changed: int
    reconstructions_finite: float
    class_accuracy_generative: float | None = None
    class_accuracy_head: float | None = None
    class_head_bits: float | None = None
    beyond_float32: int | None = None


@torch.inference_mode()
def evaluate(
    model: LikelihoodModel,
    images: Tensor,
    *,
    labels: Tensor | None = None,
    batch_size: int = 50,
    seed: int = 0,
    progress: bool = False,
) -> Evaluation:
    """Evaluate a model on held-out pictures.

    Args:
        model: in eval mode.
        images: uint8 ``[N, C, H, W]``. Floats are refused, for their original number of bits is unknown.
        labels: int64 ``[N]``, the classes of the pictures, for a class-conditional model.
        batch_size: pictures at once; it does not change the noise.
        seed: of the dequantisation noise.
        progress: show a bar on stderr.

    Raises:
        ConfigError: no pictures, or pictures that are not uint8.
    """
    if images.dtype != torch.uint8 or len(images) == 0:
        raise ConfigError(
            f"the pictures are {len(images)} of {images.dtype}, expected 1 or more of uint8, values from 0 to 255"
        )
    bpd, worst, total, changed, finite, beyond = [], 0.0, 0.0, 0, 0, 0
    tally = None if labels is None else ClassTally(model)
    with progress_bar(total=len(images), desc="evaluate", unit="picture", progress=progress) as bar:
        for first, batch, y in in_batches(images, labels, batch_size):
            bpd.append(noisy_bits_per_dim(model, batch, seed, first, y, tally))
            back = model.decode(model.encode(batch, y)).cpu()
            values = batch / 255
            total += float((back - values).abs().double().mean(dim=(1, 2, 3)).nan_to_num(nan=torch.inf).sum())
            errors = largest_errors(back, values)
            finite += int(errors.isfinite().sum())
            beyond += int((errors > RETRY_ABOVE).sum())
            worst = max(worst, float(errors.max()))
            changed += pixels_changed(to_uint8(back), to_uint8(batch))
            bar.update(len(batch))
    bits = torch.cat(bpd).double()
    return Evaluation(
        images=len(images),
        bits_per_dim=float(bits.mean()),
        bits_per_dim_std_error=float(bits.std() / len(bits) ** 0.5) if len(bits) > 1 else math.nan,
        n_bits=model.config.n_bits,
        reconstruction_max_abs_error=worst,
        reconstruction_mean_abs_error=total / len(images),
        pixels_changed=changed,
        reconstructions_finite=finite / len(images),
        beyond_float32=beyond if model.invertible else None,
        **({} if tally is None else tally.figures()),
    )


def in_batches(images: Tensor, labels: Tensor | None, batch_size: int) -> Iterator[tuple[int, Tensor, Tensor | None]]:
    """Yield the number of the first picture, or seed, of each batch, the batch on the CPU, and its labels if any."""
    for first in range(0, len(images), batch_size):
        part = slice(first, first + batch_size)
        yield first, images[part].cpu(), None if labels is None else labels[part]


def noisy_bits_per_dim(
    model: LikelihoodModel,
    batch: Tensor,
    seed: int,
    first: int,
    y: Tensor | None = None,
    tally: ClassTally | None = None,
) -> Tensor:
    """Return the bits/dim ``[B]`` of a batch, with the noise of pictures ``first`` to ``first + B - 1`` of a set.

    Args:
        model: in eval mode.
        batch: uint8 ``[B, C, H, W]``.
        seed: of the noise.
        first: number of the batch's first picture in its set; the batch size does not change the noise.
        y: int64 ``[B]``, classes.
        tally: counts the classifications of the same encodings, if given.
    """
    generators = likelihood.generators(seed, len(batch), first)
    if tally is None:
        return model.bits_per_dim(batch, y, generator=generators).cpu()
    latents = model.encode_dequantised(batch, y, generator=generators)
    tally.add(latents)
    return model.bits_of(latents).cpu()
