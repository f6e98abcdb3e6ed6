"""Directions in latent space that stand for attributes: applied, fitted, refined."""

from glowcore.attributes.vectors import MAX_STRENGTH, AttributeVectors, Shapes, direction_kind

__all__ = ["MAX_STRENGTH", "AttributeVectors", "Shapes", "direction_kind"]
