"""One step of flow: actnorm, permutation, coupling (Glow, figure 2a)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from glowcore.transforms.actnorm import ActNorm
from glowcore.transforms.base import Transform, exact_arithmetic, local_gradients, pull_back_through
from glowcore.transforms.conv1x1 import ChannelLinear
from glowcore.transforms.coupling import Coupling
from glowcore.transforms.permutation import Permutation


class FlowStep(Transform):
    r"""``coupling(permutation(actnorm(x)))``.

    Where the permutation is a 1x1 convolution, actnorm is folded into it, one operator instead of three:
    :math:`W((x + b) \odot e^s) = (W \mathrm{diag}(e^s))\,x + W (b \odot e^s)`.
    """

    def __init__(self, actnorm: ActNorm, permutation: ChannelLinear | Permutation, coupling: Coupling) -> None:
        super().__init__()
        self.actnorm = actnorm
        self.permutation = permutation
        self.coupling = coupling

    @torch.no_grad()
    def initialize(self, x: Tensor) -> None:
        """Initialise actnorm and the coupling's network from ``x``, each on what reaches it; once."""
        if self.actnorm.initialized:
            return
        self.actnorm.initialize(x)
        self.coupling.initialize(self.mix(x)[0])

    def mix(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Apply actnorm and permutation."""
        if not isinstance(self.permutation, ChannelLinear):
            h, first = self.actnorm(x)
            h, second = self.permutation(h)
            return h, first + second
        with exact_arithmetic(x):
            weight, bias, logdet = self.folded()
            z = F.conv2d(x, weight[:, :, None, None], bias)
            return z, (logdet * (x.shape[2] * x.shape[3])).expand(x.shape[0])

    def unmix(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Undo :meth:`mix`."""
        if not isinstance(self.permutation, ChannelLinear):
            h, first = self.permutation.inverse(z)
            h, second = self.actnorm.inverse(h)
            return h, first + second
        with exact_arithmetic(z):
            weight = self.permutation.inverse_weight() * (-self.actnorm.log_scale).exp().double()[:, None]
            x = F.conv2d(z, weight.to(z.dtype)[:, :, None, None], -self.actnorm.bias)
            logdet = self.position_logdet()
            return x, (-logdet * (z.shape[2] * z.shape[3])).expand(z.shape[0])

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map data to latent."""
        h, first = self.mix(x)
        z, second = self.coupling(h)
        return z, first + second

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Map latent to data."""
        h, first = self.coupling.inverse(z)
        x, second = self.unmix(h)
        return x, first + second

    def pull_back(
        self, z: Tensor, grad_z: Tensor, grad_logdet: Tensor
    ) -> tuple[Tensor, Tensor, list[Tensor | None]]:
        """Recover ``x`` and pull gradients back, the coupling's network evaluated once."""
        h, grad_h, of_coupling = self.coupling.pull_back(z, grad_z, grad_logdet)
        mixing = [*self.actnorm.parameters(), *self.permutation.parameters()]
        with torch.no_grad():
            x, _ = self.unmix(h)
        if not isinstance(self.permutation, ChannelLinear):
            x, grad_x, of_mixing = pull_back_through(mixing, self.mix, x, grad_h, grad_logdet)
            return x, grad_x, [*of_mixing, *of_coupling]
        # Without a second look at the picture: only weight, bias and log-determinant need a graph, and they are small.
        with exact_arithmetic(z):
            with torch.enable_grad():
                weight, bias, logdet = self.folded()
            channels = len(bias)
            grad_x, of_weight, of_bias = torch.ops.aten.convolution_backward(
                grad_h, x, weight.detach()[:, :, None, None], [channels], [1, 1], [0, 0], [1, 1], False, [0, 0], 1,
                (True, True, True),
            )
            grads = (of_weight.reshape(channels, channels), of_bias, grad_logdet.sum() * (x.shape[2] * x.shape[3]))
            _, of_mixing = local_gradients(mixing, (weight, bias, logdet), grads, ())
        return x, grad_x, [*of_mixing, *of_coupling]

    def folded(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return weight ``[C, C]`` and bias ``[C]`` of the 1x1 convolution that does actnorm and permutation in one,
        and its log-determinant at one position."""
        weight = self.permutation.weight() * self.actnorm.log_scale.exp()
        return weight, weight @ self.actnorm.bias, self.position_logdet()

    def position_logdet(self) -> Tensor:
        """Return the log-determinant of actnorm and 1x1 convolution at one position, a scalar."""
        return self.permutation.log_abs_det() + self.actnorm.log_scale.sum()
