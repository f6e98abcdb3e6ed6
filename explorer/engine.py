"""Recipe to picture: one model, one lock, encodings kept, every step timed.

An engine wraps one model for any number of sessions. It takes and gives uint8 pictures and recipes, so its callers,
pages and scripts alike, hold no arithmetic on latents.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

import glowcore
from explorer import labels
from explorer.batching import Batching
from explorer.cache import ByteLRU
from explorer.exact import ExactFlow, is_double
from explorer.pictures import fingerprint, from_values, pixels_changed, psnr
from explorer.recipe import EditRecipe, RecipeError
from explorer.results import Encoded, Rendered, in_range
from explorer.temperatures import recommended
from explorer.turns import Turns
from glowcore import AttributeVectors, checkpoint, classes, images
from glowcore.latents import Latents

CACHE_BYTES = 64 * 2**20
PICTURE_CACHE_BYTES = 4 * 2**20
NOISE_SEED = 0  # of the dequantisation noise in bits/dim, so that a picture always reads the same


class Engine:
    """One loaded model behind one lock. Everything public may be called from any thread.

    Parameters
    ----------
    model
        a `glowcore.Flow` in eval mode.
    name, model_hash
        how the application calls it ("pretrained/faces64") and the first 12 hex digits of its weights' SHA-256.

    `temperature` is what the model's author recommends for samples: one value, or one a level, finest first. What is
    none is a CheckpointError.
    """

    def __init__(self, model: glowcore.Flow, name: str = "", model_hash: str = "") -> None:
        self.name, self.model_hash = name, model_hash
        self.config, self.metadata = model.config, dict(model.metadata or {})
        self.temperature = recommended(self.metadata, self.config.num_levels)
        self.attributes = model.attributes
        self.size: tuple[int, int] = tuple(model.image_size)
        self.device = str(model.device)
        self.turns = Turns()
        self._batching = Batching()
        self._flow, self._fast = model, ExactFlow(model)
        self._encodings: ByteLRU[Encoded] = ByteLRU(CACHE_BYTES)
        self._pictures: ByteLRU[Rendered] = ByteLRU(PICTURE_CACHE_BYTES)

    @classmethod
    def open(cls, folder: str | Path, name: str = "", device: str = "auto") -> Engine:
        """Load the model in `folder`; CheckpointError as `glowcore.load`."""
        model = glowcore.load(folder, device=device)
        return cls(model, name or Path(folder).name, checkpoint.fingerprint(folder)[:12])

    def with_attributes(self, attributes: AttributeVectors | None) -> Engine:
        """This engine with other attribute vectors: the same model, lock and encodings, its own rendered pictures."""
        other = copy.copy(self)
        other.attributes = attributes
        other._pictures = ByteLRU(PICTURE_CACHE_BYTES // 4)
        return other

    # -- facts ----------------------------------------------------------------
    @property
    def attribute_names(self) -> tuple[str, ...]:
        """Names of the attributes that can be moved, in the model's order."""
        return tuple(self.attributes.names) if self.attributes is not None else ()

    @property
    def num_levels(self) -> int:
        """Number of levels of latents."""
        return int(self.config.num_levels)

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes of a class-conditional model, () for any other."""
        return tuple(classes.class_names(self._flow))

    @property
    def device_words(self) -> str:
        """The device in words for the readout."""
        if self.device.startswith("cuda"):
            return torch.cuda.get_device_name(torch.device(self.device))
        return self.device.upper()

    # -- pictures in ----------------------------------------------------------------
    def encode(self, picture: np.ndarray) -> Encoded:
        """Take a picture in: uint8 [H, W, 3], brought to the model's size by `images.fit`; grey where it sees grey."""
        if picture.shape[:2] != self.size:
            picture = images.fit(picture, self.size)
        picture = images.to_channels(images.to_channels(picture, self.config.channels), 3)
        key = fingerprint(picture)
        kept = self._encodings.get(key)
        if kept is not None:
            return kept
        with self._model(batch=1):
            values = self._values(picture)
            start = time.perf_counter()
            latents, back, error = self._fast.round_trip(values, labels.common(self._flow, 1))
            self._wait()
            elapsed = (time.perf_counter() - start) * 1000
            encoded = self._measure(key, picture, values, latents, back, error, elapsed)
        self._encodings.put(key, encoded, sum(level.nbytes for level in latents.levels) + 2 * picture.nbytes)
        return encoded

    def _measure(self, key, picture, values, latents, back, error, elapsed) -> Encoded:
        reconstruction = from_values(back)[0]
        explained = labels.explained(self._flow, latents.to(self.device, torch.float32))
        generator = torch.Generator().manual_seed(NOISE_SEED)
        return Encoded(
            key=key,
            latents=latents,
            picture=picture,
            reconstruction=reconstruction,
            max_error=error,
            double=is_double(latents),
            pixels_changed=pixels_changed(picture, reconstruction),
            psnr=psnr(picture, reconstruction),
            bits_per_dim=float(self._fast.bits_per_dim(values, explained.y, generator=generator)[0]),
            level_norms=_norms(explained),
            milliseconds=elapsed,
        )

    # -- recipes ----------------------------------------------------------------
    def render(self, recipe: EditRecipe, picture: np.ndarray | None = None) -> Rendered:
        """The exact picture of a recipe. `picture` is the aligned source; a seed needs none.

        Always a batch of one, so that a recipe gives the same picture in the page, in a script and in a download.

        Raises
        ------
        RecipeError
            where the recipe needs a picture and none is given, or names attributes this model has not.
        """
        base = self._base(recipe, picture)
        key = (base[0], recipe.token())
        kept = self._pictures.get(key)
        if kept is not None:
            return kept
        with self._model(batch=1):
            latents = self._moved(base[1], recipe, dict(recipe.moves))
            start = time.perf_counter()
            values = self._fast.decode(latents)
            self._wait()
            elapsed = (time.perf_counter() - start) * 1000
            norms = _norms(labels.explained(self._flow, latents.to(self.device, torch.float32)))
            finite = bool(torch.isfinite(values).all())
            rendered = Rendered(from_values(values)[0], norms, elapsed, finite, in_range(values))
        self._pictures.put(key, rendered, rendered.picture.nbytes)
        return rendered

    def source(self, recipe: EditRecipe, picture: np.ndarray | None = None) -> Encoded:
        """The recipe's source before any move, encoded: the given picture, or the sample that its seed gives."""
        return self.encode(self._source_picture(recipe, picture))

    def strip(
        self,
        recipe: EditRecipe,
        name: str,
        strengths: Sequence[float],
        picture: np.ndarray | None = None,
    ) -> list[np.ndarray]:
        """The recipe with attribute `name` at each of `strengths`, decoded as one batch."""
        base = self._base(recipe, picture)[1]
        with self._model(batch=len(strengths)):
            moves = [dict(recipe.moves) | {name: s} for s in strengths]
            latents = Latents.cat([self._moved(base, recipe, m) for m in moves])
        return self.decode(latents)

    # -- many pictures ----------------------------------------------------------------
    def sample(
        self, seeds: Sequence[int], temperature: float | Sequence[float], label: int = labels.COMMON
    ) -> list[np.ndarray]:
        """Sampled pictures, one a seed, of class `label` where the model has any. A seed is the same in any batch."""
        y = labels.chosen(self._flow, label)
        temperature = _per_level(temperature)

        def make(part: slice) -> list[np.ndarray]:
            chunk = list(seeds[part])
            with self._model(batch=len(chunk)):
                return from_values(self._fast.sample(seeds=chunk, temperature=temperature, y=y))

        return self._batching.run(len(seeds), make)

    def sample_latents(self, seed: int, temperature: float | Sequence[float]) -> Latents:
        """What a sampled picture is decoded from, a batch of one on the model's device."""
        with self._model(batch=1):
            y = labels.common(self._flow, 1)
            return self._fast.sample_latents([seed], _per_level(temperature), y).to(self.device)

    def decode(self, latents: Latents) -> list[np.ndarray]:
        """The pictures of any latents; the model is free for others between batches."""
        latents = replace(latents, y=labels.common(self._flow, len(latents)))

        def make(part: slice) -> list[np.ndarray]:
            chunk = latents[part]
            with self._model(batch=len(chunk)):
                return from_values(self._fast.decode(chunk))

        return self._batching.run(len(latents), make)

    def timed(self, picture: np.ndarray) -> tuple[float, float]:
        """Milliseconds of encoding and of decoding one picture, nothing cached."""
        with self._model(batch=1):
            values = self._values(picture)
            start = time.perf_counter()
            latents = self._fast.encode(values, labels.common(self._flow, 1))
            self._wait()
            middle = time.perf_counter()
            self._fast.decode(latents)
            self._wait()
            return (middle - start) * 1000, (time.perf_counter() - middle) * 1000

    def release(self) -> None:
        """Forget all encodings and give the device's memory back; the engine is not used again."""
        self._encodings.clear()
        self._pictures.clear()
        if self.device.startswith("cuda"):
            torch.cuda.empty_cache()

    # -- inner ----------------------------------------------------------------
    def _wait(self) -> None:
        """Let the device finish, so that a clock reads the work and not its ordering."""
        if self.device.startswith("cuda"):
            torch.cuda.synchronize()

    def _values(self, picture: np.ndarray) -> torch.Tensor:
        return images.to_tensor(images.to_channels(picture, self.config.channels)).to(self.device)

    def _source_picture(self, recipe: EditRecipe, picture: np.ndarray | None) -> np.ndarray:
        if recipe.source.kind != "seed":
            if picture is None:
                raise RecipeError(f"this edit starts from a {recipe.source.kind} picture, which is not here")
            return picture
        with self._model(batch=1):
            y = labels.chosen(self._flow, recipe.source.label)
            values = self._fast.sample(seeds=[recipe.source.seed], temperature=self._temperature(recipe), y=y)
            return from_values(values)[0]

    def _base(self, recipe: EditRecipe, picture: np.ndarray | None) -> tuple[str, Latents]:
        """The latents a recipe starts from, with a key for them."""
        encoded = self.source(recipe, picture)
        return encoded.key, encoded.latents

    def _temperature(self, recipe: EditRecipe) -> float | list[float]:
        if len(recipe.temperature) not in (1, self.num_levels):
            raise RecipeError(f"temperature holds {len(recipe.temperature)} values for {self.num_levels} levels")
        return _per_level(recipe.temperature)

    def _moved(self, latents: Latents, recipe: EditRecipe, moves: Mapping[str, float]) -> Latents:
        unknown = [n for n in (*moves, *recipe.locks) if n not in self.attribute_names]
        if unknown:
            raise RecipeError(f"this model has no attribute {unknown[0]!r}; it has {', '.join(self.attribute_names)}")
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


def _per_level(temperature: float | Sequence[float]) -> float | list[float]:
    if isinstance(temperature, (int, float)):
        return float(temperature)
    return float(temperature[0]) if len(temperature) == 1 else [float(t) for t in temperature]
