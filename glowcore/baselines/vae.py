"""A convolutional variational auto-encoder (Kingma & Welling 2014): the lossy contrast to a flow."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from glowcore import config_checks, likelihood
from glowcore.baselines.discretised_logistic import bin_log_prob
from glowcore.baselines.vae_nets import Decoder, Encoder
from glowcore.errors import ConfigError
from glowcore.inputs import check_values, nan_where_refused
from glowcore.latents import Latents
from glowcore.likelihood_model import LikelihoodModel, Noise
from glowcore.priors import checked_seeds, draw_noise, noise_log_prob
from glowcore.temperature import temperatures

#: Bounds of the encoder's log-std and of the decoder's log-scale, far outside the values that training reaches.
LOG_STD_BOUNDS = (-8.0, 4.0)
LOG_SCALE_BOUNDS = (-7.0, 0.0)


@dataclass(frozen=True)
class VAEConfig(config_checks.ImageConfig):
    """Settings of a VAE. With the defaults it has as many parameters as a Glow of L3 K8 and 64 hidden channels.

    Args:
        image_size: side of the pictures in pixels, or ``(height, width)``. Each is a multiple of ``2**num_levels``.
        channels: 3 for colour, 1 for greyscale, or any other number up to 64.
        n_bits: bits per value that likelihoods and training quantise to, 1 to 8.
        num_levels: halvings of the picture on its way to the latent.
        hidden_channels: width of the networks at half the picture's size, doubled with every further halving.
        latent_dims: size of the latent that a picture is compressed to.

    Raises:
        ConfigError: a value outside these ranges; nothing is allocated then.
    """

    num_levels: int = 3
    hidden_channels: int = 20
    latent_dims: int = 80

    model_name: ClassVar[str] = "vae"

    def check(self) -> None:
        """See :meth:`ImageConfig.check`."""
        config_checks.check_int("num_levels", self.num_levels, 1, 10)
        config_checks.check_int("hidden_channels", self.hidden_channels, 1, 1024)
        config_checks.check_int("latent_dims", self.latent_dims, 1, 65536)


class VAE(LikelihoodModel):
    r"""Pictures compressed to ``latent_dims`` numbers and back, with a bound on their likelihood.

    Encoder :math:`q(z|x) = N(m(x), \mathrm{diag}\,s(x)^2)`, prior :math:`p(z) = N(0, I)`, and as decoder
    :math:`p(k|z)` a discretised logistic distribution of every value
    (:mod:`glowcore.baselines.discretised_logistic`). Unlike a flow it has no exact likelihood but the evidence lower
    bound (ELBO), and ``decode(encode(x))`` is not x.

    ``encode`` returns the mean of q as :class:`~glowcore.latents.Latents` with one level ``[B, latent_dims, 1, 1]``,
    fewer numbers than the picture has, and without ``log_prob``.
    """

    def __init__(self, config: VAEConfig) -> None:
        super().__init__(config)
        size = tuple(side >> config.num_levels for side in config.height_width)
        widths = [config.hidden_channels * 2**index for index in range(config.num_levels)]
        self.encoder = Encoder(config.channels, widths, size, 2 * config.latent_dims)
        self.decoder = Decoder(config.latent_dims, widths, size, 2 * config.channels)

    @property
    def _reference(self) -> Tensor:
        """A weight whose device and dtype are those of the model."""
        return self.decoder.first.weight

    def encode(self, images: Tensor, y: None = None) -> Latents:
        """Return the mean of q(z|x) of pictures ``[B, C, H, W]``, floats in [0, 1] or uint8.

        Raises:
            ConfigError: pictures of another shape or dtype, or a class ``y``, since a VAE has no classes.
        """
        _refuse_classes(y)
        return Latents([self.posterior(self.as_float(images))[0][:, :, None, None]])

    def decode(self, latents: Latents) -> Tensor:
        """Return the decoder's mean, ``[B, C, H, W]`` in [0, 1]: the most likely pictures of these latents."""
        [level] = self.checked_levels(latents)
        mean, _ = self.predict(level[:, :, 0, 0])
        # The 8-bit value v covers the cell around x = (v + 1/2) / 256 of the unit interval, and is the picture v / 255.
        return ((256 * mean - 0.5) / 255).clamp(0, 1)

    def bits_per_dim(self, images: Tensor, y: None = None, *, generator: Noise = None) -> Tensor:
        r"""Return a bound on bits per dimension, ``[B]``, of pictures quantised to ``config.n_bits``.

        .. math:: -\frac{\log p(k|z) + \log p(z) - \log q(z|x)}{D \ln 2}, \qquad z = m + s \odot \epsilon

        with one draw of z per picture; its mean over draws is the negative evidence lower bound (ELBO) in bits per
        dimension, an upper bound on the code length. The bits per dimension of a flow bound the same number, by
        dequantisation. Differentiable: this is the training loss. The noise comes from ``generator`` as in
        :meth:`glowcore.flow.Flow.bits_per_dim`.

        Raises:
            ConfigError: as :meth:`glowcore.flow.Flow.bits_per_dim`, or a class ``y``, since a VAE has no classes.
        """
        _refuse_classes(y)
        checked = self.checked_images(images)
        check_values(images)
        k = likelihood.bins(checked, self.config.n_bits)
        values = (k.to(self.dtype) + 0.5) / 2**self.config.n_bits
        mean, log_std = self.posterior(nan_where_refused(checked, values))
        eps = likelihood.drawn(torch.randn, (len(k), self.config.latent_dims), generator, "cpu")
        eps = eps.to(self.device, self.dtype)
        z = mean + log_std.exp() * eps
        value_mean, log_scale = self.predict(z)
        log_likelihood = bin_log_prob(k, value_mean, log_scale, self.config.n_bits).sum(dim=(1, 2, 3))
        log_prior, log_eps = (noise_log_prob(noise[:, :, None, None]) for noise in (z, eps))
        elbo = log_likelihood + log_prior - (log_eps - log_std.sum(dim=1))
        return -elbo / (self.num_dims * math.log(2))

    def posterior(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log-std of q(z|x), each ``[B, latent_dims]``, of pictures in [0, 1]."""
        stats = self.encoder(2 * values - 1).to(self.dtype)
        mean, log_std = stats.chunk(2, dim=1)
        return mean, _within(log_std, *LOG_STD_BOUNDS)

    def predict(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log-scale of every value on the unit interval, each ``[B, C, H, W]``."""
        mean, log_scale = self.decoder(z).to(self.dtype).chunk(2, dim=1)
        return 0.5 + 0.5 * mean, _within(log_scale - 3, *LOG_SCALE_BOUNDS)

    def latent_shapes(self) -> list[tuple[int, int, int]]:
        """Return ``(c, h, w)`` of the only level."""
        return [(self.config.latent_dims, 1, 1)]

    def sample_latents(
        self, seeds: Iterable[int], temperature: float | Sequence[float] = 1.0, y: None = None
    ) -> Latents:
        """Draw latents from the prior, one picture per seed, times a temperature (a number, or a sequence of one).

        Raises:
            ConfigError: no seeds, an invalid seed or temperature, or a class ``y``, since a VAE has no classes.
        """
        _refuse_classes(y)
        [factor], shape = temperatures(temperature, 1), self.latent_shapes()[0]
        noise = [draw_noise(shape, torch.Generator().manual_seed(seed)) for seed in checked_seeds(seeds)]
        return Latents([factor * torch.stack(noise).to(self.device, self.dtype)])

    def for_display(self, decoded: Tensor) -> Tensor:
        """Return decoded samples as they are: the decoder's mean is smooth and in [0, 1] already."""
        return decoded


def _refuse_classes(y: object) -> None:
    if y is not None:
        raise ConfigError(f"y is {' '.join(repr(y).split()):.40}, but a VAE has no classes")


def _within(values: Tensor, low: float, high: float) -> Tensor:
    """Bound values smoothly: ``clamp`` has no gradient outside the bounds, so that training could not return."""
    values = high - F.softplus(high - values)
    return low + F.softplus(values - low)
