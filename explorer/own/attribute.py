"""An attribute that a user makes from two small groups of photos.

The mean of 8 encodings in D dimensions is mostly noise: its error grows with the square root of D. If the model has a
map, the difference of the two means is therefore projected on the principal components of the map and on the directions
of the model's attributes. That leaves noise in about 70 dimensions instead of 12,288.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from explorer.atlas.latent_map import LatentMap
from explorer.engines.engine import Engine
from explorer.own import held_out, naming
from explorer.own.weights import WEIGHTS
from glowcore import AttributeVectors, images
from glowcore.errors import DataError
from glowcore.latents import Latents

FEWEST_PHOTOS = 8
ENOUGH_PHOTOS = 30


def encode(engine: Engine, pictures: Sequence[np.ndarray]) -> Latents:
    """Return the latents of pictures, uint8 ``[H, W, 3]`` of any size, on the CPU."""
    flat = engine.encode_batch(np.stack([images.fit(picture, engine.image_size) for picture in pictures]))
    return Latents.from_flat(torch.from_numpy(flat), engine.latent_shapes, engine.prior)


def fit(
    name: str,
    having: Latents,
    lacking: Latents,
    known: AttributeVectors | None = None,
    latent_map: LatentMap | None = None,
    *,
    weights: str,
) -> AttributeVectors:
    """Fit one attribute to pictures that have it and pictures that lack it.

    Sigma, ``separation`` and, without a map, the offset are measured with directions fitted without the measured
    pictures (``explorer.own.held_out``). The score has a standard deviation of about 1 over other pictures. Its 0 is
    the mean of the pictures that the map was fitted to; without a map it is midway between the two groups, so the mean
    of other pictures is below 0 if the attribute is rare, and above 0 if it is common.

    Args:
        name: 1 to 40 letters, digits, spaces and hyphens.
        having: latents of 8 or more pictures.
        lacking: latents of 8 or more pictures.
        known: the attributes of the model.
        latent_map: the map of the model; without one the direction is not projected.
        weights: the ``Engine.model_hash`` of the model that encoded the pictures.

    Raises:
        DataError: too few pictures, or groups that do not differ.
        ConfigError: an invalid name.
    """
    naming.check(name)
    if min(len(having), len(lacking)) < FEWEST_PHOTOS:
        raise DataError(f"{len(having)} with and {len(lacking)} without; {FEWEST_PHOTOS} of each or more are expected")
    groups = [latents.flatten().float().cpu() for latents in (having, lacking)]
    basis = None if latent_map is None else _basis(latent_map, known)
    if basis is not None:
        groups = [group @ basis for group in groups]
    difference = groups[0].mean(0) - groups[1].mean(0)
    norm = float(difference.norm())
    if norm < 1e-6:
        raise DataError("the two groups do not differ in anything the model knows; choose photos that differ more")
    direction = difference if basis is None else basis @ difference
    sigma = held_out.sigma(*groups)
    unit = direction / norm
    centre = held_out.middle(*groups) if latent_map is None else float(latent_map.mean @ unit)
    return AttributeVectors(
        names=(name,),
        directions=direction[None],
        score_weights=unit[None] / sigma,
        score_offsets=torch.tensor([-centre / sigma], dtype=torch.float64),
        covariance=torch.tensor([[(sigma * norm) ** 2]], dtype=torch.float64),
        shapes=tuple(tuple(level.shape[1:]) for level in having.levels),
        prior=having.prior,
        facts={
            name: {
                "positives": len(having),
                "negatives": len(lacking),
                "separation": held_out.separation(*groups),
                WEIGHTS: weights,
            }
        },
    )


def _basis(latent_map: LatentMap, known: AttributeVectors | None) -> torch.Tensor:
    """Return an orthonormal basis ``[D, R]`` of the map's components and the known directions."""
    rows = [latent_map.basis] if known is None else [latent_map.basis, known.directions.float().cpu()]
    return torch.linalg.qr(torch.cat(rows).T).Q
