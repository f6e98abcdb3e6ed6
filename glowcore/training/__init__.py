"""Training: the loop, its settings, and what it writes."""

from glowcore.training.settings import TrainSettings
from glowcore.training.trainer import Trainer

__all__ = ["TrainSettings", "Trainer"]
