"""Dequantisation, nats and bits per dimension.

A picture has 8 bits a value; a likelihood is only ever quoted at a stated number of bits n, 1 to 8. The model sees
``x = (k + u) / 2^n`` with ``k = floor(v / 2^(8-n))`` the value's bin and u uniform noise, a point of the unit cube.
The density of x bounds the probability of the bins from below (Theis et al. 2016):
``log P(k) >= E_u log p(x) - n D log 2``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from glowcore.errors import ConfigError

#: Seed of the dequantisation noise of a single picture, whichever it is and wherever it stands in a list: the same
#: picture always reads the same, on the command line as in the application.
NOISE_SEED = 0


def bins(images: Tensor, n_bits: int) -> Tensor:
    """Return the bin of each value, 0 to 2^n - 1 as int32: uint8 pictures, or floats in [0, 1] (v = round(255 x))."""
    v = images.to(torch.int32) if images.dtype == torch.uint8 else (images * 255).round().clamp(0, 255).to(torch.int32)
    return v >> (8 - n_bits)


def dequantise(
    images: Tensor,
    n_bits: int,
    generator: torch.Generator | Sequence[torch.Generator] | None = None,
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """Return ``(bin + u) / 2^n`` with u in [0, 1); ``images`` is left as it is.

    In float32 a sum just below the upper end of its bin can be rounded to it, and so to 1 in the last bin of 8 bits.

    The uniform noise u comes from ``generator``: one for the batch, or one a picture, so that a picture's noise does
    not depend on the batch it comes in; torch's global generator if None. A NaN stays NaN.

    Raises:
        ConfigError: a list of more or fewer generators than pictures.
    """
    k = bins(images, n_bits)
    if isinstance(generator, Sequence):
        check_generators(generator, len(k))
        u = torch.stack([_uniform(k.shape[1:], g, g.device, dtype) for g in generator])
    else:
        u = _uniform(k.shape, generator, generator.device if generator is not None else k.device, dtype)
    x = (k + u.to(k.device)) / 2**n_bits
    return torch.where(images.isnan(), torch.nan, x) if images.is_floating_point() else x


def generators(seed: int, count: int, first: int = 0) -> list[torch.Generator]:
    """Return the noise generators of pictures ``first`` to ``first + count - 1`` of a set.

    Each depends on ``seed`` and on the number of its picture alone, so noise is the same in batches of any size.
    """
    # A prime step: neighbouring seeds share no generator in any set of up to a million pictures.
    return [torch.Generator().manual_seed(seed * 1_000_003 + first + i) for i in range(count)]


def check_generators(given: Sequence[torch.Generator], count: int) -> None:
    """Raise :class:`ConfigError` unless there is a generator for each of ``count`` pictures: one would serve all."""
    if len(given) != count:
        raise ConfigError(f"{len(given)} generators for {count} pictures, expected one a picture")


def _uniform(shape: torch.Size, generator: torch.Generator | None, device: torch.device, dtype: torch.dtype) -> Tensor:
    return torch.rand(shape, generator=generator, device=device, dtype=dtype)


def bin_centres(images: Tensor, n_bits: int) -> Tensor:
    """Return sampled pictures (floats about [0, 1]) at the centre of their bin, as values v / 255 in [0, 1].

    A model of n bits says nothing about where in its bin a value lies; the centre is the best guess and shows no noise.
    Values outside the range go to the outermost bins; what is not finite becomes NaN, no colour at all.
    """
    width = 2 ** (8 - n_bits)
    k = (images * 2**n_bits).floor().clamp(0, 2**n_bits - 1)
    return torch.where(images.isfinite(), (k * width + (width - 1) / 2) / 255, torch.nan)


def bits_per_dim(log_prob: Tensor, num_dims: int, n_bits: int) -> Tensor:
    r"""Turn log-densities over the unit cube (nats) of dequantised pictures into bits per dimension.

    .. math:: \mathrm{bpd} = n - \frac{\log p(x)}{D \ln 2}

    The constant n is ``n D ln 2 / (D ln 2)``: the volume ``2^{-nD}`` of one bin. A uniform density on the cube
    (``log_prob = 0``) gives exactly n. A bound: the true code length is not longer.
    """
    return n_bits - log_prob / (num_dims * math.log(2))
