"""Models: a frozen config for each kind and a function that builds the flow or baseline."""

from __future__ import annotations

import dataclasses
from typing import Any

from glowcore.baselines.vae import VAE, VAEConfig
from glowcore.errors import ConfigError
from glowcore.flow import Flow
from glowcore.models.glow import GlowConfig, build_glow
from glowcore.models.nice import NICEConfig, build_nice
from glowcore.models.realnvp import RealNVPConfig, build_realnvp

#: Config classes by the model's name in ``config.json`` and on the command line.
CONFIGS: dict[str, type] = {"glow": GlowConfig, "realnvp": RealNVPConfig, "nice": NICEConfig, "vae": VAEConfig}
_BUILDERS = {GlowConfig: build_glow, RealNVPConfig: build_realnvp, NICEConfig: build_nice, VAEConfig: VAE}


def build(config: Any) -> Flow | VAE:
    """Build the model of a config (a flow or a baseline), with weights drawn from torch's global generator.

    Before a training loop of your own, call :meth:`glowcore.flow.Flow.initialize` with a batch of pictures.

    Raises:
        ConfigError: ``config`` is not one of the package's configs.
    """
    builder = _BUILDERS.get(type(config))
    if builder is None:
        raise ConfigError(
            f"cannot build a model from {type(config).__name__}; expected one of "
            + ", ".join(c.__name__ for c in _BUILDERS)
        )
    return builder(config)


def config_from_dict(name: str, values: dict[str, Any]) -> Any:
    """Return the config of the model ``name`` ("glow", ...) from JSON values.

    Raises:
        ConfigError: an unknown model, an unknown key or an invalid value.
    """
    if name not in CONFIGS:
        raise ConfigError(f"unknown model {name!r}, expected one of {', '.join(CONFIGS)}")
    if not isinstance(values, dict):
        raise ConfigError(f"config of {name} is {type(values).__name__}, expected an object")
    known = {field.name for field in dataclasses.fields(CONFIGS[name])}
    unknown = sorted(set(values) - known)
    if unknown:
        raise ConfigError(f"unknown setting {unknown[0]!r} for {name}, expected among {', '.join(sorted(known))}")
    return CONFIGS[name](**values)
