"""A VAE behind a lock: it compresses pictures, and its reconstructions lose detail.

The Reconstruct page shows it beside the engines. No other page does: its latents do not determine the picture, so no
edit, mixture or map of them would be exact.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch

from explorer.catalogue.temperatures import recommended
from explorer.edits.recipe import MODEL_DIGITS
from explorer.engines.device import in_words, release_memory, timed
from explorer.engines.encodings import Encodings, to_values
from explorer.engines.results import Encoded
from explorer.engines.turns import Turns
from explorer.pixels.lost_pictures import from_values
from glowcore import checkpoint, images
from glowcore.baselines import VAE
from glowcore.errors import GlowcoreError
from glowcore.exact import largest_error
from glowcore.latents import Latents
from glowcore.likelihood import NOISE_SEED
from glowcore.out_of_memory import is_out_of_memory

CACHE_BYTES = 8 * 2**20


class Compressor:
    """One loaded VAE. All public methods are thread-safe.

    Attributes:
        name, model_hash, image_size, temperature, class_names, device_words: as of an ``Engine``.
        numbers: how many latents stand for a picture.
    """

    class_names: tuple[str, ...] = ()  # a VAE is never class-conditional

    def __init__(self, model: VAE, name: str = "", model_hash: str = "") -> None:
        self.name, self.model_hash = name, model_hash
        self.config = model.config
        self.image_size: tuple[int, int] = tuple(model.image_size)
        self.numbers: int = sum(c * h * w for c, h, w in model.latent_shapes())
        self.temperature = recommended(model)
        self.turns = Turns()
        self._vae = model
        self._encodings = Encodings(self.image_size, self.config.channels, CACHE_BYTES)

    @classmethod
    def open(cls, folder: str | Path, name: str = "", device: str = "auto") -> Compressor:
        """Load the model in ``folder``.

        Raises:
            CheckpointError: as ``glowcore.load``.
        """
        model = checkpoint.load(folder, device=device)
        return cls(model, name or Path(folder).name, checkpoint.fingerprint(folder)[:MODEL_DIGITS])

    @property
    def device_words(self) -> str:
        """The name of the device for the readout."""
        return in_words(self._vae.device)

    def encode(self, picture: np.ndarray) -> Encoded:
        """Encode a picture, uint8 ``[H, W, 3]`` of any size, and decode it again.

        ``bits_per_dim`` is the negative ELBO in bits per dimension, an upper bound on the negative log-likelihood. It
        uses one draw of the latent, the same for the same picture.
        """
        return self._encodings.get(picture, self._encode)

    def sample(self, seeds: Sequence[int], temperature: Sequence[float]) -> list[np.ndarray]:
        """Return one sampled picture per seed, at a temperature (a sequence of one)."""
        with self._model():
            return from_values(self._vae.sample(seeds, temperature).cpu())

    def timed(self, picture: np.ndarray) -> tuple[float, float]:
        """Return the milliseconds of encoding and of decoding one picture; the cache is not used."""
        picture = images.fit(picture, self.image_size)
        with self._model():
            values = self._values(picture)
            latents, encoding = timed(self._vae.device, lambda: self._vae.encode(values))
            _, decoding = timed(self._vae.device, lambda: self._vae.decode(latents).cpu())
            return encoding, decoding

    def release(self) -> None:
        """Clear the cache and return the device's unused memory; open pages may go on using the compressor."""
        self._encodings.cache.clear()
        release_memory()

    def _encode(self, key: str, picture: np.ndarray) -> Encoded:
        with self._model():
            values = self._values(picture)
            (latents, back), elapsed = timed(self._vae.device, lambda: self._round_trip(values))
            bits = self._vae.bits_per_dim(values, generator=torch.Generator().manual_seed(NOISE_SEED))
            return Encoded(
                key=key,
                latents=latents,
                picture=picture,
                reconstruction=from_values(back)[0],
                max_error=largest_error(back, values),
                bits_per_dim=float(bits[0]),
                milliseconds=elapsed,
            )

    def _round_trip(self, values: torch.Tensor) -> tuple[Latents, torch.Tensor]:
        latents = self._vae.encode(values)
        return latents, self._vae.decode(latents).cpu()

    def _values(self, picture: np.ndarray) -> torch.Tensor:
        return to_values(picture, self.config.channels, self._vae.device)

    @contextmanager
    def _model(self) -> Iterator[None]:
        """Hold the lock, without gradients.

        Raises:
            GlowcoreError: the device has no memory left.
        """
        with self.turns.take(), torch.inference_mode():
            try:
                yield
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                raise GlowcoreError(f"{self.device_words} has no memory left for this model") from error
