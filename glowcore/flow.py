"""A normalizing flow over several levels: pictures to latents and back, likelihoods, samples."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Self

import torch
from torch import Tensor, nn

from glowcore import config_checks, likelihood
from glowcore.devices import forbid_tf32
from glowcore.errors import ConfigError
from glowcore.initialization import is_trained
from glowcore.inputs import check_values
from glowcore.latents import Latents
from glowcore.levels import Level, latent_shapes
from glowcore.likelihood_model import LikelihoodModel, Noise
from glowcore.priors import PRIORS, TopPrior, checked_seeds, draw_noise, noise_log_prob
from glowcore.reversible import MEMORY_MODES, DriftMeter, nondeterministic
from glowcore.temperature import temperatures
from glowcore.transforms.base import Transform

if TYPE_CHECKING:
    from glowcore.classes import ClassHead
    from glowcore.fused import FusedFlow


class Flow(LikelihoodModel):
    """An exactly invertible model of pictures with an exact log-likelihood.

    Pictures are ``[B, C, H, W]``, floats in [0, 1] or uint8 (v / 255). ``encode``, ``decode`` and ``log_prob``
    neither quantise nor clamp values, are differentiable, and return the dtype of the model's weights; those of
    16 bits only decode and sample. Build a flow with :func:`glowcore.build`, load one with :func:`glowcore.load`.

    Attributes beside those of :class:`~glowcore.likelihood_model.LikelihoodModel`:
        memory: which activations a training step keeps: ``"full"``, ``"checkpoint"`` or ``"reversible"``
            (:mod:`glowcore.reversible`). Decoding with gradients keeps the inputs of steps in all but ``"full"``. These
            modes need deterministic networks: modules with dropout or running statistics in training are refused, here
            and by :meth:`train`, and others whose changing buffers change their output (spectral norm) when evaluated.
        anchor_every: number of steps between the kept inputs (anchors) of reversible mode, a whole number up to
            2**31 - 1; 0 for no anchors.
        drift: the error of the inverse at the anchors (:class:`~glowcore.reversible.DriftMeter`).
    """

    invertible = True

    def __init__(
        self,
        config: Any,
        levels: Sequence[Level],
        top_prior: TopPrior,
        *,
        preprocess: Transform | None = None,
        prior: str = "gaussian",
        class_head: ClassHead | None = None,
    ) -> None:
        super().__init__(config)
        if isinstance(config, dict):
            raise ConfigError("config is a dict, expected a config such as GlowConfig(**config)")
        lacking = [method for method in ("labels", "inverse") if not hasattr(top_prior, method)]
        if lacking:
            raise ConfigError(
                f"top_prior is a {type(top_prior).__name__} without {', '.join(lacking)}, expected a module with "
                "labels, forward and inverse, as those of glowcore.priors.TopPrior"
            )
        config_checks.check_choice("prior", prior, PRIORS)
        self.preprocess = preprocess
        self.levels = nn.ModuleList(levels)
        for number, level in enumerate(self.levels, 1):
            if not hasattr(level, "split"):  # a compiled or wrapped level is no instance
                raise ConfigError(f"level {number} is a {type(level).__name__}, expected a glowcore.levels.Level")
            if (level.split is None) != (number == len(self.levels)):
                found = "no split" if level.split is None else "a split"
                raise ConfigError(
                    f"level {number} of {len(self.levels)} has {found}, expected one in every level but the last (the "
                    "steps of one level may hold several squeezes)"
                )
        self.top_prior = top_prior
        self.class_head = class_head
        self.prior = prior
        shape = (config.channels, *config.height_width)
        self._latent_shapes = latent_shapes(self.levels, shape)  # read at every decoding
        self._memory = "full"
        self._anchor_every = 0
        self.drift = DriftMeter()
        self.register_buffer("initialized", torch.tensor(False))

    @property
    def _reference(self) -> Tensor:
        """A weight whose device and dtype are those of the model: the statistics of the top prior."""
        stats = getattr(self.top_prior, "stats", None)  # a top prior of one's own may have none
        return super()._reference if stats is None else stats

    @property
    def memory(self) -> str:
        """Memory mode of training: ``"full"``, ``"checkpoint"`` or ``"reversible"``."""
        return self._memory

    @memory.setter
    def memory(self, mode: str) -> None:
        config_checks.check_choice("memory", mode, MEMORY_MODES)
        if mode == "reversible" and self.unrecoverable:
            raise ConfigError(
                f"memory 'reversible' cannot undo {', '.join(self.unrecoverable)}, whose statistics are "
                "the batch's; use 'full' or 'checkpoint'"
            )
        if mode != "full" and self.nondeterministic:
            raise ConfigError(
                f"memory {mode!r} evaluates networks twice, and in training "
                f"{', '.join(self.nondeterministic)} would do something else the second time; use 'full', or "
                "networks without"
            )
        self._memory = mode

    def train(self, mode: bool = True) -> Self:
        """Switch all modules to training mode, or with False to evaluation mode.

        Raises:
            ConfigError: a network has dropout or running statistics, which the mode of :attr:`memory` cannot train. No
                module is switched then.
        """
        before = [(module, module.training) for module in self.modules()]
        super().train(mode)
        if mode:  # checked afterwards, since a module may override ``train``
            try:
                self.memory = self.memory
            except ConfigError:
                for module, training in before:
                    module.training = training
                raise
        return self

    @property
    def anchor_every(self) -> int:
        """Number of steps between the kept inputs (anchors) of reversible mode; 0 for no anchors."""
        return self._anchor_every

    @anchor_every.setter
    def anchor_every(self, steps: int) -> None:
        steps = config_checks.plain(steps)
        config_checks.check_int("anchor_every", steps, 0, 2**31 - 1)
        self._anchor_every = steps

    @property
    def unrecoverable(self) -> list[str]:
        """Class names of the transforms whose input cannot be recovered in training, which rules out ``reversible``."""
        return sorted({type(m).__name__ for m in self.modules() if isinstance(m, Transform) and not m.RECOVERABLE})

    @property
    def nondeterministic(self) -> list[str]:
        """Class names of the modules whose second evaluation would differ, which rules out all modes but ``full``."""
        return nondeterministic(step for level in self.levels for step in level.steps)

    @torch.no_grad()
    def initialize(self, images: Tensor) -> None:
        """Initialise actnorm and the hidden layers from a batch of real pictures, each from the output of those before.

        Call it once, before training: training then starts from latents of mean 0 and standard deviation 1 instead of
        from the identity. A model that is initialised already is not changed, so that a second call never destroys what
        was learned. Nor is one whose weights were set or trained (:func:`glowcore.initialization.is_trained`): that
        is a warning. The pictures are dequantised as in training, with noise from a fixed seed.

        Raises:
            ConfigError: as :meth:`bits_per_dim`, on any device.
        """
        if self.initialized:
            return
        if is_trained(self.levels):
            warnings.warn(
                "the model is not initialised, since its weights are no longer those that it was built with; "
                "initialise a model before you set or train weights",
                stacklevel=3,
            )
            return
        x = self.dequantised(images, torch.Generator().manual_seed(0))
        if not x.isfinite().all():  # on a device other than the CPU no check has read the values
            raise ConfigError("pictures have values far outside of [0, 1], expected floats in [0, 1] or uint8")
        if self.preprocess is not None:
            x, _ = self.preprocess(x)
        for level in self.levels:
            x = level.initialize(x)
        self.initialized.fill_(True)

    def encode(self, images: Tensor, y: Tensor | None = None) -> Latents:
        """Return the latents of pictures with their exact ``log_prob`` (nats, density over the unit cube)."""
        return self.encode_cube(self.as_float(images) - 0.5, y)

    def decode(self, latents: Latents) -> Tensor:
        """Return the pictures of latents, ``[B, C, H, W]``, about [0, 1], not clamped: the inverse of ``encode``."""
        *eps_levels, x = self.raw_levels(latents)
        for level, eps in zip(reversed(self.levels), [None, *reversed(eps_levels)], strict=True):
            x = level.undo(x, eps, self.memory)
        if self.preprocess is not None:
            x, _ = self.preprocess.inverse(x)
        return x + 0.5

    def log_prob(self, images: Tensor, y: Tensor | None = None) -> Tensor:
        """Return the log-density of pictures, ``[B]`` in nats, over the unit cube, without dequantisation."""
        return self.encode(images, y).log_prob

    def bits_per_dim(self, images: Tensor, y: Tensor | None = None, *, generator: Noise = None) -> Tensor:
        """Return bits per dimension, ``[B]``, of pictures quantised to ``config.n_bits`` plus uniform noise.

        ``n_bits - log p(x) / (D ln 2)``, an upper bound on the code length; see :mod:`glowcore.likelihood`. The noise
        is drawn from ``generator``: one for the batch, one for each picture, or torch's global generator if None. The
        result is the training loss. It is differentiable in the weights, not in the pictures, whose quantisation has no
        gradient; use :meth:`log_prob` for that.

        Raises:
            ConfigError: pictures of another shape or dtype, or that require a gradient; floats that are no pictures in
                [0, 1], such as 0 to 255 or standardised ones (:func:`glowcore.inputs.check_values`). On devices other
                than the CPU and under ``torch.compile`` the result is NaN instead. Values slightly outside [0, 1] are
                clamped.
        """
        return self.bits_of(self.encode_dequantised(images, y, generator=generator))

    def encode_dequantised(self, images: Tensor, y: Tensor | None = None, *, generator: Noise = None) -> Latents:
        """Return the latents of pictures dequantised as in training: quantised to ``config.n_bits``, plus noise."""
        return self.encode_cube(self.dequantised(images, generator), y)

    def bits_of(self, latents: Latents) -> Tensor:
        """Return bits per dimension, ``[B]``, of latents from :meth:`encode_dequantised`."""
        return likelihood.bits_per_dim(latents.log_prob, self.num_dims, self.config.n_bits)

    def latent_shapes(self) -> list[tuple[int, int, int]]:
        """Return ``(c, h, w)`` of each level, finest first."""
        return list(self._latent_shapes)

    def sample_latents(
        self, seeds: Iterable[int], temperature: float | Sequence[float] = 1.0, y: Tensor | int | None = None
    ) -> Latents:
        """Draw the latents of one picture for each seed.

        Each picture has its own CPU generator, so that a seed gives the same latents in any batch and on any device.
        The pictures differ at most where rounding takes a value across the edge of a bin.

        Args:
            seeds: whole numbers from 0 to 2**32 - 1.
            temperature: factor of the latents, one number or one for each level, finest first.
            y: class of a class-conditional model, one for all pictures or ``[B]``.

        Raises:
            ConfigError: there are no seeds, or a seed, temperature or class is invalid.
        """
        seeds = checked_seeds(seeds)
        factors = temperatures(temperature, len(self.levels))
        pictures = []
        for seed in seeds:
            generator = torch.Generator().manual_seed(seed)
            pictures.append([draw_noise(shape, generator, self.prior) for shape in reversed(self.latent_shapes())])
        stacked = [torch.stack(level) for level in zip(*pictures, strict=True)][::-1]
        levels = [f * level.to(self.device, self.dtype) for f, level in zip(factors, stacked, strict=True)]
        return Latents(levels, y=self.top_prior.labels(y, len(seeds)), prior=self.prior)

    def for_display(self, decoded: Tensor) -> Tensor:
        """Return decoded samples as they are shown, in [0, 1]: each value at the centre of its bin."""
        return likelihood.bin_centres(decoded, self.config.n_bits)

    def fused(self, dtype: str = "float32", backend: str = "auto") -> FusedFlow:
        """Return the fast form of this model for encode, decode and sample (:mod:`glowcore.fused`)."""
        from glowcore.fused import FusedFlow

        return FusedFlow(self, dtype=dtype, backend=backend)

    def encode_cube(self, x: Tensor, y: Tensor | None) -> Latents:
        """Return the latents of points of the cube [-0.5, 0.5], the model's internal form of pictures."""
        eps_levels = []
        logdet = torch.zeros(x.shape[0], dtype=x.dtype, device=x.device)
        if self.preprocess is not None:
            x, part = self.preprocess(x)
            logdet = logdet + part
        for level in self.levels:
            x, eps, logdet = level.run(x, logdet, self.memory, self.anchor_every, self.drift)
            if eps is not None:
                eps_levels.append(eps)
        return self.finish_encoding(eps_levels, x, logdet, y)

    def finish_encoding(self, eps_levels: list[Tensor], top: Tensor, logdet: Tensor, y: Tensor | None) -> Latents:
        """Return latents with their ``log_prob``, from the raw top level and the log-determinant of all levels."""
        y = self.top_prior.labels(y, top.shape[0])
        eps, part = self.top_prior(top, y)
        levels = [*eps_levels, eps]
        log_prob = logdet + part + sum(noise_log_prob(level, self.prior) for level in levels)
        return Latents(levels, log_prob, y, self.prior)

    def raw_levels(self, latents: Latents) -> list[Tensor]:
        """Return the input of decoding: eps of all levels but the top, and the raw top.

        They are in this model's dtype and on its device; their shapes, prior and labels are checked.
        """
        forbid_tf32(self.device)
        *eps_levels, top = self.checked_levels(latents)
        return [*eps_levels, self.top_prior.inverse(top, self.top_prior.labels(latents.y, len(latents)))]

    def dequantised(self, images: Tensor, generator: Noise) -> Tensor:
        """Return pictures as points of the cube [-0.5, 0.5]: quantised to ``config.n_bits``, plus noise."""
        checked = self.checked_images(images)
        check_values(images)
        return likelihood.dequantise(checked, self.config.n_bits, generator, self.dtype) - 0.5

    def checked_images(self, images: Tensor) -> Tensor:
        """Return pictures on this model's device; their shape and dtype are checked.

        Raises:
            ConfigError: as :func:`glowcore.inputs.checked_images`, or the weights are of 16 bits, in which the
                log-density of a picture is wrong and may be infinite.
        """
        forbid_tf32(self.device)
        if self.dtype.itemsize < 4:
            raise ConfigError(
                f"weights are {self.dtype}, expected torch.float32 or torch.float64 (model.float()); for speed, "
                'torch.autocast and fused("bfloat16") compute the networks alone in 16 bits'
            )
        return super().checked_images(images)
