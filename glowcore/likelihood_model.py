"""The base class of all models: what training, evaluation and the commands use of a flow and of a VAE alike."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor, nn

from glowcore.errors import ConfigError
from glowcore.inputs import checked_images
from glowcore.latents import Latents

if TYPE_CHECKING:
    from glowcore.attributes import AttributeVectors
    from glowcore.classes import ClassHead
    from glowcore.origin import Origin

#: Source of a random draw: one generator for the batch, one per picture, or torch's global one.
Noise = torch.Generator | Sequence[torch.Generator] | None


class LikelihoodModel(nn.Module):
    """A model of pictures ``[B, C, H, W]`` with a likelihood, or a bound on it, and latents.

    A subclass implements ``encode``, ``decode``, ``bits_per_dim``, ``latent_shapes``, ``sample_latents`` and
    ``for_display``; ``forward`` is ``bits_per_dim``. The defaults of ``invertible``, ``prior`` and ``memory`` suit a
    minimal model; subclasses override them.

    Attributes:
        config: the frozen dataclass it was built from.
        metadata: JSON-able facts stored beside the weights (:mod:`glowcore.metadata`).
        attributes: :class:`~glowcore.attributes.AttributeVectors`, or None.
        class_head: the classifier trained beside a class-conditional model (:mod:`glowcore.classes`), or None.
        origin: what :func:`glowcore.load` read (:mod:`glowcore.origin`), or None. Set it to None to save metadata and
            attributes with changed weights.
    """

    #: Whether ``decode`` is the exact inverse of ``encode``.
    invertible: ClassVar[bool] = False
    #: Distribution of the latents (:mod:`glowcore.priors`).
    prior = "gaussian"

    def __init__(self, config: Any) -> None:
        super().__init__()
        self.config = config
        self.metadata: dict[str, Any] = {}
        self.attributes: AttributeVectors | None = None
        self.class_head: ClassHead | None = None
        self.origin: Origin | None = None

    @property
    def image_size(self) -> tuple[int, int]:
        """Height and width of its pictures."""
        return self.config.height_width

    @property
    def num_dims(self) -> int:
        """Number of values per picture, ``C * H * W``."""
        return self.config.channels * math.prod(self.image_size)

    @property
    def _reference(self) -> Tensor:
        """A weight whose device and dtype are those of the model.

        A subclass returns one by name, since the replicas of ``DataParallel`` have no :meth:`parameters`.
        """
        return next(self.parameters())

    @property
    def device(self) -> torch.device:
        """Device of the weights."""
        return self._reference.device

    @property
    def dtype(self) -> torch.dtype:
        """Dtype of the weights."""
        return self._reference.dtype

    @property
    def memory(self) -> str:
        """Which activations a training step keeps: ``"full"``, unless an inverse can recompute them."""
        return "full"

    @memory.setter
    def memory(self, mode: str) -> None:
        if mode != "full":
            raise ConfigError(f"memory {mode!r} is for flows, expected 'full' for a {self.config.model_name}")

    def initialize(self, images: Tensor) -> None:
        """Set the weights that depend on a first batch of uint8 pictures; none by default."""

    def encode(self, images: Tensor, y: Tensor | None = None) -> Latents:
        """Return the latents of pictures, floats in [0, 1] or uint8; ``y`` are classes ``[B]``."""
        raise NotImplementedError

    def decode(self, latents: Latents) -> Tensor:
        """Return the pictures of latents, ``[B, C, H, W]``, about [0, 1]."""
        raise NotImplementedError

    def bits_per_dim(self, images: Tensor, y: Tensor | None = None, *, generator: Noise = None) -> Tensor:
        """Return a bound on bits per dimension, ``[B]``, of pictures quantised to ``config.n_bits``: the loss."""
        raise NotImplementedError

    def forward(self, images: Tensor, y: Tensor | None = None, *, generator: Noise = None) -> Tensor:
        """Return :meth:`bits_per_dim`, ``[B]``, the training loss of each picture.

        ``model(images)`` calls the hooks of the model, and ``DistributedDataParallel(model)(images)`` averages the
        gradients over processes. A ``class_head`` takes no part in this loss: freeze its parameters there
        (``requires_grad_(False)``), since ``DistributedDataParallel`` waits for the gradient of every other parameter.
        """
        return self.bits_per_dim(images, y, generator=generator)

    def latent_shapes(self) -> list[tuple[int, int, int]]:
        """Return ``(c, h, w)`` of each level, finest first."""
        raise NotImplementedError

    def sample_latents(
        self, seeds: Iterable[int], temperature: float | Sequence[float] = 1.0, y: Tensor | int | None = None
    ) -> Latents:
        """Draw latents, one picture per seed, times a temperature (one number, or one per level, finest first)."""
        raise NotImplementedError

    def for_display(self, decoded: Tensor) -> Tensor:
        """Return decoded samples as they are shown, in [0, 1]."""
        raise NotImplementedError

    def as_float(self, images: Tensor) -> Tensor:
        """Return pictures as floats in [0, 1], in this model's dtype and on its device."""
        images = self.checked_images(images)
        if images.dtype == torch.uint8:
            return images.to(self.dtype) / 255
        return images.to(self.dtype)

    def checked_images(self, images: Tensor) -> Tensor:
        """Return pictures on this model's device; their shape and dtype are checked."""
        return checked_images(images, self.config.channels, self.image_size, self.device)

    def checked_levels(self, latents: Latents) -> list[Tensor]:
        """Return the levels of latents in this model's dtype and on its device; their shapes and prior are checked.

        Raises:
            ConfigError: no latents, those of another model, or levels of different numbers of pictures.
        """
        if not isinstance(latents, Latents):
            raise ConfigError(f"latents are of type {type(latents).__name__}, expected Latents, which encode returns")
        expected, shapes = self.latent_shapes(), [tuple(level.shape[1:]) for level in latents.levels]
        if shapes != expected:
            raise ConfigError(f"latents have levels {shapes}, this model's are {expected}")
        sizes = [len(level) for level in latents.levels]
        if len(set(sizes)) > 1:
            raise ConfigError(f"latents have levels of {sizes} pictures, expected the same number in each")
        if latents.prior != self.prior:
            raise ConfigError(f"latents have a {latents.prior} prior, this model's is {self.prior}")
        return [level.to(self.device, self.dtype) for level in latents.levels]

    @torch.no_grad()
    def sample(
        self, seeds: Iterable[int], temperature: float | Sequence[float] = 1.0, y: Tensor | int | None = None
    ) -> Tensor:
        """Return sampled pictures for display, ``[B, C, H, W]`` in [0, 1].

        For the raw values use ``decode(sample_latents(...))``.
        """
        return self.for_display(self.decode(self.sample_latents(seeds, temperature, y)))
