"""Dequantisation, nats and bits per dimension.

A picture has 8 bits per value; a likelihood refers to a stated number of bits n, 1 to 8. The model is evaluated at
``x = (k + u) / 2^n``, a point of the unit cube, with the value's bin ``k = floor(v / 2^(8-n))`` and uniform noise u.
The density of x bounds the probability of the bins from below (Theis et al. 2016):
``log P(k) >= E_u log p(x) - n D log 2``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from glowcore.errors import ConfigError
from glowcore.inputs import nan_where_refused

#: Seed of the dequantisation noise of a single picture, independent of its position in a list: command line and
#: application report the same bits per dimension for it.
NOISE_SEED = 0


def bins(images: Tensor, n_bits: int) -> Tensor:
    """Return the bin of each value, 0 to 2^n - 1 as int32, of uint8 pictures or floats in [0, 1] (v = round(255 x)).

    Raises:
        ConfigError: pictures that require a gradient, which rounding would silently cut off.
    """
    if images.requires_grad and torch.is_grad_enabled():
        raise ConfigError(
            "pictures require a gradient, but bits per dimension are of quantised pictures and have none with respect "
            "to them; use log_prob, or detach the pictures"
        )
    v = images.to(torch.int32) if images.dtype == torch.uint8 else (images * 255).round().clamp(0, 255).to(torch.int32)
    return v >> (8 - n_bits)


def dequantise(
    images: Tensor,
    n_bits: int,
    generator: torch.Generator | Sequence[torch.Generator] | None = None,
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """Return ``(bin + u) / 2^n`` with u in [0, 1) as a new tensor.

    In float32 a value just below the upper end of its bin can be rounded up to it, in the last bin of 8 bits to 1.

    The uniform noise u is drawn from ``generator``: one for the batch; one for each picture, which makes its noise
    independent of the batch; or torch's global generator if None. Floats that are no pictures in [0, 1] become NaN
    (:func:`glowcore.inputs.nan_where_refused`); others are clamped to [0, 1].

    Raises:
        ConfigError: the pictures require a gradient, ``generator`` is no generator, or the number of generators is not
            that of the pictures.
    """
    k = bins(images, n_bits)
    # In float32 for any ``dtype``: of another one, a generator would give other noise.
    u = drawn(torch.rand, k.shape, generator, k.device, torch.float32)
    x = (k + u.to(k.device, dtype)) / 2**n_bits
    return nan_where_refused(images, x)


def generators(seed: int, count: int, first: int = 0) -> list[torch.Generator]:
    """Return the noise generators of pictures ``first`` to ``first + count - 1`` of a set.

    Each depends on ``seed`` and on the number of its picture alone, so noise is the same in batches of any size.
    """
    # A prime step: neighbouring seeds share no generator in any set of up to a million pictures.
    return [torch.Generator().manual_seed(seed * 1_000_003 + first + i) for i in range(count)]


def drawn(
    draw: Callable[..., Tensor],
    shape: Sequence[int],
    noise: torch.Generator | Sequence[torch.Generator] | None,
    device: torch.device | str,
    dtype: torch.dtype | None = None,
) -> Tensor:
    """Return ``torch.rand`` or ``torch.randn`` of a shape, on the device of the generators, else on ``device``.

    ``noise`` is one generator for the batch, one for each of ``shape[0]`` pictures, or None for torch's global one.

    Raises:
        ConfigError: ``noise`` is anything else.
    """
    if noise is None:  # even generator=None would select an overload that torch.compile cannot trace at new sizes
        return draw(shape, device=device, dtype=dtype)
    several = isinstance(noise, Sequence)
    for generator in noise if several else [noise]:
        if not isinstance(generator, torch.Generator):
            raise ConfigError(
                f"generator is {generator!r:.40}, expected a torch.Generator (such as torch.Generator().manual_seed(0))"
            )
    if not several:
        return draw(shape, generator=noise, device=noise.device, dtype=dtype)
    if len(noise) != shape[0]:
        raise ConfigError(f"{len(noise)} generators for {shape[0]} pictures, expected one a picture")
    return torch.stack([draw(shape[1:], generator=one, device=one.device, dtype=dtype) for one in noise])


def bin_centres(images: Tensor, n_bits: int) -> Tensor:
    """Return sampled pictures (floats about [0, 1]) at the centre of their bin, as values v / 255 in [0, 1].

    The position of a value within its bin is dequantisation noise, which the centre removes. Values out of range go to
    the outermost bins; values that are not finite become NaN.
    """
    width = 2 ** (8 - n_bits)
    k = (images * 2**n_bits).floor().clamp(0, 2**n_bits - 1)
    return torch.where(images.isfinite(), (k * width + (width - 1) / 2) / 255, torch.nan)


def checked_log_prob(log_prob: Tensor | None) -> Tensor:
    """Return the ``log_prob`` of latents.

    Raises:
        ConfigError: it is None, since the latents have been changed.
    """
    if log_prob is None:
        raise ConfigError(
            "these latents have no log_prob, since they were sampled or changed; encode the decoded picture for one"
        )
    return log_prob


def bits_per_dim(log_prob: Tensor | None, num_dims: int, n_bits: int) -> Tensor:
    r"""Return bits per dimension from log-densities (nats, over the unit cube) of dequantised pictures.

    .. math:: \mathrm{bpd} = n - \frac{\log p(x)}{D \ln 2}

    The constant n is ``n D ln 2 / (D ln 2)``: the volume ``2^{-nD}`` of one bin. A uniform density on the cube
    (``log_prob = 0``) gives exactly n. This is an upper bound on the code length.

    Raises:
        ConfigError: as :func:`checked_log_prob`.
    """
    return n_bits - checked_log_prob(log_prob) / (num_dims * math.log(2))
