"""NICE: Non-linear Independent Components Estimation (Dinh, Krueger & Bengio 2014)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from glowcore import config_checks
from glowcore.errors import ConfigError
from glowcore.flow import Flow
from glowcore.levels import Level
from glowcore.mlp import MLP
from glowcore.priors import PRIORS, TopPrior
from glowcore.transforms.coupling import AdditiveCoupling
from glowcore.transforms.diagonal_scale import DiagonalScale
from glowcore.transforms.partition import OddEven


@dataclass(frozen=True)
class NICEConfig(config_checks.ImageConfig):
    """Config of a NICE: additive couplings on the picture as one vector, then a scale for every value.

    There is one level, whose latents have the shape of the picture. The defaults are the paper's architecture with
    narrower networks; at 32x32x3 the weights take 13.5 MB.

    Args:
        image_size: side of the pictures in pixels, or ``(height, width)``. The number of values is even.
        channels: 3 for colour, 1 for greyscale, or any other number up to 64.
        n_bits: bits per value that likelihoods and training quantise to, 1 to 8.
        steps_per_level: number of couplings, at least 3, so that every value can depend on every other.
        hidden_channels: units per hidden layer.
        hidden_layers: hidden layers per network.
        prior: ``"logistic"`` or ``"gaussian"``, the distribution of the latents.

    Raises:
        ConfigError: a value outside these ranges.
    """

    steps_per_level: int = 4
    hidden_channels: int = 224
    hidden_layers: int = 4
    prior: str = "logistic"

    model_name: ClassVar[str] = "nice"
    num_levels: ClassVar[int] = 1

    def check(self) -> None:
        """See :meth:`ImageConfig.check`."""
        config_checks.check_int("steps_per_level", self.steps_per_level, 3, 1024)
        config_checks.check_int("hidden_channels", self.hidden_channels, 1, 8192)
        config_checks.check_int("hidden_layers", self.hidden_layers, 1, 64)
        config_checks.check_choice("prior", self.prior, PRIORS)
        if self.channels * math.prod(config_checks.check_size(self.image_size, 0)) % 2:
            raise ConfigError(
                f"image size {self.image_size} with {self.channels} channels has an odd number of "
                "values, expected an even height or width"
            )

    @property
    def halvings(self) -> int:
        """See :attr:`ImageConfig.halvings`."""
        return 0


def build_nice(config: NICEConfig) -> Flow:
    """Build a NICE with fresh weights."""
    shape = (config.channels, *config.height_width)
    half = math.prod(shape) // 2
    steps = [
        AdditiveCoupling(
            MLP(half, config.hidden_channels, config.hidden_layers, half), OddEven(shape, swap=index % 2 == 1)
        )
        for index in range(config.steps_per_level)
    ]
    # The standard logistic distribution has standard deviation pi / sqrt(3).
    scale = DiagonalScale(shape, math.pi / math.sqrt(3) if config.prior == "logistic" else 1.0)
    return Flow(config, [Level(None, [*steps, scale], None)], TopPrior(shape, learned=False), prior=config.prior)
