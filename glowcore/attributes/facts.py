"""Facts of attribute vectors: their meaning, and which of them another fit or another direction makes false."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

Facts = Mapping[str, Mapping[str, Any]]


def with_true_angles(facts: Facts, names: Sequence[str], directions: Tensor) -> dict[str, dict[str, Any]]:
    """Return the facts without ``orthogonal_to`` a direction that has since been replaced.

    Args:
        facts: of each attribute, by name.
        names: the A attributes.
        directions: ``[A, D]``.
    """

    def are_orthogonal(*pair: str) -> bool:
        a, b = (directions[names.index(name)].cpu().double() for name in pair)
        return abs(float(a @ b)) < 1e-4 * float(a.norm() * b.norm())

    true = {name: dict(fact) for name, fact in facts.items()}
    for name, fact in true.items():
        others = fact.pop("orthogonal_to", [])
        if others := [other for other in others if other not in names or are_orthogonal(name, other)]:
            fact["orthogonal_to"] = others
    return true


def have_own_source(facts: Facts, names: Sequence[str]) -> bool:
    """Return whether every attribute has a ``source`` of its own, so that none is of the fit of the set."""
    return all("source" in facts.get(name, {}) for name in names)


def direction_kind(info: Mapping[str, Any]) -> str:
    """Return how a direction was made: ``mean``, ``partial``, ``mean, refined`` or ``partial, refined``.

    Args:
        info: of :meth:`~glowcore.attributes.AttributeVectors.info`.
    """
    direction = info.get("direction", {})
    kind = direction.get("kind", "mean")
    return f"{kind}, refined" if direction.get("refined", {}).get("kept") else kind
