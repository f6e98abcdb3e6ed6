"""Every transform and a spread of whole models, as constructors by name: one list that all exactness tests share."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from glowcore import Flow, GlowConfig, NICEConfig, RealNVPConfig, build
from glowcore.mlp import MLP
from glowcore.networks import CouplingNet
from glowcore.priors import Split
from glowcore.residual_net import ResidualNet
from glowcore.transforms.actnorm import ActNorm
from glowcore.transforms.base import Transform
from glowcore.transforms.batchnorm import BatchNorm
from glowcore.transforms.conv1x1 import InvertibleConv1x1, InvertibleConv1x1LU
from glowcore.transforms.coupling import AdditiveCoupling, AffineCoupling, TanhCoupling
from glowcore.transforms.diagonal_scale import DiagonalScale
from glowcore.transforms.logit import Logit
from glowcore.transforms.partition import ChannelHalves, Checkerboard, OddEven
from glowcore.transforms.permutation import reverse, shuffle
from glowcore.transforms.squeeze import Squeeze
from glowcore.transforms.step import FlowStep

CHANNELS, SIZE = 4, (4, 2)


class SplitAsTransform(Transform):
    """A split as one map of a picture to a picture: kept half beside eps."""

    def __init__(self, split: Split) -> None:
        super().__init__()
        self.split = split

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        kept, eps, logdet = self.split(x)
        return torch.cat([kept, eps], dim=1), logdet

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        kept, eps = z.chunk(2, dim=1)
        x = self.split.inverse(kept, eps)
        return x, -self.split(x)[2]


def net(outputs: int, position_channels: int = 0) -> CouplingNet:
    """A small coupling network for the shared shape."""
    return CouplingNet(CHANNELS // 2, 5, outputs * CHANNELS // 2, SIZE, position_channels)


def channel_coupling(swap: bool) -> TanhCoupling:
    """Real NVP's coupling that moves half of the channels."""
    half = CHANNELS // 2
    return TanhCoupling(ResidualNet(half, 4, 2 * half, blocks=1), half, ChannelHalves(swap))


def checkerboard_coupling(swap: bool) -> TanhCoupling:
    """Real NVP's coupling that moves every other position."""
    return TanhCoupling(ResidualNet(CHANNELS, 4, 2 * CHANNELS, blocks=1), CHANNELS, Checkerboard(SIZE, swap))


def vector_coupling(swap: bool) -> AdditiveCoupling:
    """NICE's coupling."""
    half = CHANNELS * SIZE[0] * SIZE[1] // 2
    return AdditiveCoupling(MLP(half, 6, 2, half), OddEven((CHANNELS, *SIZE), swap))


#: Constructors of transforms of pictures ``[B, CHANNELS, *SIZE]``.
TRANSFORMS: dict[str, Callable[[], Transform]] = {
    "actnorm": lambda: ActNorm(CHANNELS),
    "conv1x1": lambda: InvertibleConv1x1(CHANNELS),
    "conv1x1_lu": lambda: InvertibleConv1x1LU(CHANNELS),
    "reverse": lambda: reverse(CHANNELS),
    "shuffle": lambda: shuffle(CHANNELS, seed=3),
    "squeeze": Squeeze,
    "additive": lambda: AdditiveCoupling(net(1)),
    "affine": lambda: AffineCoupling(net(2)),
    "affine_floor": lambda: AffineCoupling(net(2), scale_min=0.3),
    "affine_position": lambda: AffineCoupling(net(2, position_channels=2)),
    "split": lambda: SplitAsTransform(Split(CHANNELS, SIZE)),
    "split_position": lambda: SplitAsTransform(Split(CHANNELS, SIZE, position_bias=True)),
    "step": lambda: FlowStep(ActNorm(CHANNELS), InvertibleConv1x1LU(CHANNELS), AffineCoupling(net(2))),
    "step_plain": lambda: FlowStep(ActNorm(CHANNELS), InvertibleConv1x1(CHANNELS), AdditiveCoupling(net(1))),
    "step_shuffle": lambda: FlowStep(ActNorm(CHANNELS), shuffle(CHANNELS, 1), AffineCoupling(net(2))),
    "split_standard": lambda: SplitAsTransform(Split(CHANNELS, SIZE, learned=False)),
    "channels": lambda: channel_coupling(swap=False),
    "channels_swap": lambda: channel_coupling(swap=True),
    "checkerboard": lambda: checkerboard_coupling(swap=False),
    "checkerboard_swap": lambda: checkerboard_coupling(swap=True),
    "affine_checkerboard": lambda: AffineCoupling(
        CouplingNet(CHANNELS, 5, 2 * CHANNELS, SIZE), scale_min=0.1, partition=Checkerboard(SIZE)
    ),
    "vector": lambda: vector_coupling(swap=False),
    "vector_swap": lambda: vector_coupling(swap=True),
    "diagonal": lambda: DiagonalScale((CHANNELS, *SIZE)),
    "logit": lambda: Logit(0.05),
    "batchnorm": lambda: BatchNorm(CHANNELS).eval(),
}

