"""What a model is worth, measured: likelihood, round trip, edits, this machine."""

from glowcore.evaluation.held_out import Evaluation, evaluate

__all__ = ["Evaluation", "evaluate"]
