"""A cache of maps, shared by all sessions, and the picture at any place of a map."""

from __future__ import annotations

import threading

import numpy as np

from explorer.atlas.arrangement import digests
from explorer.atlas.blending import blend_at
from explorer.atlas.latent_map import FEWEST_PICTURES, MAP_FILE, LatentMap
from explorer.edits.recipe import RecipeError, Source
from explorer.engines.engine import Engine
from explorer.pixels.cache import ByteLRU

Key = tuple[str, ...]
SAMPLES = 24
_maps: ByteLRU[LatentMap] = ByteLRU(512 * 2**20)  # above the largest map
_faces: ByteLRU[np.ndarray] = ByteLRU(4 * 2**20)
_locks: dict[Key, threading.Lock] = {}
_outdated: set[Key] = set()  # files made with other weights: weights in use, path, time


def map_of(engine: Engine) -> LatentMap:
    """Return the map in the folder of the engine's model, else a small one of its gallery or its samples.

    The small one has no ``sheet``. It also replaces a map that was made with other weights.

    Raises:
        CheckpointError: the model's map is damaged.
    """
    key = key_of(engine)
    latent_map = _maps.get(key)
    if latent_map is None:
        try:
            with _locks.setdefault(key, threading.Lock()):  # a map that waits for its model must not delay the others
                latent_map = _maps.get(key)
                if latent_map is None:
                    latent_map = LatentMap.load(engine.folder, engine.model_hash)
                    if latent_map is None:
                        _outdated.add(key[:3])
                        latent_map = _small(engine)
                    _maps.put(key_of(engine), latent_map, latent_map.nbytes)
        finally:
            _locks.pop(key, None)
    return latent_map


def face_at(source: Source, engine: Engine) -> np.ndarray:
    """Return the picture of a source of kind "map", uint8 ``[H, W, 3]``: a face, or the blend at a place.

    Raises:
        RecipeError: the map has no picture of this number.
        DataError: the map cannot be arranged by the source's axes.
    """
    latent_map = map_of(engine)
    if source.place is not None:
        key = (*key_of(engine), source.place, source.axes)
        face = _faces.get(key)
        if face is None:
            face = engine.decode(blend_at(engine, latent_map, source.place, source.axes))[0]
            _faces.put(key, face, face.nbytes)
        return face
    if int(source.value) >= len(latent_map):
        raise RecipeError(f"the map of this model has no face {source.value}; expected 0 to {len(latent_map) - 1}")
    return latent_map.pictures[int(source.value)]


def key_of(engine: Engine) -> Key:
    """Return a key that changes whenever the model or its map does.

    A small map shows the present gallery or samples, and has the present scores.
    """
    path = engine.folder / MAP_FILE
    file = engine.model_hash, str(path), str(path.stat().st_mtime_ns) if path.is_file() else ""
    if file[2] and file not in _outdated:
        return file
    shown = (str(engine.temperature), *engine.gallery.stamps)
    return *file, *shown, *digests(engine.attributes, engine.own).values()


def _small(engine: Engine) -> LatentMap:
    gallery = engine.gallery
    pictures = [gallery.load(n) for n in gallery.names]
    if len(pictures) < FEWEST_PICTURES:
        kinds = range(len(engine.class_names) or 1)
        each = -(-SAMPLES // len(kinds))
        pictures = [p for label in kinds for p in engine.sample(range(each), engine.temperature, label)]
    pictures = [engine.encode(p).picture for p in pictures]
    return LatentMap.build(engine, np.stack(pictures), np.zeros((len(pictures), 0), np.int8), ())
