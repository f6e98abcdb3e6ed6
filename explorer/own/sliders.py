"""The attributes that a user has made or loaded in a session, and the engine that has them beside its own."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from explorer.edits.recipe import EditRecipe
from explorer.engines.engine import Engine
from explorer.own.weights import elsewhere, is_of, weights_of
from glowcore import AttributeVectors
from glowcore.errors import ConfigError

Key = tuple[str, str]  # the hash of the weights, and the name
T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class OwnSliders:
    """Attributes made or loaded in one session, as a value: every change gives a new one.

    A key holds the hash of the weights that an attribute was made with, so one name may stand for an attribute of each
    model.

    Attributes:
        made: the vectors of each attribute; those that came in one file share theirs.
        orthogonal_to: for each attribute, the names of those projected out of its direction.
    """

    made: Mapping[Key, AttributeVectors] = field(default_factory=dict)
    orthogonal_to: Mapping[Key, tuple[str, ...]] = field(default_factory=dict)

    def of(self, engine: Engine) -> dict[str, AttributeVectors]:
        """Return the attributes made with the weights of this engine, by name."""
        return {name: vectors for (_, name), vectors in self.made.items() if is_of(vectors, engine)}

    def elsewhere(self, engine: Engine) -> list[AttributeVectors]:
        """Return the attributes made with other weights, each set of vectors once."""
        return list({id(v): v for v in self.made.values() if not is_of(v, engine)}.values())

    def unknown(self, recipe: EditRecipe, engine: Engine) -> list[str]:
        """Return the names of these attributes that a recipe moves and an engine, equipped with its own, lacks."""
        made = {name for _, name in self.made}
        return [name for name, _ in recipe.moves if name in made and name not in engine.attribute_names]

    def orthogonal_of(self, engine: Engine) -> dict[str, tuple[str, ...]]:
        """Return ``orthogonal_to`` of this engine's attributes, by name."""
        return {name: others for (model, name), others in self.orthogonal_to.items() if model == engine.model_hash}

    def added(self, vectors: AttributeVectors) -> OwnSliders:
        """Return these with ``vectors``, which replace attributes of the same weights and names."""
        keys = [(weights_of(vectors, name), name) for name in vectors.names]
        return OwnSliders({**self.made, **dict.fromkeys(keys, vectors)}, _without(self.orthogonal_to, keys))

    def dropped(self, name: str, engine: Engine) -> OwnSliders:
        """Return these without an attribute of this engine."""
        key = engine.model_hash, name
        return OwnSliders(_without(self.made, [key]), _without(self.orthogonal_to, [key]))

    def equip(self, engine: Engine) -> Engine:
        """Return the engine with the attributes made with its weights."""
        own = self.of(engine)
        if not own:
            return engine
        # Attributes that came in one file may have been dropped or replaced one by one.
        parts = {id(v): v.only([n for n in v.names if own.get(n) is v]) for v in own.values()}
        attributes = orthogonalise_each(joined(engine.attributes, list(parts.values())), self.orthogonal_of(engine))
        return engine.with_attributes(attributes, own)

    def orthogonalised(self, name: str, against: Sequence[str], engine: Engine) -> OwnSliders:
        """Return these with the directions of ``against`` projected out of that of ``name``.

        Raises:
            ConfigError: nothing would remain of the direction.
        """
        key = engine.model_hash, name
        as_fitted = replace(self, orthogonal_to=_without(self.orthogonal_to, [key]))
        as_fitted.equip(engine).attributes.orthogonalise(name, against)
        return replace(self, orthogonal_to={**as_fitted.orthogonal_to, key: tuple(against)})


def joined(known: AttributeVectors | None, extra: Sequence[AttributeVectors]) -> AttributeVectors | None:
    """Join a model's vectors and others for the same latents; a later attribute replaces an earlier one of its name."""
    result = known
    for vectors in extra:
        if result is not None and vectors.shapes != result.shapes:
            raise ConfigError(elsewhere(vectors))
        result = vectors if result is None else result.joined(vectors)
    return result


def orthogonalise_each(vectors: AttributeVectors, against: Mapping[str, Sequence[str]]) -> AttributeVectors:
    """Project the directions named in the values of ``against`` out of the direction named by their key.

    A direction that would vanish stays unchanged. Names that are not among the attributes are ignored.
    """
    for name, others in against.items():
        known = [n for n in others if n in vectors.names]
        if name in vectors.names and known:
            with contextlib.suppress(ConfigError):
                vectors = vectors.orthogonalise(name, known)
    return vectors


def _without(mapping: Mapping[Key, T], keys: Collection[Key]) -> dict[Key, T]:
    return {key: value for key, value in mapping.items() if key not in keys}
