"""The places of a map's pictures on the plane, by two axes."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from explorer.atlas.contours import Line, outlines
from glowcore.attributes.vectors import AttributeVectors

SHARES = (0.5, 0.9)  # of the pictures, one contour for each
DENSE = 50  # fewest pictures for which contours show more than the dots themselves


@dataclass(frozen=True, eq=False)
class Arrangement:
    """The places of N pictures.

    Attributes:
        axes: the attribute across and that upwards, "" for the map's first (across) or second (up) component.
        places: ``[N, 2]`` float32, x and y of each picture, in standard deviations.
    """

    axes: tuple[str, str]
    places: np.ndarray

    @cached_property
    def outlines(self) -> list[list[Line]]:
        """Contours around the densest pictures for each of ``SHARES``; [] for fewer than ``DENSE`` pictures."""
        return outlines(self.places, SHARES) if len(self.places) >= DENSE else []


def digests(attributes: AttributeVectors | None, without: Collection[str] = ()) -> dict[str, str]:
    """Return a hash of the score of each attribute, except those in ``without``."""
    if attributes is None:
        return {}
    rows = zip(attributes.names, attributes.score_weights.cpu(), attributes.score_offsets.tolist(), strict=True)
    return {
        name: hashlib.sha256(weights.numpy().tobytes() + repr(offset).encode()).hexdigest()[:16]
        for name, weights, offset in rows
        if name not in without
    }
