"""The map of a model, read or made once for all sessions, and the face at any point of it."""

from __future__ import annotations

import threading

import numpy as np

from explorer.atlas.latent_map import FEWEST_PICTURES, MAP_FILE, LatentMap
from explorer.edits.recipe import RecipeError, Source
from explorer.engines.engine import Engine
from explorer.pixels.cache import ByteLRU

KEPT_BYTES = 96 * 2**20
SAMPLES = 24
_kept: ByteLRU[LatentMap] = ByteLRU(KEPT_BYTES)
_faces: ByteLRU[np.ndarray] = ByteLRU(4 * 2**20)
_one_at_a_time = threading.Lock()


def map_of(engine: Engine) -> LatentMap:
    """The map that came with the engine's model; for a model without one, a small one of its gallery or its samples.

    Raises:
        CheckpointError: the model's map is damaged.
    """
    key = _key(engine)
    with _one_at_a_time:
        found = _kept.get(key)
        if found is None:
            found = LatentMap.load(engine.folder) or _small(engine)
            _kept.put(key, found, found.nbytes)
    return found


def face_at(source: Source, engine: Engine) -> np.ndarray:
    """The picture of a source of kind "map", uint8 [H, W, 3].

    Raises:
        RecipeError: a number that this map has not.
    """
    found = map_of(engine)
    if source.place is not None:
        key = (*_key(engine), source.place)
        face = _faces.get(key)
        if face is None:
            face = found.decode(engine, [source.place])[0]
            _faces.put(key, face, face.nbytes)
        return face
    if int(source.value) >= len(found):
        raise RecipeError(f"the map of this model has {len(found)} faces, none of number {source.value}")
    return found.pictures[int(source.value)]


def _key(engine: Engine) -> tuple[str, str, int]:
    path = engine.folder / MAP_FILE
    return engine.model_hash, str(path), path.stat().st_mtime_ns if path.is_file() else 0


def _small(engine: Engine) -> LatentMap:
    gallery = engine.gallery
    pictures = [gallery.load(n) for n in gallery.names]
    if len(pictures) < FEWEST_PICTURES:
        kinds = range(len(engine.class_names) or 1)
        each = -(-SAMPLES // len(kinds))
        pictures = [p for label in kinds for p in engine.sample(range(each), engine.temperature, label)]
    pictures = [engine.encode(p).picture for p in pictures]
    return LatentMap.build(engine, np.stack(pictures), np.zeros((len(pictures), 0), np.int8), ())
