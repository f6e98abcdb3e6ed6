"""From a recipe to its picture: one model, shared by all sessions, with caches of what it has computed.

An engine takes and returns uint8 pictures and recipes, so its callers, pages and scripts alike, do no arithmetic on
latents.
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
from explorer.engines.encodings import Encodings
from explorer.engines.results import Encoded, Rendered
from explorer.engines.turns import Turns
from explorer.engines.worker import Worker
from explorer.pixels.cache import ByteLRU
from glowcore import AttributeVectors, checkpoint, classes
from glowcore.latents import Latents

CACHE_BYTES = 64 * 2**20
PICTURE_CACHE_BYTES = 4 * 2**20
T = TypeVar("T")


class Engine:
    """One loaded flow. All public methods are thread-safe.

    A request that does not fit into the device's memory is computed on the CPU (see ``CpuFallback``). GlowcoreError is
    raised where the CPU has too little memory as well.

    Args:
        model: a ``glowcore.Flow`` in eval mode.
        folder: the model's folder, with its gallery and its map.
        name: the model's name in the application ("pretrained/faces64").
        model_hash: the first 12 hex digits of the SHA-256 of its weights.

    Attributes:
        attributes: the attribute vectors that recipes move along; None for a model without.
        own: names of those attributes that did not come with the model.
        temperature: the author's recommendation for samples: one value, or one per level, finest first.
        imagined: the samples that the author recommends.
        image_size: height and width of its pictures.
        turns: the queue in front of the model.
        fallback: the CPU as a second device; shared with the engines of ``with_attributes``.

    Raises:
        CheckpointError: the metadata's temperature or samples are invalid.
    """

    def __init__(self, model: glowcore.Flow, folder: Path, name: str = "", model_hash: str = "") -> None:
        self.folder = folder
        self.name, self.model_hash = name, model_hash
        self.config = model.config
        self.metadata = dict(model.metadata or {})
        self.attributes: AttributeVectors | None = model.attributes
        self.own: frozenset[str] = frozenset()
        self.temperature = recommended(model)
        self.imagined = imagined(self.metadata)
        self.image_size: tuple[int, int] = tuple(model.image_size)
        self.turns = Turns()
        self._worker = Worker(model, self.turns)
        self.fallback = CpuFallback(self._worker)
        self._batching = Batching()
        self._encodings = Encodings(self.image_size, self.config.channels, CACHE_BYTES)
        self._rendered: ByteLRU[Rendered] = ByteLRU(PICTURE_CACHE_BYTES)
        self._sampled: ByteLRU[np.ndarray] = ByteLRU(PICTURE_CACHE_BYTES)

    @classmethod
    def open(cls, folder: str | Path, name: str = "", device: str = "auto") -> Engine:
        """Load the model in ``folder``.

        Raises:
            CheckpointError: as ``glowcore.load``.
        """
        model = glowcore.load(folder, device=device)
        return cls(model, Path(folder), name or Path(folder).name, checkpoint.fingerprint(folder)[:MODEL_DIGITS])

    def with_attributes(self, attributes: AttributeVectors | None, own: Collection[str] = ()) -> Engine:
        """Return an engine with other attribute vectors on the same model.

        The model, its queue and the caches of encodings and samples are shared; rendered pictures are not.

        Args:
            attributes: the vectors.
            own: names of those that did not come with the model.
        """
        other = copy.copy(self)  # the new object refers to the same worker and caches
        other.attributes, other.own = attributes, frozenset(own)
        other._rendered = ByteLRU(PICTURE_CACHE_BYTES // 4)
        return other

    # -- facts ----------------------------------------------------------------
    @property
    def gallery(self) -> Gallery:
        """The pictures in the model's folder, as they are now."""
        return Gallery.of(self.folder)

    @property
    def attribute_names(self) -> tuple[str, ...]:
        """Names of the attributes that can be moved, in the model's order."""
        return tuple(self.attributes.names) if self.attributes is not None else ()

    @property
    def num_levels(self) -> int:
        """Number of levels of latents."""
        return int(self.config.num_levels)

    @property
    def latent_shapes(self) -> tuple[tuple[int, int, int], ...]:
        """Shape of each level of latents, finest first."""
        return tuple(self._worker.flow.latent_shapes())

    @property
    def prior(self) -> str:
        """The prior of the latents: gaussian or logistic."""
        return self._worker.flow.prior

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes of a class-conditional model, () for any other."""
        return tuple(classes.class_names(self._worker.flow))

    @property
    def device_words(self) -> str:
        """The name of the device for the readout."""
        return in_words(self._worker.flow.device)

    # -- encoding ----------------------------------------------------------------
    def encode(self, picture: np.ndarray) -> Encoded:
        """Encode a picture, uint8 ``[H, W, 3]`` of any size, and decode it again."""
        return self._encodings.get(picture, self._encode)

    def encode_batch(self, pictures: np.ndarray) -> np.ndarray:
        """Return the flat latents of many pictures of the model's size, uint8 ``[N, H, W, 3]``, as float32 ``[N, D]``.

        Nothing is cached. Float64 latents are rounded, so only ``encode`` is exact for every picture.
        """

        def make(part: slice) -> list[np.ndarray]:
            chunk = pictures[part]
            return list(self._run(lambda worker: worker.encode_batch(chunk), batch=len(chunk)))

        return np.stack(self._batching.run(len(pictures), make))

    def timed(self, picture: np.ndarray) -> tuple[float, float]:
        """Return the milliseconds of encoding and of decoding one picture; the cache is not used."""
        return self._worker.timed(picture)

    # -- recipes ----------------------------------------------------------------
    def render(self, recipe: EditRecipe, picture: np.ndarray | None = None) -> Rendered:
        """Return the exact picture of a recipe.

        It is always computed as a batch of one, so that a recipe gives the same picture on the page, in a script and in
        a download: to within one of 255, since a page uses onnxruntime as soon as its sessions are built, and a script
        may end before that.

        Args:
            recipe: the edit.
            picture: its aligned source, uint8 ``[H, W, 3]``; not needed for a seed.

        Raises:
            RecipeError: the picture is missing, or the recipe names attributes that the model does not have.
        """
        source = self.source(recipe, picture)
        key = (source.key, recipe.token())
        rendered = self._rendered.get(key)
        if rendered is None:
            rendered = self._run(lambda worker: worker.render(source.latents, recipe, self.attributes))
            self._rendered.put(key, rendered, rendered.picture.nbytes)
        return rendered

    def source(self, recipe: EditRecipe, picture: np.ndarray | None = None) -> Encoded:
        """Return the encoding of a recipe's source without moves: of ``picture``, or of the sample of its seed."""
        return self.encode(self._source_picture(recipe, picture))

    def strip(
        self, recipe: EditRecipe, name: str, strengths: Sequence[float], picture: np.ndarray | None = None
    ) -> list[np.ndarray]:
        """Return the pictures of a recipe with attribute ``name`` at each of ``strengths``, decoded as one batch."""
        latents = self.source(recipe, picture).latents
        variants = [dict(recipe.moves) | {name: strength} for strength in strengths]
        return self.decode(self._run(lambda worker: worker.move(latents, recipe, variants, self.attributes)))

    # -- many pictures ----------------------------------------------------------------
    def sample(
        self, seeds: Sequence[int], temperature: float | Sequence[float], label: int = class_labels.COMMON
    ) -> list[np.ndarray]:
        """Return one sampled picture per seed, of class ``label`` where the model has classes.

        The picture of a seed does not depend on the others.
        """

        def make(part: slice) -> list[np.ndarray]:
            chunk = list(seeds[part])
            return self._run(lambda worker: worker.sample(chunk, temperature, label), batch=len(chunk))

        return self._batching.run(len(seeds), make)

    def sample_latents(self, seed: int, temperature: float | Sequence[float]) -> Latents:
        """Return the latents of a sampled picture, a batch of one on the model's device."""
        latents = self._run(lambda worker: worker.sample_latents(seed, temperature))
        return self._worker.to_device(latents)

    def decode(self, latents: Latents) -> list[np.ndarray]:
        """Return the pictures of any latents; other requests may use the model between two batches."""
        latents = replace(latents, y=class_labels.common(self._worker.flow, len(latents)))

        def make(part: slice) -> list[np.ndarray]:
            chunk = latents[part]
            return self._run(lambda worker: worker.decode(chunk), batch=len(chunk))

        return self._batching.run(len(latents), make)

    def release(self) -> None:
        """Clear the caches and return the device's unused memory; open pages may go on using the engine."""
        for cache in (self._encodings.cache, self._rendered, self._sampled):
            cache.clear()
        release_memory()

    def _encode(self, key: str, picture: np.ndarray) -> Encoded:
        encoded = self._run(lambda worker: worker.encode(key, picture))
        return replace(encoded, latents=self._worker.to_device(encoded.latents))

    def _source_picture(self, recipe: EditRecipe, picture: np.ndarray | None) -> np.ndarray:
        if recipe.source.kind != "seed":
            if picture is None:
                raise RecipeError(f"this edit starts from a {recipe.source.kind} picture, which is not here")
            return picture
        if len(recipe.temperature) not in (1, self.num_levels):
            raise RecipeError(f"temperature holds {len(recipe.temperature)} values for {self.num_levels} levels")
        key = seed, temperature, label = int(recipe.source.value), recipe.temperature, recipe.source.label
        picture = self._sampled.get(key)
        if picture is None:
            picture = self._run(lambda worker: worker.sample([seed], temperature, label))[0]
            self._sampled.put(key, picture, picture.nbytes)
        return picture

    def _run(self, work: Callable[[Worker], T], batch: int = 1) -> T:
        """Return ``work(worker)``. A single picture may move to the CPU; errors of a batch are left to ``Batching``."""
        return work(self._worker) if batch > 1 else self.fallback.run(work)
