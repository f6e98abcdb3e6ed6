"""Normalizing flows for images: exactly invertible, with exact likelihoods."""

from glowcore.attributes import AttributeVectors
from glowcore.checkpoint import load, save
from glowcore.errors import CheckpointError, ConfigError, DataError, GlowcoreError, ImageError, TrainingError
from glowcore.flow import Flow
from glowcore.latents import Latents
from glowcore.models import GlowConfig, NICEConfig, RealNVPConfig, build
from glowcore.version import __version__

__all__ = [
    "AttributeVectors",
    "CheckpointError",
    "ConfigError",
    "DataError",
    "Flow",
    "GlowConfig",
    "GlowcoreError",
    "ImageError",
    "Latents",
    "NICEConfig",
    "RealNVPConfig",
    "TrainingError",
    "__version__",
    "build",
    "load",
    "save",
]
