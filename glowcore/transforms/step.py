"""One step of flow: actnorm, permutation, coupling (Glow, figure 2a)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import starmap

import torch
from torch import Tensor

from glowcore.transforms.actnorm import ActNorm
from glowcore.transforms.base import Transform, hooked, pull_back_through, replaced
from glowcore.transforms.conv1x1 import ChannelLinear
from glowcore.transforms.coupling import Coupling
from glowcore.transforms.mixing import Mixing, MixingGradients, mixing_parameters, mixings
from glowcore.transforms.permutation import Permutation


class FlowStep(Transform):
    r"""``coupling(permutation(actnorm(x)))``.

    Where the permutation is a 1x1 convolution, actnorm is folded into it (:mod:`glowcore.transforms.mixing`), and
    neither is called; both are where either is hooked, or of a subclass with another map.
    """

    def __init__(self, actnorm: ActNorm, permutation: ChannelLinear | Permutation, coupling: Coupling) -> None:
        super().__init__()
        self.actnorm = actnorm
        self.permutation = permutation
        self.coupling = coupling

    @torch.no_grad()
    def initialize(self, x: Tensor) -> None:
        """Initialise actnorm and the coupling's network from ``x``, each on its input; once."""
        if self.actnorm.initialized:
            return
        self.actnorm.initialize(x)
        self.coupling.initialize(self.mix(x)[0])

    def mix(self, x: Tensor, mixing: Mixing | None = None) -> tuple[Tensor, Tensor]:
        """Apply actnorm and permutation."""
        if mixing is None:
            if not folds(self.actnorm, self.permutation):
                h, first = self.actnorm(x)
                h, second = self.permutation(h)
                return h, first + second
            mixing = self.mixing()
        return mixing(x)

    def unmix(self, z: Tensor, unmixing: Mixing | None = None) -> tuple[Tensor, Tensor]:
        """Undo :meth:`mix`."""
        if unmixing is None:
            if not folds(self.actnorm, self.permutation):
                h, first = self.permutation.inverse(z)
                h, second = self.actnorm.inverse(h)
                return h, first + second
            unmixing = self.mixing().inverse()
        return unmixing(z)

    def forward(self, x: Tensor, mixing: Mixing | None = None) -> tuple[Tensor, Tensor]:
        """Map data to latent; ``mixing`` saves composing actnorm and 1x1 convolution where that was done before."""
        h, first = self.mix(x, mixing)
        z, second = self.coupling(h)
        return z, first + second

    def inverse(self, z: Tensor, unmixing: Mixing | None = None) -> tuple[Tensor, Tensor]:
        """Map latent to data; ``unmixing``, the inverse of ``mixing``, saves computing it."""
        h, first = self.coupling.inverse(z)
        x, second = self.unmix(h, unmixing)
        return x, first + second

    def pull_back(self, z: Tensor, grad_z: Tensor, grad_logdet: Tensor) -> tuple[Tensor, Tensor, list[Tensor | None]]:
        """Recover ``x`` and pull gradients back, the coupling's network evaluated once."""
        if not is_plain(self):
            return super().pull_back(z, grad_z, grad_logdet)
        h, grad_h, of_coupling = self.coupling.pull_back(z, grad_z, grad_logdet)
        if folds(self.actnorm, self.permutation):
            mixing = MixingGradients([self])
            x, grad_x = mixing.pull_back(0, h, grad_h, grad_logdet)
            return x, grad_x, [*mixing.gradients(), *of_coupling]
        with torch.no_grad():
            x, _ = self.unmix(h)
        x, grad_x, of_mixing = pull_back_through(mixing_parameters([self]), self.mix, x, grad_h, grad_logdet)
        return x, grad_x, [*of_mixing, *of_coupling]

    def mixing(self) -> Mixing:
        """Return actnorm and 1x1 convolution as one affine map."""
        return mixings([self]).each()[0]


def is_plain(step: Transform) -> bool:
    """Whether a step computes what a :class:`FlowStep` does: a subclass may compute anything else."""
    if not isinstance(step, FlowStep):
        return False
    return not replaced(step, FlowStep, "forward", "inverse", "mix", "unmix", "mixing")


def folds(actnorm: Transform, permutation: Transform) -> bool:
    """Whether two parts of a step are one affine map of the channels, and nobody minds that they are not called."""
    return (
        isinstance(actnorm, ActNorm)
        and isinstance(permutation, ChannelLinear)
        and not replaced(actnorm, ActNorm, "forward", "inverse", "logdet")
        and not replaced(permutation, ChannelLinear, "forward", "inverse", "weight", "inverse_weight", "log_abs_det")
        and not hooked(actnorm)
        and not hooked(permutation)
    )


def mix_alike(steps: Sequence[Transform]) -> bool:
    """Whether :func:`mixings` can take these steps together."""
    if not all(map(is_plain, steps)):
        return False
    parts = [(step.actnorm, step.permutation) for step in steps]
    return len({type(permutation) for _, permutation in parts}) == 1 and all(starmap(folds, parts))
