"""The attributes of one's own of a session, and how they come among those of a model."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch

from explorer.engines.engine import Engine
from explorer.own.attribute import elsewhere, is_of, weights_of
from glowcore import AttributeVectors
from glowcore.errors import ConfigError

Key = tuple[str, str]  # the hash of the weights, and the name


class OwnSliders(dict[Key, AttributeVectors]):
    """Attributes made or loaded in one session, by the hash of the weights they were made with and by name.

    So one name may stand for an attribute of each model.
    """

    def __init__(self) -> None:
        super().__init__()
        self._apart: dict[Key, tuple[str, ...]] = {}

    def of(self, engine: Engine) -> dict[str, AttributeVectors]:
        """Those made with the weights of this engine, by name."""
        return {name: vectors for (_, name), vectors in self.items() if is_of(vectors, engine)}

    def elsewhere(self, engine: Engine) -> list[AttributeVectors]:
        """Those made with other weights, each set once."""
        return list({id(v): v for v in self.values() if not is_of(v, engine)}.values())

    def apart(self, engine: Engine) -> dict[str, tuple[str, ...]]:
        """What the attributes of this engine are to have nothing in common with, by name."""
        return {name: others for (model, name), others in self._apart.items() if model == engine.model_hash}

    def take(self, vectors: AttributeVectors) -> None:
        """Take attributes in, in the place of others of the same weights and names."""
        for name in vectors.names:
            key = weights_of(vectors, name), name
            self[key] = vectors
            self._apart.pop(key, None)

    def drop(self, name: str, engine: Engine) -> None:
        """Forget an attribute of this engine, if it is here."""
        self.pop((engine.model_hash, name), None)
        self._apart.pop((engine.model_hash, name), None)

    def equip(self, engine: Engine) -> Engine:
        """The engine with these attributes; those made with other weights stay away."""
        mine = self.of(engine)
        if not mine:
            return engine
        # Of those that came in one file some may have been dropped or made anew since.
        parts = {id(v): v.only([n for n in v.names if mine.get(n) is v]) for v in mine.values()}
        attributes = set_apart(joined(engine.attributes, list(parts.values())), self.apart(engine))
        return engine.with_attributes(attributes, mine)

    def keep_apart(self, name: str, others: Sequence[str], engine: Engine) -> None:
        """Let one move nothing of `others`; ConfigError, and all as before, where nothing would remain of it."""
        key = engine.model_hash, name
        before = dict(self._apart)
        self._apart.pop(key, None)
        try:
            self.equip(engine).attributes.orthogonalise(name, others)
        except ConfigError:
            self._apart = before
            raise
        self._apart[key] = tuple(others)


def joined(known: AttributeVectors | None, extra: Sequence[AttributeVectors]) -> AttributeVectors | None:
    """One set of vectors out of a model's own and others for the same latents; a later name replaces an earlier one."""
    result = known
    for vectors in extra:
        if result is None:
            result = vectors
        elif vectors.shapes != result.shapes:
            raise ConfigError(elsewhere(vectors))
        else:
            result = _pair(result.only([n for n in result.names if n not in vectors.names]), vectors)
    return result


def set_apart(vectors: AttributeVectors, apart: Mapping[str, Sequence[str]]) -> AttributeVectors:
    """The same attributes, each that `apart` names without what its direction shares with those named for it.

    One that would have nothing left stays as it was learnt; names that are not among the attributes count for nothing.
    """
    for name, others in apart.items():
        known = [n for n in others if n in vectors.names]
        if name in vectors.names and known:
            with contextlib.suppress(ConfigError):
                vectors = vectors.orthogonalise(name, known)
    return vectors


def _pair(a: AttributeVectors, b: AttributeVectors) -> AttributeVectors:
    device = a.directions.device
    directions = torch.cat([a.directions, b.directions.to(device)])
    covariance = (directions @ directions.T).double().cpu()  # between the two sets: as if latents were standard normal
    covariance[: len(a.names), : len(a.names)] = a.covariance
    covariance[len(a.names) :, len(a.names) :] = b.covariance
    return replace(
        a,
        names=a.names + b.names,
        directions=directions,
        score_weights=torch.cat([a.score_weights, b.score_weights.to(device)]),
        score_offsets=torch.cat([a.score_offsets.cpu(), b.score_offsets.cpu()]),
        covariance=covariance,
        facts={**a.facts, **b.facts},
    )
