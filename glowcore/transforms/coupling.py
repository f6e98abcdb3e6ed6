"""Coupling layers of NICE, Real NVP and Glow: one half of a picture determines an affine map of the other half."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from glowcore.errors import ConfigError
from glowcore.transforms.affine_move import affine_move, affine_move_back, affine_pull_back
from glowcore.transforms.base import Transform, exact_arithmetic, is_exactly, local_gradients
from glowcore.transforms.partition import ChannelHalves, Checkerboard, OddEven

Partition = ChannelHalves | Checkerboard | OddEven


def summed(log_s: Tensor) -> Tensor:
    """Return the sum of each picture's values, ``[B]``, for any shape that a partition gives a half."""
    return log_s.sum(dim=tuple(range(1, log_s.ndim)))


class Coupling(Transform):
    """Base class of couplings.

    One half, ``x_a``, passes through, and ``h = net(x_a)`` parametrises the map of the other half, ``x_b``. Subclasses
    define this map in ``move`` and ``move_back``. ``h`` has the shape of ``x_b`` with ``OUTPUTS`` times the size in
    dimension 1: channels, or the values of the vectors of NICE's partition.

    Args:
        net: a deterministic network. The inverse evaluates it at the same ``x_a`` again, and so do the memory modes
            that keep no activations; only training in memory mode "full" allows dropout. If the network has a method
            ``initialize(x_a)``, the first batch is passed to it.
        partition: the two halves (:mod:`glowcore.transforms.partition`); by default the first and the second half of
            the channels.

    Raises:
        ConfigError: when called, if ``h`` is no tensor or has another shape.
    """

    #: Network outputs per moved channel; with None, that of a subclass which defines none, ``h`` is not checked.
    OUTPUTS: int | None = None

    def __init__(self, net: nn.Module, partition: Partition | None = None) -> None:
        super().__init__()
        self.net = net
        self.partition = partition or ChannelHalves()

    @torch.no_grad()
    def initialize(self, x: Tensor) -> None:
        """Initialise the network from the batch ``x`` if it has a method for that."""
        if hasattr(self.net, "initialize"):
            self.net.initialize(self.partition.halve(x)[0])

    def _outputs(self, x_a: Tensor, x_b: Tensor) -> Tensor:
        """Return ``h``. Of one that only broadcasts, ``log s`` would be summed over too few values."""
        h = self.net(x_a)
        if self.OUTPUTS is not None:
            expected = (x_b.shape[0], self.OUTPUTS * x_b.shape[1], *x_b.shape[2:])
            if not isinstance(h, Tensor) or h.shape != expected:
                found = list(h.shape) if isinstance(h, Tensor) else f"a {type(h).__name__}"
                raise ConfigError(
                    f"the network of {type(self).__name__} returned {found} for {list(x_a.shape)}, expected "
                    f"{list(expected)} ({self.OUTPUTS} for each moved channel)"
                )
        return h.to(x_b.dtype)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map data to latent."""
        x_a, x_b = self.partition.halve(x)
        h = self._outputs(x_a, x_b)
        with exact_arithmetic(x):
            z_b, logdet = self.move(x_b, h)
            return self.partition.join(x_a, z_b), logdet

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Map latent to data."""
        z_a, z_b = self.partition.halve(z)
        h = self._outputs(z_a, z_b)
        with exact_arithmetic(z):
            x_b, logdet = self.move_back(z_b, h)
            return self.partition.join(z_a, x_b), logdet

    def pull_back(self, z: Tensor, grad_z: Tensor, grad_logdet: Tensor) -> tuple[Tensor, Tensor, list[Tensor | None]]:
        """See :meth:`Transform.pull_back`; the network is evaluated once, for the inversion and the gradients."""
        if not is_exactly(self, AdditiveCoupling, AffineCoupling, TanhCoupling):
            return super().pull_back(z, grad_z, grad_logdet)
        x_a, z_b = self.partition.halve(z.detach())
        x_a.requires_grad_()
        grad_a, grad_b = self.partition.halve(grad_z)
        with torch.enable_grad():
            h = self._outputs(x_a, z_b)
        with exact_arithmetic(z):
            grad_b = self.partition.moving(grad_b)
            x_b, grad_b, net_grad_a, grads = self._pull_back_move(x_a, z_b, h, grad_b, grad_logdet)
        if net_grad_a is not None:  # None if the network ignores its input
            grad_a = grad_a + net_grad_a
        return self.partition.join(x_a.detach(), x_b), self.partition.join(grad_a, grad_b), grads

    def _pull_back_move(
        self, x_a: Tensor, z_b: Tensor, h: Tensor, grad_b: Tensor, grad_logdet: Tensor
    ) -> tuple[Tensor, Tensor, Tensor | None, list[Tensor | None]]:
        """Recover ``x_b`` and compute the vector-Jacobian product of ``move(x_b, net(x_a))`` by autograd.

        ``h`` is ``net(x_a)`` with its graph. Returns ``x_b``, its gradient, the gradient of ``x_a`` and those of the
        parameters, as :func:`~glowcore.transforms.base.local_gradients`.
        """
        with torch.no_grad():
            x_b, _ = self.move_back(z_b, h)
        x_b.requires_grad_()
        with torch.enable_grad():
            outputs = self.move(x_b, h)
        (grad_a, grad_b), grads = local_gradients(self.parameters(), outputs, (grad_b, grad_logdet), (x_a, x_b))
        return x_b.detach(), grad_b, grad_a, grads

    def move(self, x_b: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        """Return ``z_b`` and the log-determinant ``[B]``."""
        raise NotImplementedError(f"{type(self).__name__} defines no move")

    def move_back(self, z_b: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        """Return ``x_b`` and the log-determinant of the inverse, ``[B]``."""
        raise NotImplementedError(f"{type(self).__name__} defines no move_back")


class AdditiveCoupling(Coupling):
    r"""Volume-preserving coupling (Dinh et al. 2014, section 3.2): :math:`z_b = x_b + h(x_a)`, logdet 0."""

    OUTPUTS = 1

    def move(self, x_b: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        """Return ``z_b`` and the log-determinant ``[B]``."""
        return x_b + h, x_b.new_zeros(x_b.shape[0])

    def move_back(self, z_b: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        """Return ``x_b`` and the log-determinant of the inverse, ``[B]``."""
        return z_b - h, z_b.new_zeros(z_b.shape[0])


class AffineCoupling(Coupling):
    r"""Affine coupling in the form of Glow's code (Kingma & Dhariwal 2018, table 1), with a floor on the scale.

    .. math::
        (t, r) = h(x_a), \quad s = m + (1 - m)\,\mathrm{sigmoid}(r + 2), \quad z_b = (x_b + t) \odot s,
        \qquad x_b = z_b / s - t, \qquad \mathrm{logdet} = \textstyle\sum \log s

    The paper has ``scale_min`` m = 0. The inverse divides by s: with m = 0 an out-of-distribution picture can drive
    s to 0 and the inverse to infinity (Behrmann et al. 2021). With m > 0 the division magnifies an error of ``z_b`` by
    1 / m at most; an error of ``z_a`` also passes through the network.
    """

    OUTPUTS = 2

    def __init__(self, net: nn.Module, scale_min: float = 0.0, partition: Partition | None = None) -> None:
        super().__init__(net, partition)
        self.scale_min = scale_min

    def move(self, x_b: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        """Return ``z_b`` and the log-determinant ``[B]``."""
        z_b, log_s = affine_move(x_b, h, self.scale_min)
        return z_b, summed(self.partition.moving(log_s))

    def move_back(self, z_b: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        """Return ``x_b`` and the log-determinant of the inverse, ``[B]``."""
        x_b, log_s = affine_move_back(z_b, h, self.scale_min)
        return x_b, -summed(self.partition.moving(log_s))

    def _pull_back_move(
        self, x_a: Tensor, z_b: Tensor, h: Tensor, grad_b: Tensor, grad_logdet: Tensor
    ) -> tuple[Tensor, Tensor, Tensor | None, list[Tensor | None]]:
        """See :meth:`Coupling._pull_back_move`; the gradients of ``x_b`` and ``h`` in closed form, which is faster."""
        grad_log_s = self.partition.moving(grad_logdet.reshape(-1, *[1] * (z_b.ndim - 1)))
        x_b, grad_b, grad_h = affine_pull_back(z_b, h.detach(), self.scale_min, grad_b, grad_log_s)
        (grad_a,), grads = local_gradients(self.parameters(), (h,), (grad_h,), (x_a,))
        return x_b, grad_b, grad_a, grads


class TanhCoupling(Coupling):
    r"""Affine coupling (Dinh et al. 2016, section 3.2), its log-scale bounded by a learned limit.

    .. math::
        (t, r) = h(x_a), \quad s = \lambda \tanh(r), \quad z_b = x_b \odot e^{s} + t,
        \qquad x_b = (z_b - t) \odot e^{-s}, \qquad \mathrm{logdet} = \textstyle\sum s

    :math:`\lambda`, one for each moving channel, is initialised to 1.
    """

    OUTPUTS = 2

    def __init__(self, net: nn.Module, channels: int, partition: Partition | None = None) -> None:
        super().__init__(net, partition)
        self.limit = nn.Parameter(torch.ones(channels))

    def _shift_log_scale(self, h: Tensor) -> tuple[Tensor, Tensor]:
        """Return ``t`` and ``s``, each of the shape of the half that moves."""
        t, raw = h.chunk(2, dim=1)
        return t, self.limit.reshape(-1, *[1] * (raw.ndim - 2)) * raw.tanh()

    def move(self, x_b: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        """Return ``z_b`` and the log-determinant ``[B]``."""
        t, log_s = self._shift_log_scale(h)
        return x_b * log_s.exp() + t, summed(self.partition.moving(log_s))

    def move_back(self, z_b: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        """Return ``x_b`` and the log-determinant of the inverse, ``[B]``."""
        t, log_s = self._shift_log_scale(h)
        return (z_b - t) * (-log_s).exp(), -summed(self.partition.moving(log_s))
