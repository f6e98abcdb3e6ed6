"""A model that is no flow, behind one lock: it compresses pictures, and gives back less than went in.

It stands beside the engines on the Reconstruct page, and nowhere else: its latents are no other form of the picture, so
there is nothing exact to edit, mix or map.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch

from explorer.catalogue.temperatures import recommended
from explorer.edits.recipe import MODEL_DIGITS
from explorer.engines.device import in_words, release_memory
from explorer.engines.results import Encoded
from explorer.engines.turns import Turns
from explorer.pixels.cache import ByteLRU
from explorer.pixels.lost_pictures import from_values
from explorer.pixels.pictures import fingerprint, in_channels
from glowcore import checkpoint, images
from glowcore.baselines import VAE
from glowcore.errors import GlowcoreError
from glowcore.exact import largest_error
from glowcore.image_difference import pixels_changed, psnr
from glowcore.likelihood import NOISE_SEED
from glowcore.out_of_memory import is_out_of_memory

CACHE_BYTES = 8 * 2**20


class Compressor:
    """One loaded VAE. Everything public may be called from any thread.

    name, model_hash, size, temperature, class_names and device_words as of an `Engine`; numbers is how many a picture
    is compressed to.
    """

    class_names: tuple[str, ...] = ()  # it knows no classes

    def __init__(self, model: VAE, name: str = "", model_hash: str = "") -> None:
        self.name, self.model_hash = name, model_hash
        self.config = model.config
        self.size: tuple[int, int] = tuple(model.image_size)
        self.numbers: int = sum(c * h * w for c, h, w in model.latent_shapes())
        self.temperature = recommended(model)
        self.turns = Turns()
        self._vae = model
        self._encodings: ByteLRU[Encoded] = ByteLRU(CACHE_BYTES)

    @classmethod
    def open(cls, folder: str | Path, name: str = "", device: str = "auto") -> Compressor:
        """Load the model in `folder`; CheckpointError as `glowcore.load`."""
        model = checkpoint.load(folder, device=device)
        return cls(model, name or Path(folder).name, checkpoint.fingerprint(folder)[:MODEL_DIGITS])

    @property
    def device_words(self) -> str:
        """The device in words for the readout."""
        return in_words(self._vae.device)

    def encode(self, picture: np.ndarray) -> Encoded:
        """Take a picture in: uint8 [H, W, 3], brought to the model's size by `images.fit`; grey where it sees grey.

        `bits_per_dim` is the evidence lower bound with one draw of the latent, the same for the same picture.
        """
        if picture.shape[:2] != self.size:
            picture = images.fit(picture, self.size)
        picture = in_channels(picture, self.config.channels)
        key = fingerprint(picture)
        kept = self._encodings.get(key)
        if kept is not None:
            return kept
        with self._model():
            values = self._values(picture)
            start = time.perf_counter()
            latents = self._vae.encode(values)
            back = self._vae.decode(latents).cpu()
            elapsed = (time.perf_counter() - start) * 1000
            bits = self._vae.bits_per_dim(values, generator=torch.Generator().manual_seed(NOISE_SEED))
        reconstruction = from_values(back)[0]
        encoded = Encoded(
            key=key,
            latents=latents,
            picture=picture,
            reconstruction=reconstruction,
            max_error=largest_error(back, values),
            pixels_changed=pixels_changed(picture, reconstruction),
            psnr=psnr(picture, reconstruction),
            bits_per_dim=float(bits[0]),
            milliseconds=elapsed,
        )
        self._encodings.put(key, encoded, 2 * picture.nbytes)
        return encoded

    def sample(self, seeds: Sequence[int], temperature: Sequence[float]) -> list[np.ndarray]:
        """Sampled pictures, one a seed, at a temperature (a sequence of one)."""
        with self._model():
            return from_values(self._vae.sample(seeds, temperature).cpu())

    def timed(self, picture: np.ndarray) -> tuple[float, float]:
        """Milliseconds of encoding and of decoding one picture, nothing cached."""
        picture = images.fit(picture, self.size)
        with self._model():
            values = self._values(picture)
            start = time.perf_counter()
            latents = self._vae.encode(values)
            latents.levels[0].cpu()
            middle = time.perf_counter()
            self._vae.decode(latents).cpu()
            return (middle - start) * 1000, (time.perf_counter() - middle) * 1000

    def release(self) -> None:
        """Forget all encodings and give the device's memory back; the compressor is not used again."""
        self._encodings.clear()
        release_memory()

    def _values(self, picture: np.ndarray) -> torch.Tensor:
        return images.to_tensor(images.to_channels(picture, self.config.channels)).to(self._vae.device)

    @contextmanager
    def _model(self) -> Iterator[None]:
        """The model for oneself, without gradients; GlowcoreError where its device has no memory left."""
        with self.turns.take(), torch.inference_mode():
            try:
                yield
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                raise GlowcoreError(f"{self.device_words} has no memory left for this model") from error
