"""One step of flow: actnorm, permutation, coupling (Glow, figure 2a)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from glowcore.transforms.actnorm import ActNorm
from glowcore.transforms.base import Transform, is_exactly, pull_back_through
from glowcore.transforms.conv1x1 import ChannelLinear, InvertibleConv1x1, InvertibleConv1x1LU
from glowcore.transforms.coupling import Coupling
from glowcore.transforms.mixing import Mixing, mixing_parameters, mixings
from glowcore.transforms.permutation import Permutation


class FlowStep(Transform):
    r"""``coupling(permutation(actnorm(x)))``.

    If the permutation is a 1x1 convolution, actnorm and permutation are composed into one affine map
    (:mod:`glowcore.transforms.mixing`) and not called. They are called if one of them has hooks or is of a class of
    the user's.
    """

    def __init__(self, actnorm: ActNorm, permutation: ChannelLinear | Permutation, coupling: Coupling) -> None:
        super().__init__()
        self.actnorm = actnorm
        self.permutation = permutation
        self.coupling = coupling

    @torch.no_grad()
    def initialize(self, x: Tensor) -> None:
        """Initialise actnorm and the coupling's network, each from its own input, unless that was done before."""
        if self.actnorm.initialized:
            return
        self.actnorm.initialize(x)
        self.coupling.initialize(self.mix(x)[0])

    def mix(self, x: Tensor, mixing: Mixing | None = None) -> tuple[Tensor, Tensor]:
        """Apply actnorm and permutation."""
        if mixing is None:
            if not folds(self):
                h, first = self.actnorm(x)
                h, second = self.permutation(h)
                return h, first + second
            mixing = self.mixing()
        return mixing(x)

    def unmix(self, z: Tensor, unmixing: Mixing | None = None) -> tuple[Tensor, Tensor]:
        """Undo :meth:`mix`."""
        if unmixing is None:
            if not folds(self):
                h, first = self.permutation.inverse(z)
                h, second = self.actnorm.inverse(h)
                return h, first + second
            unmixing = self.mixing().inverse()
        return unmixing(z)

    def forward(self, x: Tensor, mixing: Mixing | None = None) -> tuple[Tensor, Tensor]:
        """Map data to latent; ``mixing`` is the composed actnorm and 1x1 convolution if the caller has it already."""
        h, first = self.mix(x, mixing)
        z, second = self.coupling(h)
        return z, first + second

    def inverse(self, z: Tensor, unmixing: Mixing | None = None) -> tuple[Tensor, Tensor]:
        """Map latent to data; ``unmixing`` is the inverse of ``mixing`` if the caller has it already."""
        h, first = self.coupling.inverse(z)
        x, second = self.unmix(h, unmixing)
        return x, first + second

    def pull_back(self, z: Tensor, grad_z: Tensor, grad_logdet: Tensor) -> tuple[Tensor, Tensor, list[Tensor | None]]:
        """See :meth:`Transform.pull_back`; the coupling's network is evaluated once."""
        if not is_exactly(self, FlowStep):
            return super().pull_back(z, grad_z, grad_logdet)
        h, grad_h, coupling_grads = self.coupling.pull_back(z, grad_z, grad_logdet)
        with torch.no_grad():
            x, _ = self.unmix(h)
        x, grad_x, mixing_grads = pull_back_through(mixing_parameters([self]), self.mix, x, grad_h, grad_logdet)
        return x, grad_x, [*mixing_grads, *coupling_grads]

    def mixing(self) -> Mixing:
        """Return actnorm and 1x1 convolution composed into one affine map."""
        return mixings([self]).each()[0]


def folds(step: FlowStep) -> bool:
    """Return whether the actnorm and the permutation of a step can be composed into one affine map of the channels."""
    return is_exactly(step.actnorm, ActNorm) and is_exactly(step.permutation, InvertibleConv1x1, InvertibleConv1x1LU)


def mix_alike(steps: Sequence[Transform]) -> bool:
    """Return whether :func:`mixings` can compose the maps of these steps together."""
    return (
        all(is_exactly(step, FlowStep) and folds(step) for step in steps)
        and len({type(step.permutation) for step in steps}) == 1
    )