_SMALL = {"steps_per_level": 2, "hidden_channels": 5}

#: Configs of whole models, small enough for a Jacobian: C in 1 and 3; 4x4, 8x8 and H != W; both couplings; both 1x1.
CONFIGS: dict[str, GlowConfig | RealNVPConfig | NICEConfig] = {
    f"{channels}x{height}x{width}-{coupling}-{permutation}": GlowConfig(
        image_size=(height, width),
        channels=channels,
        num_levels=2,
        coupling=coupling,
        permutation=permutation,
        **_SMALL,
    )
    for channels in (1, 3)
    for height, width in ((4, 4), (8, 8), (4, 8))
    for coupling in ("affine", "additive")
    for permutation in ("conv1x1", "conv1x1_lu")
}
CONFIGS["per-level"] = GlowConfig(
    image_size=8, num_levels=3, steps_per_level=(1, 2, 3), hidden_channels=(4, 5, 6), scale_min=0.2, position_channels=2
)
CONFIGS["classes"] = GlowConfig(image_size=4, channels=1, num_levels=1, num_classes=3, **_SMALL)
CONFIGS["glow-batchnorm"] = GlowConfig(image_size=4, num_levels=2, norm="batchnorm", **_SMALL)
CONFIGS["shuffle"] = GlowConfig(image_size=4, num_levels=1, permutation="shuffle", learned_prior=False, **_SMALL)

_REALNVP = {"num_levels": 2, "hidden_channels": 4, "residual_blocks": 1, "steps_per_level": 2}
CONFIGS["realnvp-1x4x4"] = RealNVPConfig(image_size=4, channels=1, **_REALNVP)
CONFIGS["realnvp-3x4x8"] = RealNVPConfig(image_size=(4, 8), logit_alpha=0.0, learned_prior=True, **_REALNVP)
CONFIGS["realnvp-batchnorm"] = RealNVPConfig(image_size=4, channels=3, norm="batchnorm", **_REALNVP)
CONFIGS["realnvp-per-level"] = RealNVPConfig(
    image_size=(8, 4), num_levels=3, steps_per_level=(1, 2, 1), hidden_channels=(3, 4, 5), residual_blocks=0
)
CONFIGS["nice-1x4x6"] = NICEConfig(image_size=(4, 6), channels=1, hidden_channels=7, hidden_layers=2)
CONFIGS["nice-3x8x8"] = NICEConfig(image_size=8, steps_per_level=5, hidden_channels=9, prior="gaussian")


def perturb(module: nn.Module, scale: float = 0.2) -> nn.Module:
    """Move every parameter away from its start, where zeros hide mistakes; returns the module in float64."""
    module = module.double()
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            noise = torch.randn_like(parameter) * scale
            if name.endswith("variance"):
                parameter.mul_(noise.exp())  # stays above 0
            else:
                parameter.add_(noise)
    return module


def model(name: str) -> Flow:
    """An initialised and then perturbed model of :data:`CONFIGS` in float64, in eval mode."""
    flow = build(CONFIGS[name]).double().eval()
    flow.initialize(torch.rand(16, flow.config.channels, *flow.image_size))
    return perturb(flow, 0.05)


def labels(flow: Flow, batch: int) -> Tensor | None:
    """Labels for a class-conditional model, else None."""
    return torch.arange(batch) % flow.config.num_classes if getattr(flow.config, "num_classes", 0) else None


def log_abs_det_jacobian(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """``log |det|`` of the Jacobian of a function at one picture ``[1, C, H, W]``, by autograd and slogdet.

    Row i of the Jacobian comes from picture i of a batch of copies, so one backward pass makes them all.
    """
    dims = x.numel()
    copies = x.detach().repeat(dims, 1, 1, 1).requires_grad_()
    (jacobian,) = torch.autograd.grad(function(copies).reshape(dims, dims), copies, torch.eye(dims, dtype=x.dtype))
    return torch.linalg.slogdet(jacobian.reshape(dims, dims)).logabsdet
