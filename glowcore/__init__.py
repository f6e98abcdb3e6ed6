"""Normalizing flows for images: exactly invertible, with exact likelihoods.

A public name or module is imported at its first use, because torch takes a second or more and 190 MB: pictures are
decoded without it, and the command line can set a handler for Ctrl-C before it is imported.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from glowcore.version import __version__

if TYPE_CHECKING:
    from glowcore.attributes import AttributeVectors
    from glowcore.checkpoint import load, save
    from glowcore.errors import CheckpointError, ConfigError, DataError, GlowcoreError, ImageError, TrainingError
    from glowcore.flow import Flow
    from glowcore.latents import Latents
    from glowcore.models import GlowConfig, NICEConfig, RealNVPConfig, build

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

_MODULES = {
    **dict.fromkeys(("load", "save"), "checkpoint"),
    **dict.fromkeys(("GlowConfig", "NICEConfig", "RealNVPConfig", "build"), "models"),
    "AttributeVectors": "attributes",
    "Flow": "flow",
    "Latents": "latents",
}


def __getattr__(name: str) -> object:
    """Import a public name from its module, or a public module such as ``glowcore.errors``."""
    if name in __all__:
        value = globals()[name] = getattr(import_module(f"{__name__}.{_MODULES.get(name, 'errors')}"), name)
        return value
    try:
        if not name.startswith("_"):
            return import_module(f"{__name__}.{name}")
    except ModuleNotFoundError as error:
        if error.name != f"{__name__}.{name}":  # a package that the module imports is missing
            raise
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
