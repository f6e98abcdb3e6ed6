"""Glow: Generative Flow with Invertible 1x1 Convolutions (Kingma & Dhariwal 2018)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from glowcore import config_checks
from glowcore.classes import ClassHead
from glowcore.flow import Flow
from glowcore.levels import Level
from glowcore.networks import CouplingNet
from glowcore.priors import Split, TopPrior
from glowcore.transforms.actnorm import ActNorm
from glowcore.transforms.base import Transform
from glowcore.transforms.batchnorm import BatchNorm
from glowcore.transforms.conv1x1 import InvertibleConv1x1, InvertibleConv1x1LU
from glowcore.transforms.coupling import AdditiveCoupling, AffineCoupling
from glowcore.transforms.permutation import reverse, shuffle
from glowcore.transforms.squeeze import Squeeze
from glowcore.transforms.step import FlowStep

COUPLINGS = ("affine", "additive")
NORMS = ("actnorm", "batchnorm")
PERMUTATIONS = ("conv1x1_lu", "conv1x1", "reverse", "shuffle")


@dataclass(frozen=True)
class GlowConfig(config_checks.ImageConfig):
    """Config of a Glow.

    Args:
        image_size: side of the pictures in pixels, or ``(height, width)``. Each is a multiple of ``2**num_levels``.
        channels: 3 for colour, 1 for greyscale, or any other number up to 64.
        n_bits: bits per value that likelihoods and training quantise to, 1 to 8.
        num_levels: number of levels including the top, L of the paper.
        steps_per_level: steps of flow (K of the paper), one number for all levels or one per level, finest first.
        hidden_channels: width of the coupling networks, one number for all levels or one per level, finest first.
        coupling: ``"affine"`` or ``"additive"``.
        permutation: ``"conv1x1_lu"``, ``"conv1x1"``, ``"reverse"`` or ``"shuffle"``.
        scale_min: lower bound m of an affine coupling's scale, in [0, 1); 0 in the paper.
        learned_prior: whether the top level's mean and standard deviation are learned.
        num_classes: number of classes of a class-conditional model, 0 for none.
        position_channels: number of learned position maps of each coupling network, for aligned pictures; 0 in the
            paper.
        norm: normalisation of each step, ``"actnorm"`` or ``"batchnorm"`` (that of Real NVP, for comparison; such a
            model has no reversible memory mode and no fast form).
        class_head: whether a class-conditional model has the paper's classification head.

    Raises:
        ConfigError: a value outside these ranges.
    """

    image_size: int | tuple[int, int] = 64
    num_levels: int = 4
    steps_per_level: int | tuple[int, ...] = 16
    hidden_channels: int | tuple[int, ...] = 128
    coupling: str = "affine"
    permutation: str = "conv1x1_lu"
    scale_min: float = 0.0
    learned_prior: bool = True
    num_classes: int = 0
    position_channels: int = 0
    norm: str = "actnorm"
    class_head: bool = True

    model_name: ClassVar[str] = "glow"

    def check(self) -> None:
        """See :meth:`ImageConfig.check`."""
        config_checks.check_int("num_levels", self.num_levels, 1, 10)
        config_checks.check_per_level("steps_per_level", self.steps_per_level, self.num_levels, 1024)
        config_checks.check_per_level("hidden_channels", self.hidden_channels, self.num_levels, 4096)
        config_checks.check_choice("coupling", self.coupling, COUPLINGS)
        config_checks.check_choice("permutation", self.permutation, PERMUTATIONS)
        config_checks.check_number("scale_min", self.scale_min, 1)
        config_checks.check_bool("learned_prior", self.learned_prior)
        config_checks.check_int("num_classes", self.num_classes, 0, 10_000)
        config_checks.check_int("position_channels", self.position_channels, 0, 256)
        config_checks.check_choice("norm", self.norm, NORMS)
        config_checks.check_bool("class_head", self.class_head)


def build_glow(config: GlowConfig) -> Flow:
    """Build a Glow with fresh weights."""
    height, width = config.height_width
    channels = config.channels
    levels = []
    steps = config_checks.per_level(config.steps_per_level, config.num_levels)
    hidden = config_checks.per_level(config.hidden_channels, config.num_levels)
    for index in range(config.num_levels):
        channels, height, width = 4 * channels, height // 2, width // 2
        transforms: list[Transform] = []
        for step in range(steps[index]):
            transforms += _flow_step(config, channels, hidden[index], (height, width), seed=index * 1024 + step)
        split = None
        if index < config.num_levels - 1:
            split = Split(channels, (height, width), position_bias=config.position_channels > 0)
        levels.append(Level(Squeeze(), transforms, split))
        if split is not None:
            channels //= 2
    top = TopPrior((channels, height, width), learned=config.learned_prior, num_classes=config.num_classes)
    head = ClassHead(channels, config.num_classes) if config.num_classes and config.class_head else None
    return Flow(config, levels, top, class_head=head)


def _flow_step(config: GlowConfig, channels: int, hidden: int, size: tuple[int, int], seed: int) -> list[Transform]:
    permutation = {
        "conv1x1": InvertibleConv1x1,
        "conv1x1_lu": InvertibleConv1x1LU,
        "reverse": reverse,
        "shuffle": lambda c: shuffle(c, seed),
    }[config.permutation](channels)
    kind = AffineCoupling if config.coupling == "affine" else AdditiveCoupling
    half = channels // 2
    net = CouplingNet(half, hidden, kind.OUTPUTS * half, size, config.position_channels)
    coupling = AffineCoupling(net, config.scale_min) if kind is AffineCoupling else AdditiveCoupling(net)
    if config.norm == "batchnorm":
        return [BatchNorm(channels), permutation, coupling]
    return [FlowStep(ActNorm(channels), permutation, coupling)]
