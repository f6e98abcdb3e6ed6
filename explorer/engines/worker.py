"""A flow on one device: every operation on pictures and latents that needs the model, timed. It caches nothing."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
import torch

import glowcore
from explorer.catalogue import class_labels
from explorer.edits.recipe import EditRecipe, RecipeError
from explorer.engines.device import timed
from explorer.engines.encodings import to_values
from explorer.engines.results import Encoded, Rendered, in_range
from explorer.engines.traits import traits_of
from explorer.engines.turns import Turns
from explorer.pixels.lost_pictures import from_values
from glowcore import AttributeVectors, classes, images, likelihood
from glowcore.exact import ExactFlow, is_double
from glowcore.latents import Latents


class Worker:
    """One flow behind a lock.

    Args:
        flow: the model, in eval mode.
        turns: the lock; workers that share it run one at a time.
    """

    def __init__(self, flow: glowcore.Flow, turns: Turns) -> None:
        self.flow, self.turns = flow, turns
        self.device = str(flow.device)
        self._threads = usual_threads()
        # CUDA graphs are captured while no other thread uses the device; a server cannot promise that.
        self.exact = ExactFlow(flow, "auto" if flow.device.type == "cpu" else "torch")

    def encode(self, key: str, picture: np.ndarray) -> Encoded:
        """Encode a picture of the model's size, uint8 ``[H, W, 3]``, and decode it again; ``key`` is its cache key."""
        with self._model():
            values = self._values(picture)
            labels = class_labels.common(self.flow, 1)
            (latents, back, error), elapsed = timed(self.flow.device, lambda: self.exact.round_trip(values, labels))
            explained = self._explained(latents)
            return Encoded(
                key=key,
                latents=latents,
                picture=picture,
                reconstruction=from_values(back)[0],
                max_error=error,
                double=self.exact.retried(latents),
                bits_per_dim=self._bits_per_dim(values),
                level_norms=_norms(explained),
                milliseconds=elapsed,
            )

    def encode_batch(self, pictures: np.ndarray) -> np.ndarray:
        """Return the flat latents of pictures of the model's size, uint8 ``[N, H, W, 3]``, as float32 ``[N, D]``."""
        with self._model(batch=len(pictures)):
            channels = self.flow.config.channels
            values = images.to_tensor([images.to_channels(p, channels) for p in pictures]).to(self.device)
            parts = self.exact.encode_parts(values, class_labels.common(self.flow, len(values)))
            flat = torch.cat([part.latents.flatten().cpu().float() for part in parts])
            return flat[torch.cat([part.rows for part in parts]).argsort()].numpy()

    def render(self, latents: Latents, recipe: EditRecipe, attributes: AttributeVectors | None) -> Rendered:
        """Decode latents, a batch of one, after the recipe's moves."""
        with self._model():
            latents = self._moved(latents, recipe, dict(recipe.moves), attributes)
            values, elapsed = timed(self.flow.device, lambda: self.exact.decode(latents))
            return Rendered(
                picture=from_values(values)[0],
                level_norms=_norms(self._explained(latents)),
                milliseconds=elapsed,
                finite=bool(torch.isfinite(values).all()),
                in_range=in_range(values),
                traits=traits_of(latents, attributes) if attributes is not None and attributes.names else None,
            )

    def move(
        self,
        latents: Latents,
        recipe: EditRecipe,
        variants: Sequence[Mapping[str, float]],
        attributes: AttributeVectors | None,
    ) -> Latents:
        """Return one batch: latents, a batch of one, after each of several sets of moves under the recipe's locks."""
        with self._model():
            return Latents.cat([self._moved(latents, recipe, moves, attributes) for moves in variants])

    def sample(self, seeds: Sequence[int], temperature: float | Sequence[float], label: int) -> list[np.ndarray]:
        """Return one sampled picture per seed, made as one batch, of class ``label`` where the model has classes."""
        with self._model(batch=len(seeds)):
            y = class_labels.chosen(self.flow, label)
            return from_values(self.exact.sample(seeds=seeds, temperature=temperature, y=y))

    def sample_latents(self, seed: int, temperature: float | Sequence[float]) -> Latents:
        """Return the latents of a sampled picture, a batch of one."""
        with self._model():
            labels = class_labels.common(self.flow, 1)
            return self.to_device(self.exact.sample_latents([seed], temperature, labels))

    def decode(self, latents: Latents) -> list[np.ndarray]:
        """Decode latents as one batch."""
        with self._model(batch=len(latents)):
            return from_values(self.exact.decode(self.to_device(latents)))

    def timed(self, picture: np.ndarray) -> tuple[float, float]:
        """Return the milliseconds of encoding and of decoding one picture of any size, uint8 ``[H, W, 3]``."""
        picture = images.fit(picture, tuple(self.flow.image_size))
        with self._model():
            values = self._values(picture)
            labels = class_labels.common(self.flow, 1)
            latents, encoding = timed(self.flow.device, lambda: self.exact.encode(values, labels))
            _, decoding = timed(self.flow.device, lambda: self.exact.decode(latents))
            return encoding, decoding

    def to_device(self, latents: Latents) -> Latents:
        """Return latents on the worker's device; float64 ones on the CPU where the device has no float64 (mps)."""
        return latents.to("cpu" if self.device == "mps" and is_double(latents) else self.device)

    def _values(self, picture: np.ndarray) -> torch.Tensor:
        return to_values(picture, self.flow.config.channels, self.device)

    def _bits_per_dim(self, values: torch.Tensor) -> float:
        """Return bits/dim of one picture, over all classes where the model has classes."""
        generator = torch.Generator().manual_seed(likelihood.NOISE_SEED)
        if not classes.num_classes(self.flow):
            return float(self.exact.bits_per_dim(values, generator=generator)[0])
        latents = self.exact.encode_dequantised(values, class_labels.common(self.flow, 1), generator=generator)
        log_prob = classes.log_marginal(self.flow, latents)
        return float(likelihood.bits_per_dim(log_prob, self.flow.num_dims, self.flow.config.n_bits)[0])

    def _explained(self, latents: Latents) -> Latents:
        return class_labels.explained(self.flow, latents.to(self.device, torch.float32))

    def _moved(
        self, latents: Latents, recipe: EditRecipe, moves: Mapping[str, float], attributes: AttributeVectors | None
    ) -> Latents:
        names = attributes.names if attributes is not None else ()
        unknown = [name for name in (*moves, *recipe.locks) if name not in names]
        if unknown:
            raise RecipeError(f"this model has no attribute {unknown[0]!r}; it has {', '.join(names)}")
        latents = self.to_device(latents)
        if not any(moves.values()):
            return latents
        if self.device == "cpu" and attributes.directions.device.type != "cpu":
            attributes = attributes.to("cpu")  # the other device is full: it has no memory for the move either
        return attributes.apply(latents, dict(moves), locked=recipe.locks)

    @contextmanager
    def _model(self, batch: int = 1) -> Iterator[None]:
        """Hold the lock, without gradients; a single picture runs on one thread, which is fastest."""
        with self.turns.take(), torch.inference_mode():
            torch.set_num_threads(1 if batch == 1 else self._threads)
            try:
                yield
            finally:
                torch.set_num_threads(self._threads)


@functools.cache
def usual_threads() -> int:
    """Return torch's number of threads at the first call.

    The first worker calls it before any request. Later, a thread whose first computation falls into the time of a
    request for a single picture has one thread for good.
    """
    return torch.get_num_threads()


def _norms(latents: Latents) -> tuple[float, ...]:
    return tuple(float(norm) for norm in latents.level_norms()[0])
