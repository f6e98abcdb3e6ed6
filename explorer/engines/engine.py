"""Recipe to picture: one model, one lock, encodings kept, every step timed.

An engine wraps one model for any number of sessions. It takes and gives uint8 pictures and recipes, so its callers,
pages and scripts alike, hold no arithmetic on latents.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np

import glowcore
from explorer.catalogue import class_labels
from explorer.catalogue.gallery import Gallery
from explorer.catalogue.imagined import imagined
from explorer.catalogue.temperatures import recommended
from explorer.edits.recipe import MODEL_DIGITS, EditRecipe, RecipeError
from explorer.engines.batching import Batching
from explorer.engines.cpu_fallback import CpuFallback
from explorer.engines.device import in_words, release_memory
from explorer.engines.results import Encoded, Rendered
from explorer.engines.turns import Turns
from explorer.engines.worker import Worker
from explorer.pixels.cache import ByteLRU
from explorer.pixels.pictures import fingerprint, in_channels
from glowcore import AttributeVectors, checkpoint, classes, images
from glowcore.latents import Latents

CACHE_BYTES = 64 * 2**20
PICTURE_CACHE_BYTES = 4 * 2**20
T = TypeVar("T")


class Engine(Worker):
    """A worker with a memory. Everything public may be called from any thread.

    What the device has no memory for is done on the CPU (see `CpuFallback`); GlowcoreError where that has none either.

    Args:
        model: a `glowcore.Flow` in eval mode.
        folder: where it lies, with what it brings along: its gallery and its map.
        name, model_hash: how the application calls it ("pretrained/faces64") and the first 12 hex digits of its
            weights' SHA-256.

    `temperature` is what the model's author recommends for samples: one value, or one a level, finest first; `imagined`
    are the samples that the author recommends. What is neither is a CheckpointError.
    """

    def __init__(self, model: glowcore.Flow, folder: Path, name: str = "", model_hash: str = "") -> None:
        super().__init__(model, model.attributes, Turns())
        self.folder = folder
        self.name, self.model_hash = name, model_hash
        self.metadata = dict(model.metadata or {})
        self.temperature = recommended(model)
        self.imagined = imagined(self.metadata)
        self.own: frozenset[str] = frozenset()
        self.size: tuple[int, int] = tuple(model.image_size)
        self.fallback = CpuFallback(model, self.turns)
        self._batching = Batching()
        self._encodings: ByteLRU[Encoded] = ByteLRU(CACHE_BYTES)
        self._pictures: ByteLRU[Rendered] = ByteLRU(PICTURE_CACHE_BYTES)
        self._drawn: ByteLRU[np.ndarray] = ByteLRU(PICTURE_CACHE_BYTES)

    @classmethod
    def open(cls, folder: str | Path, name: str = "", device: str = "auto") -> Engine:
        """Load the model in `folder`; CheckpointError as `glowcore.load`."""
        model = glowcore.load(folder, device=device)
        return cls(model, Path(folder), name or Path(folder).name, checkpoint.fingerprint(folder)[:MODEL_DIGITS])

    def with_attributes(self, attributes: AttributeVectors | None, own: Collection[str] = ()) -> Engine:
        """This engine with other attribute vectors: the same model, lock and encodings, its own rendered pictures.

        `own` names those that did not come with the model.
        """
        other = copy.copy(self)
        other.attributes, other.own = attributes, frozenset(own)
        other._pictures = ByteLRU(PICTURE_CACHE_BYTES // 4)
        return other

    # -- facts ----------------------------------------------------------------
    @property
    def gallery(self) -> Gallery:
        """The pictures that the model brings along, as they are in its folder now."""
        return Gallery.of(self.folder)

    @property
    def num_levels(self) -> int:
        """Number of levels of latents."""
        return int(self.config.num_levels)

    @property
    def latent_shapes(self) -> tuple[tuple[int, int, int], ...]:
        """Shape of each level of latents, finest first."""
        return tuple(self._flow.latent_shapes())

    @property
    def prior(self) -> str:
        """The prior of its latents: gaussian, or logistic."""
        return self._flow.prior

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes of a class-conditional model, () for any other."""
        return tuple(classes.class_names(self._flow))

    @property
    def device_words(self) -> str:
        """The device in words for the readout."""
        return in_words(self._flow.device)

    # -- pictures in ----------------------------------------------------------------
    def encode(self, picture: np.ndarray) -> Encoded:
        """Take a picture in: uint8 [H, W, 3], brought to the model's size by `images.fit`; grey where it sees grey."""
        if picture.shape[:2] != self.size:
            picture = images.fit(picture, self.size)
        picture = in_channels(picture, self.config.channels)
        key = fingerprint(picture)
        kept = self._encodings.get(key)
        if kept is not None:
            return kept
        encoded = self._served(lambda worker: worker.take_in(key, picture))
        encoded = replace(encoded, latents=self.here(encoded.latents))
        self._encodings.put(key, encoded, sum(level.nbytes for level in encoded.latents.levels) + 2 * picture.nbytes)
        return encoded

    # -- recipes ----------------------------------------------------------------
    def render(self, recipe: EditRecipe, picture: np.ndarray | None = None) -> Rendered:
        """The exact picture of a recipe. `picture` is the aligned source; a seed needs none.

        Always a batch of one, so that a recipe gives the same picture in the page, in a script and in a download.

        Raises:
            RecipeError: the recipe needs a picture and none is given, or names attributes this model has not.
        """
        source = self.source(recipe, picture)
        key = (source.key, recipe.token())
        kept = self._pictures.get(key)
        if kept is not None:
            return kept
        rendered = self._served(lambda worker: worker.render_from(source.latents, recipe))
        self._pictures.put(key, rendered, rendered.picture.nbytes)
        return rendered

    def source(self, recipe: EditRecipe, picture: np.ndarray | None = None) -> Encoded:
        """The recipe's source before any move, encoded: the given picture, or the sample that its seed gives."""
        return self.encode(self._source_picture(recipe, picture))

    def strip(
        self, recipe: EditRecipe, name: str, strengths: Sequence[float], picture: np.ndarray | None = None
    ) -> list[np.ndarray]:
        """The recipe with attribute `name` at each of `strengths`, decoded as one batch."""
        base = self.source(recipe, picture).latents
        variants = [dict(recipe.moves) | {name: s} for s in strengths]
        return self.decode(self._served(lambda worker: worker.move(base, recipe, variants)))

    # -- many pictures ----------------------------------------------------------------
    def sample(
        self, seeds: Sequence[int], temperature: float | Sequence[float], label: int = class_labels.COMMON
    ) -> list[np.ndarray]:
        """Sampled pictures, one a seed, of class `label` where the model has any. A seed is the same in any batch."""
        temperature = _per_level(temperature)

        def make(part: slice) -> list[np.ndarray]:
            chunk = list(seeds[part])
            return self._served(lambda worker: worker.draw(chunk, temperature, label), batch=len(chunk))

        return self._batching.run(len(seeds), make)

    def sample_latents(self, seed: int, temperature: float | Sequence[float]) -> Latents:
        """What a sampled picture is decoded from, a batch of one on the model's device."""
        return self.here(self._served(lambda worker: worker.draw_latents(seed, _per_level(temperature))))

    def decode(self, latents: Latents) -> list[np.ndarray]:
        """The pictures of any latents; the model is free for others between batches."""
        latents = replace(latents, y=class_labels.common(self._flow, len(latents)))

        def make(part: slice) -> list[np.ndarray]:
            chunk = latents[part]
            return self._served(lambda worker: worker.decode_batch(chunk), batch=len(chunk))

        return self._batching.run(len(latents), make)

    def release(self) -> None:
        """Forget all encodings and give the device's memory back; the engine is not used again."""
        self._encodings.clear()
        self._pictures.clear()
        self._drawn.clear()
        release_memory()

    # -- inner ----------------------------------------------------------------
    def _source_picture(self, recipe: EditRecipe, picture: np.ndarray | None) -> np.ndarray:
        if recipe.source.kind != "seed":
            if picture is None:
                raise RecipeError(f"this edit starts from a {recipe.source.kind} picture, which is not here")
            return picture
        if len(recipe.temperature) not in (1, self.num_levels):
            raise RecipeError(f"temperature holds {len(recipe.temperature)} values for {self.num_levels} levels")
        key = seed, temperature, label = recipe.source.seed, recipe.temperature, recipe.source.label
        picture = self._drawn.get(key)
        if picture is None:
            picture = self._served(lambda worker: worker.draw([seed], _per_level(temperature), label))[0]
            self._drawn.put(key, picture, picture.nbytes)
        return picture

    def _served(self, work: Callable[[Worker], T], batch: int = 1) -> T:
        """Run on this engine; a single picture that finds no memory is retried on the CPU copy.

        Batches raise, so that `Batching` halves them.
        """
        return work(self) if batch > 1 else self.fallback.serve(work, self)


def _per_level(temperature: float | Sequence[float]) -> float | list[float]:
    if isinstance(temperature, (int, float)):
        return float(temperature)
    return float(temperature[0]) if len(temperature) == 1 else [float(t) for t in temperature]
