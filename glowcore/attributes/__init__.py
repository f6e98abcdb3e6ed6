"""Attribute vectors: directions in latent space that change an attribute, their fit and their refinement."""

from glowcore.attributes.facts import direction_kind
from glowcore.attributes.vectors import MAX_STRENGTH, AttributeVectors, Shapes

__all__ = ["MAX_STRENGTH", "AttributeVectors", "Shapes", "direction_kind"]
