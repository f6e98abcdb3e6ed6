"""Attribute vectors: directions in latent space that change an attribute, their fit and their refinement."""

from glowcore.attributes.facts import direction_kind
from glowcore.attributes.fit import Columns, fit_attributes, fit_matrix
from glowcore.attributes.strengths import MAX_STRENGTH
from glowcore.attributes.vectors import AttributeVectors, Shapes

__all__ = [
    "MAX_STRENGTH",
    "AttributeVectors",
    "Columns",
    "Shapes",
    "direction_kind",
    "fit_attributes",
    "fit_matrix",
]
