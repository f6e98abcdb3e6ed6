"""What the engine answers: a picture taken in, and a picture made."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from explorer.engines.traits import Traits
from glowcore.exact import MOST_OUT_OF_RANGE
from glowcore.latents import Latents

# |eps| / sqrt(d) of a level outside of this is said to have left the typical set. The lower end is generous: a smooth
# photo has little in its finest level, and that is no fault; an edit that goes too far makes the norms grow.
TYPICAL = (0.4, 1.25)


def in_typical_set(level_norms: Sequence[float]) -> bool:
    """Whether every level is about as far from the centre as the model's own pictures are."""
    return all(TYPICAL[0] <= n <= TYPICAL[1] for n in level_norms)


@dataclass(frozen=True)
class Encoded:
    """A picture the model has taken in, with the proof of what it gives back.

    Attributes:
        picture, reconstruction: uint8 [H, W, 3].
        max_error: largest difference of any value before rounding, on the scale 0 to 1; infinite where the model gave
            values that are no numbers.
        double: whether it had to be taken in and given back in float64, as are its edits.
        pixels_changed, psnr: of the two 8-bit pictures.
        bits_per_dim: at the model's own n_bits.
        level_norms: |eps| / sqrt(d) a level, finest first; 1 is typical.
        milliseconds: of encoding and decoding once.
    """

    key: str
    latents: Latents = field(repr=False)
    picture: np.ndarray = field(repr=False)
    reconstruction: np.ndarray = field(repr=False)
    max_error: float = 0.0
    double: bool = False
    pixels_changed: int = 0
    psnr: float = math.inf
    bits_per_dim: float = math.nan
    level_norms: tuple[float, ...] = ()
    milliseconds: float = 0.0

    @property
    def exact(self) -> bool:
        """Whether the picture came back to the last bit."""
        return self.pixels_changed == 0


@dataclass(frozen=True)
class Rendered:
    """What a recipe looks like.

    picture uint8 [H, W, 3]; level_norms as in `Encoded`; milliseconds of the decoding; finite is False where the model
    gave values that are no numbers, NaN or infinite (shown as stripes); in_range is False there, and where a value
    lies more than `MOST_OUT_OF_RANGE` outside of [0, 1]; traits are None for a model without attributes.
    """

    picture: np.ndarray = field(repr=False)
    level_norms: tuple[float, ...] = ()
    milliseconds: float = 0.0
    finite: bool = True
    in_range: bool = True
    traits: Traits | None = None


def in_range(values: torch.Tensor) -> bool:
    """Whether a model's values, of any shape, are numbers that may pass for a picture."""
    return bool(((values >= -MOST_OUT_OF_RANGE) & (values <= 1 + MOST_OUT_OF_RANGE)).all())
