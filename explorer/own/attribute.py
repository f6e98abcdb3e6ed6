"""An attribute that a user makes from two small groups of photos.

The mean of 8 encodings in D dimensions is mostly noise: its error grows with the square root of D. If the model has a
map, the difference of the two means is therefore projected on the principal components of the map and on the directions
of the model's attributes. That leaves noise in about 70 dimensions instead of 12,288.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from explorer.atlas.latent_map import LatentMap
from explorer.engines.results import Encoded
from explorer.own.naming import LONGEST, NAME
from explorer.own.weights import WEIGHTS
from glowcore import AttributeVectors
from glowcore.errors import ConfigError, DataError

FEWEST_PHOTOS = 8
ENOUGH_PHOTOS = 30


def fit(
    name: str,
    having: Sequence[Encoded],
    lacking: Sequence[Encoded],
    known: AttributeVectors | None = None,
    latent_map: LatentMap | None = None,
    *,
    weights: str,
) -> AttributeVectors:
    """Fit one attribute to encoded pictures that have it and encoded pictures that lack it.

    Args:
        name: 1 to 40 letters, digits, spaces and hyphens.
        having: 8 or more encoded pictures.
        lacking: 8 or more encoded pictures.
        known: the attributes of the model.
        latent_map: the map of the model; without one the direction is not projected.
        weights: the ``Engine.model_hash`` of the model that encoded the pictures.

    Raises:
        DataError: too few pictures, or groups that do not differ.
        ConfigError: an invalid name.
    """
    if not NAME.fullmatch(name):
        raise ConfigError(f"{name!r:.60} cannot be a name; 1 to {LONGEST} letters, digits, spaces and - are expected")
    if min(len(having), len(lacking)) < FEWEST_PHOTOS:
        raise DataError(f"{len(having)} with and {len(lacking)} without; {FEWEST_PHOTOS} of each or more are expected")
    a, b = (torch.cat([e.latents.flatten().float().cpu() for e in group]) for group in (having, lacking))
    direction = _difference(a, b, known, latent_map)
    norm = float(direction.norm())
    if norm < 1e-6:
        raise DataError("the two groups do not differ in anything the model knows; choose photos that differ more")
    sigma = latent_map.spread(direction) if latent_map else float(torch.cat([a - a.mean(0), b - b.mean(0)]).std())
    weight = direction / (norm * sigma)
    middle = (a.mean(0) + b.mean(0)) / 2
    levels = having[0].latents.levels
    return AttributeVectors(
        names=(name,),
        directions=direction[None],
        score_weights=weight[None],
        score_offsets=-(middle @ weight).double()[None],
        covariance=torch.tensor([[(sigma * norm) ** 2]], dtype=torch.float64),
        shapes=tuple(tuple(level.shape[1:]) for level in levels),
        prior=having[0].latents.prior,
        facts={
            name: {
                "positives": len(a),
                "negatives": len(b),
                "separation": _separation(a, b, known, latent_map),
                WEIGHTS: weights,
            }
        },
    )


def _difference(
    a: torch.Tensor, b: torch.Tensor, known: AttributeVectors | None, latent_map: LatentMap | None
) -> torch.Tensor:
    """Return the difference of the two means, projected on the map and the known directions if there is a map."""
    difference = a.mean(0) - b.mean(0)
    if latent_map is None:
        return difference
    rows = [latent_map.basis] if known is None else [latent_map.basis, known.directions.float().cpu()]
    basis = torch.linalg.qr(torch.cat(rows).T).Q
    return basis @ (basis.T @ difference)


def _separation(
    a: torch.Tensor, b: torch.Tensor, known: AttributeVectors | None, latent_map: LatentMap | None
) -> float:
    """Return the share of held-out pairs that the direction tells apart, with each direction fitted without its pair.

    It estimates the area under the ROC curve.
    """
    wins, pairs = 0.0, 0
    for i in range(len(a)):
        j = i % len(b)
        rest_a, rest_b = torch.cat([a[:i], a[i + 1 :]]), torch.cat([b[:j], b[j + 1 :]])
        direction = _difference(rest_a, rest_b, known, latent_map)
        gap = float((a[i] - b[j]) @ direction)
        wins += 0.5 if gap == 0 else float(gap > 0)
        pairs += 1
    return wins / pairs
