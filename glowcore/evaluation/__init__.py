"""What a model is worth, measured: likelihood, round trip, edits, this machine, one idea left out at a time."""

from glowcore.evaluation.held_out import Evaluation, evaluate

__all__ = ["Evaluation", "evaluate"]
