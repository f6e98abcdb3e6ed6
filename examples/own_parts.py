"""Train a flow with your own transform, coupling network and top prior on digits of scikit-learn, in a few seconds.

python examples/own_parts.py own.pt

`glowcore.save` stores only what a config builds, so the weights are kept with torch.save: build the same parts and
`load_state_dict` them. All else works as in any model: memory modes, latents, fused(), initialisation.
"""

import argparse
import sys

import torch
from torch import Tensor, nn

from glowcore import ConfigError, Flow, GlowConfig
from glowcore.levels import Level
from glowcore.priors import Split
from glowcore.transforms.actnorm import ActNorm
from glowcore.transforms.base import Transform
from glowcore.transforms.conv1x1 import InvertibleConv1x1LU
from glowcore.transforms.coupling import AffineCoupling
from glowcore.transforms.squeeze import Squeeze
from glowcore.transforms.step import FlowStep


class Arsinh(Transform):
    """``z = arsinh(a x) / a`` with a learned ``a`` per channel, which compresses the tails."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.log_a = nn.Parameter(torch.full((channels, 1, 1), -2.0))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return z and log |det dz/dx| of each picture."""
        a = self.log_a.exp()
        return torch.asinh(a * x) / a, -0.5 * torch.log1p((a * x) ** 2).sum(dim=(1, 2, 3))

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Return x and log |det dx/dz| of each picture."""
        a = self.log_a.exp()
        return torch.sinh(a * z) / a, torch.cosh(a * z).log().sum(dim=(1, 2, 3))


def network(channels: int) -> nn.Module:
    """Any network from ``[B, C / 2, H, W]`` to ``[B, C, H, W]``; the zeros make its coupling start almost linear."""
    last = nn.Conv2d(32, channels, 3, padding=1)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    return nn.Sequential(nn.Conv2d(channels // 2, 32, 3, padding=1), nn.GroupNorm(4, 32), nn.SiLU(), last)


class OneStd(nn.Module):
    """A top prior without classes and with one learned standard deviation for all values."""

    def __init__(self) -> None:
        super().__init__()
        self.log_std = nn.Parameter(torch.zeros(()))

    def labels(self, y: None, batch: int) -> None:
        """Return the class labels: none. Labels are refused, since this prior would ignore them."""
        if y is not None:
            raise ConfigError("this model has no classes, expected no labels y")

    def forward(self, z: Tensor, y: None) -> tuple[Tensor, Tensor]:
        """Return the standardised eps of the top level and log |det deps/dz| of each picture."""
        return z * (-self.log_std).exp(), (-self.log_std * z[0].numel()).expand(len(z))

    def inverse(self, eps: Tensor, y: None) -> Tensor:
        """Return z."""
        return eps * self.log_std.exp()


def steps(channels: int, count: int = 4) -> list[Transform]:
    """Return ``count`` steps of flow, each followed by :class:`Arsinh`."""
    transforms: list[Transform] = []
    for _ in range(count):
        coupling = AffineCoupling(network(channels), scale_min=0.1)
        transforms += [FlowStep(ActNorm(channels), InvertibleConv1x1LU(channels), coupling), Arsinh(channels)]
    return transforms


def build() -> Flow:
    """Return a flow of two levels for grey pictures of 8x8; its config gives their size and bits only."""
    levels = [Level(Squeeze(), steps(4), Split(4, (4, 4))), Level(Squeeze(), steps(8), None)]
    return Flow(GlowConfig(8, channels=1, n_bits=4, num_levels=2), levels, OneStd())


def main(out: str, count: int = 200) -> float:
    """Train for ``count`` steps, save the weights, and return the held-out bits per dimension."""
    from sklearn.datasets import load_digits  # here, so that its absence is one line

    torch.manual_seed(0)
    digits = torch.from_numpy(load_digits().images * 16).clamp(max=255).to(torch.uint8)[:, None]
    train, held_out = digits[:1500], digits[1500:]
    model = build()
    model.initialize(train[:256])
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    for _ in range(count):
        loss = model(train[torch.randint(len(train), (64,))]).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        bits = float(model(held_out).mean())
        error = (model.decode(model.encode(held_out)) - held_out / 255).abs().max()
    torch.save(model.state_dict(), out)
    print(f"{bits:.2f} held-out bits/dim, largest reconstruction error {error:.1e}, weights in {out}")
    return bits


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", metavar="OUT.pt", help="file to write the weights to")
    try:
        main(parser.parse_args().out)
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] != "sklearn":
            raise
        sys.exit("error: scikit-learn, which holds the digits, is not installed; pip install scikit-learn")
    except (OSError, RuntimeError) as error:
        sys.exit(f"error: {error}")
