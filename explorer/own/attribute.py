"""An attribute of one's own, from two groups of a few photos.

The mean of 8 encodings of D numbers is mostly noise: its error grows with the square root of D. Where the model brings
a map along, the difference of the two means is therefore projected on the components in which faces really vary, and on
the directions already known. What is left of the noise is then a matter of 70 numbers instead of 12,288.

A direction means something for the weights that it was learnt with only: other weights have other latents, also where
these are of the same shape. So an attribute keeps the fingerprint of its weights, in its file too.
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
WEIGHTS = "weights"  # the fact of an attribute that holds `Engine.model_hash` of the model it was made with
ATTRIBUTE_FILE = Path("attribute.safetensors")


def name_for(typed: str, of_model: Iterable[str], own: Iterable[str]) -> str:
    """The name for an attribute that is typed: `tidy`, with a capital, or that of an `own` one, which it replaces.

    Raises:
        ConfigError: a slider of the model is called so, be it by its name in the data or by its label.
    """
    name = tidy(typed)
    alike = name.casefold()
    for known in of_model:
        if alike in {n.casefold() for n in (known, known.replace("_", " "), words(known).label)}:
            raise ConfigError(f"the model has a slider {words(known).label} already; another name is expected")
    return next((n for n in own if n.casefold() == alike), name[:1].upper() + name[1:])


def tidy(typed: str) -> str:
    """A typed name with single spaces, cut to `LONGEST` characters."""
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
    """Learn one attribute from encoded pictures that have it and that lack it, at least 8 of each.

    `weights` is the `Engine.model_hash` of the model that encoded them.

    Raises:
        DataError: too few pictures, or groups that do not differ.
        ConfigError: a name that cannot be one.
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
    """The hashes of the weights that the attributes were made with, "" for one that does not say."""
    return {weights_of(vectors, name) for name in vectors.names}


def weights_of(vectors: AttributeVectors, name: str) -> str:
    """The hash of the weights that one of the attributes was made with, "" where it does not say."""
    return vectors.facts.get(name, {}).get(WEIGHTS, "")


def is_of(vectors: AttributeVectors, engine: Engine) -> bool:
    """Whether attributes were made with the weights of this engine."""
    return vectors.shapes == engine.latent_shapes and made_with(vectors) == {engine.model_hash}


def taken_for(vectors: AttributeVectors, engine: Engine) -> AttributeVectors:
    """The attributes as those of this engine's weights; those that do not say of which they are count as of these.

    Raises:
        ConfigError: they were made with others.
    """
    if vectors.shapes != engine.latent_shapes or not made_with(vectors) <= {engine.model_hash, ""}:
        raise ConfigError(elsewhere(vectors))
    facts = {name: {**vectors.facts.get(name, {}), WEIGHTS: engine.model_hash} for name in vectors.names}
    return replace(vectors, facts=facts)


def elsewhere(vectors: AttributeVectors) -> str:
    """What to do with attributes of other weights than those in use, in a sentence."""
    home = next(filter(None, map(models.of_hash, sorted(made_with(vectors)))), None)
    maker, choice = (home.name, "choose that model, or ") if home else ("other weights than this model's", "")
    return f"{join_labels(vectors.names)}: made with {maker}; {choice}make it again here from photos"


def alone(vectors: AttributeVectors, name: str) -> AttributeVectors:
    """One attribute of many."""
    return vectors.only([name]).to("cpu")


def to_file(vectors: AttributeVectors) -> bytes:
    """An attribute as a file, to keep and to give away."""
    return pack(ATTRIBUTE_FILE, vectors.tensors(), {"attributes": json.dumps(vectors.metadata())})


def from_file(data: bytes) -> AttributeVectors:
    """Read what `to_file` wrote; CheckpointError for anything else."""
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


def _difference(a: torch.Tensor, b: torch.Tensor, known, latent_map) -> torch.Tensor:
    difference = a.mean(0) - b.mean(0)
    if latent_map is None:
        return difference
    rows = [latent_map.basis] if known is None else [latent_map.basis, known.directions.float().cpu()]
    basis = torch.linalg.qr(torch.cat(rows).T).Q
    return basis @ (basis.T @ difference)


def _separation(a: torch.Tensor, b: torch.Tensor, known, latent_map) -> float:
    """Area under the ROC curve over pairs, each compared along a direction that was made without the two."""
    wins, pairs = 0.0, 0
    for i in range(len(a)):
        j = i % len(b)
        rest_a, rest_b = torch.cat([a[:i], a[i + 1 :]]), torch.cat([b[:j], b[j + 1 :]])
        direction = _difference(rest_a, rest_b, known, latent_map)
        gap = float((a[i] - b[j]) @ direction)
        wins += 0.5 if gap == 0 else float(gap > 0)
        pairs += 1
    return wins / pairs
