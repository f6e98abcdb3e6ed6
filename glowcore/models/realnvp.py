"""Real NVP: Density Estimation using Real NVP (Dinh, Sohl-Dickstein & Bengio 2016)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from glowcore import config_checks
from glowcore.flow import Flow
from glowcore.levels import Level
from glowcore.priors import Split, TopPrior
from glowcore.residual_net import ResidualNet
from glowcore.transforms.actnorm import ActNorm
from glowcore.transforms.base import Transform
from glowcore.transforms.batchnorm import BatchNorm
from glowcore.transforms.coupling import TanhCoupling
from glowcore.transforms.logit import Logit
from glowcore.transforms.partition import ChannelHalves, Checkerboard
from glowcore.transforms.squeeze import Squeeze

NORMS = {"actnorm": ActNorm, "batchnorm": BatchNorm}


@dataclass(frozen=True)
class RealNVPConfig(config_checks.ImageConfig):
    """Config of a Real NVP.

    A level has K couplings with checkerboard masks, a squeeze, K couplings that move half of the channels, and a split;
    the top level has K + 1 couplings with checkerboard masks. The paper's model of 32x32 pictures has
    ``steps_per_level=3, residual_blocks=4, hidden_channels=32`` and ``norm="batchnorm"``.

    Args:
        image_size: side of the pictures in pixels, or ``(height, width)``. Each is a multiple of
            ``2**(num_levels - 1)``.
        channels: 3 for colour, 1 for greyscale, or any other number up to 64.
        n_bits: bits per value that likelihoods and training quantise to, 1 to 8.
        num_levels: number of levels including the top.
        steps_per_level: couplings (K) with each kind of mask, one number for all levels or one per level, finest first.
        hidden_channels: width of the networks: one number for the first level, doubled after every squeeze as in the
            paper, or one per level, finest first (networks after a level's squeeze are twice as wide).
        residual_blocks: residual blocks per network.
        norm: normalisation after each coupling, ``"actnorm"`` or ``"batchnorm"`` (as in the paper; no reversible memory
            mode).
        logit_alpha: alpha of the logit preprocessing, in [0, 0.5); 0 for none.
        learned_prior: whether the latents of all levels have learned means and standard deviations, as in Glow but not
            in the paper.

    Raises:
        ConfigError: a value outside these ranges.
    """

    num_levels: int = 3
    steps_per_level: int | tuple[int, ...] = 3
    hidden_channels: int | tuple[int, ...] = 32
    residual_blocks: int = 2
    norm: str = "actnorm"
    logit_alpha: float = 0.05
    learned_prior: bool = False

    model_name: ClassVar[str] = "realnvp"

    def check(self) -> None:
        """See :meth:`ImageConfig.check`."""
        config_checks.check_int("num_levels", self.num_levels, 1, 10)
        config_checks.check_per_level("steps_per_level", self.steps_per_level, self.num_levels, 256)
        config_checks.check_per_level("hidden_channels", self.hidden_channels, self.num_levels, 4096)
        config_checks.check_int("residual_blocks", self.residual_blocks, 0, 64)
        config_checks.check_choice("norm", self.norm, tuple(NORMS))
        config_checks.check_number("logit_alpha", self.logit_alpha, 0.5)
        config_checks.check_bool("learned_prior", self.learned_prior)

    @property
    def halvings(self) -> int:
        """See :attr:`ImageConfig.halvings`."""
        return self.num_levels - 1


def build_realnvp(config: RealNVPConfig) -> Flow:
    """Build a Real NVP with fresh weights."""
    height, width = config.height_width
    channels = config.channels
    steps = config_checks.per_level(config.steps_per_level, config.num_levels)
    hidden = config.hidden_channels
    if isinstance(hidden, int):
        hidden = tuple(hidden * 2**index for index in range(config.num_levels))
    levels = []
    for index in range(config.num_levels - 1):
        transforms = _steps(config, channels, hidden[index], steps[index], (height, width))
        channels, height, width = 4 * channels, height // 2, width // 2
        transforms += [Squeeze(), *_steps(config, channels, 2 * hidden[index], steps[index])]
        split = Split(channels, (height, width), learned=config.learned_prior)
        levels.append(Level(None, transforms, split))
        channels //= 2
    top = _steps(config, channels, hidden[-1], steps[-1] + 1, (height, width))
    levels.append(Level(None, top, None))
    prior = TopPrior((channels, height, width), learned=config.learned_prior)
    return Flow(config, levels, prior, preprocess=Logit(config.logit_alpha) if config.logit_alpha else None)


def _steps(
    config: RealNVPConfig, channels: int, hidden: int, count: int, size: tuple[int, int] | None = None
) -> list[Transform]:
    """Return couplings with alternating masks: checkerboards of ``size``, or halves of the channels if it is None."""
    transforms, seen = [], channels // 2 if size is None else channels
    for index in range(count):
        swap = index % 2 == 1
        partition = ChannelHalves(swap) if size is None else Checkerboard(size, swap)
        net = ResidualNet(seen, hidden, TanhCoupling.OUTPUTS * seen, config.residual_blocks)
        transforms += [TanhCoupling(net, seen, partition), NORMS[config.norm](channels)]
    return transforms
