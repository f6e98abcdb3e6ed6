"""The results of an engine: an encoded picture, and a rendered one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch

from explorer.engines.traits import Traits
from glowcore import image_difference
from glowcore.exact import MOST_OUT_OF_RANGE
from glowcore.latents import Latents

# By prior: levels whose norm (see ``Encoded.level_norms``) lies outside of this range have left the typical set. All
# 1,500 held-out photos of FairFace lie above the lower bound with each shipped flow of faces, although they are encoded
# without dequantisation noise: the least norms are 0.34 (faces64), 0.38 (nice), 0.48 (glow) and 0.54 (realnvp). The
# greatest are 1.17, 1.15 and 1.15 with Gaussian priors and 2.45 with the heavy-tailed logistic prior of nice, where
# 99.9 % lie below 2.2. Edits that go too far make the norms grow.
TYPICAL = {"gaussian": (0.3, 1.25), "logistic": (0.3, 2.2)}


def in_typical_set(level_norms: Sequence[float], prior: str) -> list[bool]:
    """Return for each level whether its distance from the centre is one that photos or samples have."""
    low, high = TYPICAL[prior]
    return [low <= norm <= high for norm in level_norms]


@dataclass(frozen=True)
class Encoded:
    """An encoded picture, with measurements of its reconstruction.

    Attributes:
        key: the cache key of the picture.
        latents: a batch of one.
        picture, reconstruction: uint8 ``[H, W, 3]``.
        max_error: largest difference of any value before rounding, on the scale 0 to 1; infinite where a decoded value
            is not finite.
        double: whether the picture was encoded and decoded in float64; its edits are computed in float64 too.
        bits_per_dim: at the model's own n_bits.
        level_norms: the root mean square of each level over that of the prior, finest first. A sample has its
            temperature; a photo, which is encoded without dequantisation noise, about 0.5 to 1, least in the finest
            level. Empty for a model that is no flow.
        milliseconds: of encoding and decoding once.
    """

    key: str
    latents: Latents = field(repr=False)
    picture: np.ndarray = field(repr=False)
    reconstruction: np.ndarray = field(repr=False)
    max_error: float
    bits_per_dim: float
    milliseconds: float
    double: bool = False
    level_norms: tuple[float, ...] = ()

    @cached_property
    def pixels_changed(self) -> int:
        """The number of pixels in which the reconstruction differs from the picture."""
        return image_difference.pixels_changed(self.picture, self.reconstruction)

    @cached_property
    def psnr(self) -> float:
        """The peak signal-to-noise ratio of the reconstruction, in decibels; infinite for an exact one."""
        return image_difference.psnr(self.picture, self.reconstruction)

    @property
    def exact(self) -> bool:
        """Whether the reconstruction equals the picture to the last bit."""
        return self.pixels_changed == 0


@dataclass(frozen=True)
class Rendered:
    """The picture of a recipe.

    Attributes:
        picture: uint8 ``[H, W, 3]``; values that are not finite are shown as stripes.
        level_norms: as in ``Encoded``.
        milliseconds: of decoding.
        finite: whether all decoded values are finite.
        in_range: whether all of them are finite and at most ``MOST_OUT_OF_RANGE`` outside of [0, 1].
        traits: None for a model without attributes.
    """

    picture: np.ndarray = field(repr=False)
    level_norms: tuple[float, ...]
    milliseconds: float
    finite: bool
    in_range: bool
    traits: Traits | None


def in_range(values: torch.Tensor) -> bool:
    """Return whether decoded values, of any shape, are finite and at most ``MOST_OUT_OF_RANGE`` outside of [0, 1]."""
    return bool(((values >= -MOST_OUT_OF_RANGE) & (values <= 1 + MOST_OUT_OF_RANGE)).all())
