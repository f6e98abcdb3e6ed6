"""An attribute that a user makes from two small groups of photos.

The mean of 8 encodings in D dimensions is mostly noise: its error grows with the square root of D. If the model has a
map, the difference of the two means is therefore projected on the principal components of the map and on the directions
of the model's attributes. That leaves noise in about 70 dimensions instead of 12,288.

A direction is valid only for the weights it was fitted with: other weights have other latents, even of the same shape.
An attribute therefore stores the hash of its weights, in its file too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import torch

from explorer.atlas.latent_map import LatentMap
from explorer.edits.recipe import MODEL_DIGITS
from explorer.engines import models
from explorer.engines.engine import Engine
from explorer.engines.results import Encoded
from explorer.wording.labels import join_labels, words
from glowcore import AttributeVectors
from glowcore.errors import CheckpointError, ConfigError, DataError
from glowcore.storage.safetensors_guard import pack, unpack

FEWEST_PHOTOS = 8
ENOUGH_PHOTOS = 30
LONGEST = 40  # characters of a name
NAME = re.compile(rf"[^\W_][\w \-]{{0,{LONGEST - 1}}}")
WEIGHTS = "weights"  # key of an attribute's fact that holds the `Engine.model_hash` of its model
ATTRIBUTE_FILE = Path("attribute.safetensors")


def name_for(typed: str, of_model: Iterable[str], own: Iterable[str]) -> str:
    """Return the name for a new attribute from what the user typed.

    The name is ``tidy`` with a capital; if it equals one of ``own`` apart from case, it is that name, which the new
    attribute replaces.

    Raises:
        ConfigError: an attribute of the model has this name or label.
    """
    name = tidy(typed)
    folded = name.casefold()
    for known in of_model:
        if folded in {n.casefold() for n in (known, known.replace("_", " "), words(known).label)}:
            raise ConfigError(f"the model has a slider {words(known).label} already; another name is expected")
    return next((n for n in own if n.casefold() == folded), name[:1].upper() + name[1:])


def tidy(typed: str) -> str:
    """Return a typed name with single spaces, cut to ``LONGEST`` characters."""
    return " ".join(typed.split())[:LONGEST].rstrip()


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
        raise ConfigError(f"{name!r:.60} cannot be a name; 1 to 40 letters, digits, spaces and - are expected")
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


def made_with(vectors: AttributeVectors) -> set[str]:
    """Return the hashes of the weights that the attributes were fitted with, "" for an attribute without one."""
    return {weights_of(vectors, name) for name in vectors.names}


def weights_of(vectors: AttributeVectors, name: str) -> str:
    """Return the hash of the weights that one of the attributes was fitted with, "" if it stores none."""
    return vectors.facts.get(name, {}).get(WEIGHTS, "")


def is_of(vectors: AttributeVectors, engine: Engine) -> bool:
    """Return whether all attributes were fitted with the weights of this engine."""
    return vectors.shapes == engine.latent_shapes and made_with(vectors) == {engine.model_hash}


def taken_for(vectors: AttributeVectors, engine: Engine) -> AttributeVectors:
    """Return the attributes with this engine's weights as theirs; an attribute that stores no weights is accepted.

    Raises:
        ConfigError: an attribute was fitted with other weights.
    """
    if vectors.shapes != engine.latent_shapes or not made_with(vectors) <= {engine.model_hash, ""}:
        raise ConfigError(elsewhere(vectors))
    facts = {name: {**vectors.facts.get(name, {}), WEIGHTS: engine.model_hash} for name in vectors.names}
    return replace(vectors, facts=facts)


def elsewhere(vectors: AttributeVectors) -> str:
    """Return a sentence on what to do with attributes that were fitted with other weights than those in use."""
    home = next(filter(None, map(models.of_hash, sorted(made_with(vectors)))), None)
    maker, choice = (home.name, "choose that model, or ") if home else ("other weights than this model's", "")
    return f"{join_labels(vectors.names)}: made with {maker}; {choice}make it again here from photos"


def alone(vectors: AttributeVectors, name: str) -> AttributeVectors:
    """Return the vectors of one attribute, on the CPU."""
    return vectors.only([name]).to("cpu")


def to_file(vectors: AttributeVectors) -> bytes:
    """Return the bytes of a file that holds the attributes."""
    return pack(ATTRIBUTE_FILE, vectors.tensors(), {"attributes": json.dumps(vectors.metadata())})


def from_file(data: bytes) -> AttributeVectors:
    """Read the bytes that ``to_file`` returned.

    Raises:
        CheckpointError: any other file.
    """
    tensors, table = unpack(ATTRIBUTE_FILE, data)
    try:
        vectors = AttributeVectors.from_tensors(tensors, json.loads(table.get("attributes", "")))
    except (ConfigError, ValueError) as error:
        raise CheckpointError(f"this is no attribute file ({str(error)[:100]})") from error
    if len(vectors.names) > 8 or not all(NAME.fullmatch(n) for n in vectors.names):
        raise CheckpointError("this file holds more than 8 attributes, or names that cannot be shown")
    weights = [fact[WEIGHTS] for fact in vectors.facts.values() if WEIGHTS in fact]
    if not all(isinstance(w, str) and re.fullmatch(f"[0-9a-f]{{{MODEL_DIGITS}}}", w) for w in weights):
        raise CheckpointError(f"this file names weights by something else than {MODEL_DIGITS} hexadecimal digits")
    return vectors


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
