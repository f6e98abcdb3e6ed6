"""The fast model, and float64 where float32 is not enough: `glowcore.exact`, by the name that the engine knows."""

from glowcore.exact import RETRY, ExactFlow, is_double, largest_error

__all__ = ["RETRY", "ExactFlow", "is_double", "largest_error"]
