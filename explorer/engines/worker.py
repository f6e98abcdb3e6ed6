"""A model on one device: what it does with pictures and latents, step by step, each timed. It keeps nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
import torch

import glowcore
from explorer.catalogue import class_labels
from explorer.edits.recipe import EditRecipe, RecipeError
from explorer.engines.results import Encoded, Rendered, in_range
from explorer.engines.traits import traits_of
from explorer.engines.turns import Turns
from explorer.pixels.lost_pictures import from_values
from glowcore import AttributeVectors, images
from glowcore.devices import synchronize
from glowcore.exact import ExactFlow, is_double
from glowcore.image_difference import pixels_changed, psnr
from glowcore.latents import Latents
from glowcore.likelihood import NOISE_SEED


class Worker:
    """One loaded model behind one lock, which several workers may share: `turns`."""

    def __init__(self, flow: glowcore.Flow, attributes: AttributeVectors | None, turns: Turns) -> None:
        self.config, self.attributes, self.turns = flow.config, attributes, turns
        self.device = str(flow.device)
        # CUDA graphs are captured while no other thread uses the device; a server cannot promise that.
        self._flow, self._fast = flow, ExactFlow(flow, "auto" if flow.device.type == "cpu" else "torch")

    @property
    def attribute_names(self) -> tuple[str, ...]:
        """Names of the attributes that can be moved, in the model's order."""
        return tuple(self.attributes.names) if self.attributes is not None else ()

    def take_in(self, key: str, picture: np.ndarray) -> Encoded:
        """Encode a picture of the model's size, uint8 [H, W, 3], and see what comes back; `key` is how it is known."""
        with self._model():
            values = self._values(picture)
            start = time.perf_counter()
            latents, back, error = self._fast.round_trip(values, class_labels.common(self._flow, 1))
            synchronize(self._flow.device)
            elapsed = (time.perf_counter() - start) * 1000
            reconstruction = from_values(back)[0]
            explained = self._explained(latents)
            generator = torch.Generator().manual_seed(NOISE_SEED)
            return Encoded(
                key=key,
                latents=latents,
                picture=picture,
                reconstruction=reconstruction,
                max_error=error,
                double=self._fast.retried(latents),
                pixels_changed=pixels_changed(picture, reconstruction),
                psnr=psnr(picture, reconstruction),
                bits_per_dim=float(self._fast.bits_per_dim(values, explained.y, generator=generator)[0]),
                level_norms=_norms(explained),
                milliseconds=elapsed,
            )

    def render_from(self, latents: Latents, recipe: EditRecipe) -> Rendered:
        """Latents, a batch of one, as the recipe moves them."""
        with self._model():
            latents = self._moved(latents, recipe, dict(recipe.moves))
            start = time.perf_counter()
            values = self._fast.decode(latents)
            synchronize(self._flow.device)
            elapsed = (time.perf_counter() - start) * 1000
            norms = _norms(self._explained(latents))
            finite = bool(torch.isfinite(values).all())
            traits = traits_of(latents, self.attributes) if self.attribute_names else None
            return Rendered(from_values(values)[0], norms, elapsed, finite, in_range(values), traits)

    def move(self, latents: Latents, recipe: EditRecipe, variants: Sequence[Mapping[str, float]]) -> Latents:
        """Latents, a batch of one, moved in each of several ways under the recipe's locks."""
        with self._model():
            return Latents.cat([self._moved(latents, recipe, moves) for moves in variants])

    def draw(self, seeds: Sequence[int], temperature: float | list[float], label: int) -> list[np.ndarray]:
        """Sampled pictures as one batch, one a seed, of class `label` where the model has any."""
        with self._model(batch=len(seeds)):
            y = class_labels.chosen(self._flow, label)
            return from_values(self._fast.sample(seeds=seeds, temperature=temperature, y=y))

    def draw_latents(self, seed: int, temperature: float | list[float]) -> Latents:
        """What a sampled picture is decoded from, a batch of one."""
        with self._model():
            return self.here(self._fast.sample_latents([seed], temperature, class_labels.common(self._flow, 1)))

    def decode_batch(self, latents: Latents) -> list[np.ndarray]:
        """The pictures of any latents as one batch."""
        with self._model(batch=len(latents)):
            return from_values(self._fast.decode(self.here(latents)))

    def timed(self, picture: np.ndarray) -> tuple[float, float]:
        """Milliseconds of encoding and of decoding one picture of any size, uint8 [H, W, 3], nothing cached."""
        picture = images.fit(picture, tuple(self._flow.image_size))
        with self._model():
            values = self._values(picture)
            start = time.perf_counter()
            latents = self._fast.encode(values, class_labels.common(self._flow, 1))
            synchronize(self._flow.device)
            middle = time.perf_counter()
            self._fast.decode(latents)
            synchronize(self._flow.device)
            return (middle - start) * 1000, (time.perf_counter() - middle) * 1000

    def here(self, latents: Latents) -> Latents:
        """Latents on this worker's device; those in float64 on the CPU where the device has none (mps)."""
        return latents.to("cpu" if self.device == "mps" and is_double(latents) else self.device)

    # -- inner ----------------------------------------------------------------
    def _values(self, picture: np.ndarray) -> torch.Tensor:
        return images.to_tensor(images.to_channels(picture, self.config.channels)).to(self.device)

    def _explained(self, latents: Latents) -> Latents:
        return class_labels.explained(self._flow, latents.to(self.device, torch.float32))

    def _moved(self, latents: Latents, recipe: EditRecipe, moves: Mapping[str, float]) -> Latents:
        unknown = [n for n in (*moves, *recipe.locks) if n not in self.attribute_names]
        if unknown:
            raise RecipeError(f"this model has no attribute {unknown[0]!r}; it has {', '.join(self.attribute_names)}")
        latents = self.here(latents)
        if not any(moves.values()):
            return latents
        return self.attributes.apply(latents, dict(moves), locked=recipe.locks)

    @contextmanager
    def _model(self, batch: int = 1) -> Iterator[None]:
        """The model for oneself, without gradients; a single small picture decodes fastest on one thread."""
        with self.turns.take(), torch.inference_mode():
            before = torch.get_num_threads()
            if batch == 1 and before > 1:
                torch.set_num_threads(1)
            try:
                yield
            finally:
                if torch.get_num_threads() != before:
                    torch.set_num_threads(before)


def _norms(latents: Latents) -> tuple[float, ...]:
    return tuple(float(n) for n in latents.level_norms()[0])
