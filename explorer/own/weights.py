"""The weights that an attribute of a user was fitted with.

A direction is valid only for the weights it was fitted with: other weights have other latents, even of the same shape.
An attribute therefore stores the hash of its weights, in its file too.
"""

from __future__ import annotations

from dataclasses import replace

from explorer.engines import models
from explorer.engines.engine import Engine
from explorer.wording.labels import join_labels
from glowcore import AttributeVectors
from glowcore.errors import ConfigError

WEIGHTS = "weights"  # key of an attribute's fact that holds the `Engine.model_hash` of its model


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
        raise ConfigError(remedy(vectors))
    facts = {name: {**vectors.facts.get(name, {}), WEIGHTS: engine.model_hash} for name in vectors.names}
    return replace(vectors, facts=facts)


def remedy(vectors: AttributeVectors) -> str:
    """Return a sentence on what to do with attributes that were fitted with other weights than those in use."""
    home = next(filter(None, map(models.of_hash, sorted(made_with(vectors)))), None)
    maker, choice = (home.name, "choose that model, or ") if home else ("other weights than this model's", "")
    return f"{join_labels(vectors.names)}: made with {maker}; {choice}make it again here from photos"
