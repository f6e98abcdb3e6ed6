"""The attributes that a user has made or loaded in a session, and the engine that has them beside its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from explorer.edits.recipe import EditRecipe
from explorer.engines.engine import Engine
from explorer.own.weights import is_of, remedy, weights_of
from glowcore import AttributeVectors
from glowcore.errors import ConfigError

Key = tuple[str, str]  # the hash of the weights, and the name


@dataclass(frozen=True, eq=False)
class OwnSliders:
    """Attributes made or loaded in one session, as a value: every change gives a new one.

    A key holds the hash of the weights that an attribute was made with, so one name may stand for an attribute of each
    model.

    Attributes:
        made: the vectors of each attribute; those that came in one file share theirs.
    """

    made: Mapping[Key, AttributeVectors] = field(default_factory=dict)
    # By the engine without them, so that the pictures rendered with them go when the model is unloaded.
    _equipped: WeakKeyDictionary[Engine, Engine] = field(default_factory=WeakKeyDictionary, init=False, repr=False)

    def of(self, engine: Engine) -> dict[str, AttributeVectors]:
        """Return the attributes made with the weights of this engine, by name."""
        return {name: vectors for (_, name), vectors in self.made.items() if is_of(vectors, engine)}

    def of_other_weights(self, engine: Engine) -> list[AttributeVectors]:
        """Return the attributes made with other weights, each set of vectors once."""
        return list({id(v): v for v in self.made.values() if not is_of(v, engine)}.values())

    def unknown(self, recipe: EditRecipe, engine: Engine) -> list[str]:
        """Return the names of these attributes that a recipe uses and an engine, equipped with its own, lacks."""
        made = {name for _, name in self.made}
        return [name for name in recipe.attributes if name in made and name not in engine.attribute_names]

    def added(self, vectors: AttributeVectors) -> OwnSliders:
        """Return these with ``vectors``, which replace attributes of the same weights and names."""
        keys = [(weights_of(vectors, name), name) for name in vectors.names]
        return OwnSliders({**self.made, **dict.fromkeys(keys, vectors)})

    def dropped(self, name: str, engine: Engine) -> OwnSliders:
        """Return these without an attribute of this engine."""
        gone = engine.model_hash, name
        return OwnSliders({key: vectors for key, vectors in self.made.items() if key != gone})

    def equip(self, engine: Engine) -> Engine:
        """Return the engine with the attributes made with its weights, the same one for each call."""
        if equipped := self._equipped.get(engine):
            return equipped
        own = self.of(engine)
        if not own:
            return engine
        # Attributes that came in one file may have been dropped or replaced one by one.
        parts = {id(v): v.only([n for n in v.names if own.get(n) is v]) for v in own.values()}
        equipped = engine.with_attributes(joined(engine.attributes, list(parts.values())), own)
        return self._equipped.setdefault(engine, equipped)


def joined(known: AttributeVectors | None, extra: Sequence[AttributeVectors]) -> AttributeVectors | None:
    """Join a model's vectors and others for the same latents; a later attribute replaces an earlier one of its name."""
    result = known
    for vectors in extra:
        if result is not None and vectors.shapes != result.shapes:
            raise ConfigError(remedy(vectors))
        result = vectors if result is None else result.joined(vectors)
    return result
