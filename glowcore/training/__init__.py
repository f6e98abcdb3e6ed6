"""Training: the loop, its settings, and what it writes."""

from glowcore.training.settings import TrainSettings
from glowcore.training.trainer import MOST_BAD_STARTS, Trainer

__all__ = ["MOST_BAD_STARTS", "TrainSettings", "Trainer"]
