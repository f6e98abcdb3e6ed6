"""Evaluation of models: likelihood, round trip, edits, and exactness on this machine."""

from glowcore.evaluation.held_out import Evaluation, evaluate

__all__ = ["Evaluation", "evaluate"]
