"""The attributes of one's own of a session, and how they come among those of a model."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch

from explorer.engine import Engine
from explorer.own_attribute import elsewhere, is_of
from glowcore import AttributeVectors
from glowcore.errors import ConfigError


class OwnSliders(dict[str, AttributeVectors]):
    """Attributes made or loaded in one session, by name.

    `apart` holds, by the name of one of them, the attributes that it is to have nothing in common with.
    """

    def __init__(self) -> None:
        super().__init__()
        self.apart: dict[str, tuple[str, ...]] = {}

    def take(self, vectors: AttributeVectors) -> None:
        """Take attributes in, in the place of others of their names."""
        for name in vectors.names:
            self[name] = vectors
            self.apart.pop(name, None)

    def drop(self, name: str) -> None:
        """Forget an attribute, if it is here."""
        self.pop(name, None)
        self.apart.pop(name, None)

    def equip(self, engine: Engine) -> Engine:
        """The engine with these attributes; those made with other weights stay away."""
        fitting = [v for v in {id(v): v for v in self.values()}.values() if is_of(v, engine)]
        if not fitting:
            return engine
        names = {name for v in fitting for name in v.names}
        return engine.with_attributes(set_apart(joined(engine.attributes, fitting), self.apart), names)

    def keep_apart(self, name: str, others: Sequence[str], engine: Engine) -> None:
        """Let one move nothing of `others`; ConfigError, and all as before, where nothing would remain of it."""
        before = self.apart.pop(name, ())
        try:
            self.equip(engine).attributes.orthogonalise(name, others)
        except ConfigError:
            self.apart[name] = before
            raise
        self.apart[name] = tuple(others)


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
