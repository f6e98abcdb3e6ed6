"""Training: the loop, its settings and its output."""

from glowcore.training.settings import TrainSettings
from glowcore.training.trainer import Trainer

__all__ = ["TrainSettings", "Trainer"]
