"""A map of a model's latent space: pictures placed by scores of attributes or by principal components of encodings.

The latents are close to white noise, so a component is mostly sampling noise unless it is fitted to many pictures. A
map is therefore best fitted to the training pictures and shows others, for which ``scale`` and ``explained`` hold.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from explorer.atlas.arrangement import Arrangement, digests
from explorer.atlas.sheet import compressed, decompressed
from explorer.edits.recipe import MAIN_AXES
from explorer.engines.engine import Engine
from explorer.engines.results import Encoded
from explorer.pixels.cache import ByteLRU
from glowcore.attributes.vectors import AttributeVectors
from glowcore.errors import CheckpointError, DataError
from glowcore.latents import Latents
from glowcore.progress import progress_bar
from glowcore.storage import output
from glowcore.storage.safetensors_guard import pack, unpack

MAP_FILE = "map.safetensors"
COMPONENTS = 64
EXTRA, ITERATIONS = 16, 4  # of the randomised decomposition, which the flat spectrum needs
FIT_BYTES = 2**30  # of encodings that the components are fitted to
CHUNK = 64  # pictures encoded between two updates of the progress bar
SHOWN_SIGMAS = 3.0  # standard deviations that the plane shows to each side
FEWEST_PICTURES = 4
MOST_BYTES = 64 * 2**20
KEPT = 4  # arrangements of a map


@dataclass(frozen=True, eq=False)
class LatentMap:
    """The encodings of N pictures in K principal components.

    Attributes:
        mean: ``[D]`` float32, the mean encoding of the pictures that the components are fitted to.
        basis: ``[K, D]`` float32, orthonormal rows, the strongest component first.
        scale: ``[K]`` float32, the standard deviation of the N pictures along each component.
        coordinates: ``[N, K]`` float32, in units of ``scale``.
        scores: ``[N, S]`` float32, the scores of the model's attributes (:meth:`AttributeVectors.score`).
        scored: the hash of each of these S attributes by name (:func:`digests`).
        labels: int8 ``[N, A]``, 1 yes, 0 no, -1 unknown.
        names: the A attributes of ``labels``.
        pictures: uint8 ``[N, H, W, 3]``.
        explained: the share of the variance of pictures in the first two components fitted to other pictures.
        sheet: the WebP file from which ``pictures`` were decoded, None for pictures that were not compressed.
        weights: the ``Engine.model_hash`` of the model that encoded the pictures, "" for a file without it.
    """

    mean: torch.Tensor
    basis: torch.Tensor
    scale: torch.Tensor
    coordinates: torch.Tensor
    scores: torch.Tensor
    scored: Mapping[str, str]
    labels: np.ndarray
    names: tuple[str, ...]
    pictures: np.ndarray
    explained: float
    sheet: bytes | None = None
    weights: str = ""
    _arranged: ByteLRU[Arrangement] = field(default_factory=lambda: ByteLRU(KEPT), init=False, repr=False)

    def __len__(self) -> int:
        return len(self.coordinates)

    @property
    def nbytes(self) -> int:
        """The size of the tensors, the labels and the pictures in bytes."""
        tensors = (self.mean, self.basis, self.scale, self.coordinates, self.scores)
        return sum(array.nbytes for array in (*tensors, self.labels, self.pictures)) + len(self.sheet or b"")

    def axes_of(self, attributes: AttributeVectors | None) -> list[str]:
        """Return the attributes by which the map can be arranged: those whose scores have not changed since."""
        present = digests(attributes)
        return [name for name, digest in self.scored.items() if present.get(name) == digest]

    def arranged(self, axes: tuple[str, str]) -> Arrangement:
        """Return the pictures' places by these axes, with names of ``scored`` or "" as in :class:`Arrangement`.

        Raises:
            DataError: the map has no scores of such an attribute.
        """
        arrangement = self._arranged.get(axes)
        if arrangement is None:
            if unknown := [name for name in axes if name and name not in self.scored]:
                known = f"; expected one of {', '.join(self.scored)}" if self.scored else ""
                raise DataError(f"the map of this model cannot be arranged by {unknown[0]}{known}")
            names = list(self.scored)
            columns = [
                self.scores[:, names.index(name)] if name else self.coordinates[:, axis]
                for axis, name in enumerate(axes)
            ]
            arrangement = Arrangement(axes, torch.stack(columns, 1).numpy())
            self._arranged.put(axes, arrangement, 1)
        return arrangement

    def place_of(
        self, encoded: Encoded, axes: tuple[str, str] = MAIN_AXES, attributes: AttributeVectors | None = None
    ) -> tuple[float, float]:
        """Return the place of any encoded picture; ``attributes`` are those of the model, for axes that name them."""
        latents = encoded.latents.to("cpu")
        main = ((latents.flatten()[0].float() - self.mean) @ self.basis[:2].T / self.scale[:2]).tolist()
        x, y = (float(attributes.score(latents, name)) if name else main[axis] for axis, name in enumerate(axes))
        return x, y

    # -- building, saving, loading ---------------------------------------------------------------
    @classmethod
    def build(
        cls,
        engine: Engine,
        pictures: np.ndarray,
        labels: np.ndarray,
        names: Sequence[str],
        *,
        fitted_to: np.ndarray | None = None,
        compress: bool = False,
        progress: bool = False,
    ) -> LatentMap:
        """Make a map of pictures.

        Args:
            engine: the model.
            pictures: uint8 ``[N, H, W, 3]`` of the model's size.
            labels: int8 ``[N, A]``, 1 yes, 0 no, -1 unknown.
            names: the A attributes of ``labels``.
            fitted_to: other pictures, uint8 ``[M, H, W, 3]``, to which the components are fitted, thinned evenly until
                their encodings fit into 1 GB. None, or fewer than 4, fits them to ``pictures`` and estimates
                ``explained`` by fitting to each half of them and measuring the other half.
            compress: compress the pictures for a file. The compression is lossy and moves a picture by 0.4 standard
                deviations on the map of faces64, so the coordinates are those of the decompressed pictures.
            progress: show a bar on stderr.

        Raises:
            DataError: fewer than 4 pictures.
        """
        if len(pictures) < FEWEST_PICTURES:
            raise DataError(f"a map of {len(pictures)} pictures has no plane; {FEWEST_PICTURES} or more are expected")
        sheet = compressed(pictures) if compress else None
        if sheet is not None:
            pictures = decompressed(sheet, len(pictures), pictures.shape[1])
        if fitted_to is None or len(fitted_to) < FEWEST_PICTURES:
            flat = _encoded(engine, pictures, progress)
            mean, basis = _fitted(flat)
            halves = flat[::2], flat[1::2]
            explained = sum(_share(_fitted(a.clone())[1], b) for a, b in (halves, halves[::-1])) / 2
        else:
            thinning = -(-4 * _dims(engine) * len(fitted_to) // FIT_BYTES)
            mean, basis = _fitted(_encoded(engine, fitted_to[::thinning], progress))
            flat = _encoded(engine, pictures, progress) - mean
            explained = _share(basis, flat)
        coordinates = flat @ basis.T
        scale = coordinates.std(0).clamp_min(1e-6)
        coordinates /= scale
        scored = digests(engine.attributes, engine.own)
        scores = _scores(flat + mean, engine.attributes, list(scored))
        labels = labels.astype(np.int8)
        facts = (scored, labels, tuple(names), pictures, explained, sheet, engine.model_hash)
        return cls(mean, basis, scale, coordinates, scores, *facts)

    def save(self, folder: Path) -> Path:
        """Write the map into a model's folder, in half precision and with all pictures in one WebP; return its path.

        Raises:
            ConfigError: the file cannot be written; an earlier map stays intact.
            ValueError: the map was built without ``compress``.
        """
        if self.sheet is None:
            raise ValueError("a map of uncompressed pictures cannot be saved; build it with compress=True")
        tensors = {
            "mean": self.mean.half(),
            "basis": self.basis.half(),
            "scale": self.scale,
            "coordinates": self.coordinates.half(),
            "scores": self.scores.half(),
            "labels": torch.from_numpy(self.labels),
            "pictures": torch.frombuffer(bytearray(self.sheet), dtype=torch.uint8),
        }
        table = {
            "names": "\n".join(self.names),
            "scored": json.dumps(self.scored),
            "explained": repr(self.explained),
            "side": str(self.pictures.shape[1]),
            "weights": self.weights,
        }
        path = folder / MAP_FILE
        output.write(path, pack(path, tensors, table))
        return path

    @classmethod
    def load(cls, folder: Path, weights: str) -> LatentMap | None:
        """Read the map of a model's folder; return None if the folder has none, or one made with other weights.

        Args:
            folder: the folder.
            weights: the ``Engine.model_hash`` of the model. A file without such a hash is accepted for any model.

        Raises:
            CheckpointError: the map is damaged, or its tensors do not have the shapes of a map.
        """
        path = folder / MAP_FILE
        name = Path(folder.name, MAP_FILE)  # for messages, which must not show visitors the path on the disk
        if not path.is_file():
            return None
        if path.stat().st_size > MOST_BYTES:
            raise CheckpointError(f"{name}: {path.stat().st_size} bytes, at most {MOST_BYTES} are accepted")
        tensors, table = unpack(name, path.read_bytes())
        made_with = table.get("weights", "")
        if made_with not in ("", weights):
            return None
        try:
            names = tuple(filter(None, table["names"].split("\n")))
            if "scores" not in tensors:  # a file from before maps could be arranged by attributes
                tensors["scores"] = torch.empty(len(tensors["coordinates"]), 0)
            scored = _scored(table.get("scored", "{}"))
            count, side = _check_shapes(tensors, len(names), len(scored)), int(table["side"])
            sheet = tensors["pictures"].numpy().tobytes()
            pictures = decompressed(sheet, count, side)
            floats = (tensors[k].float() for k in ("mean", "basis", "scale", "coordinates", "scores"))
            facts = (tensors["labels"].numpy(), names, pictures, float(table["explained"]), sheet, made_with)
            return cls(*floats, scored, *facts)
        except (KeyError, ValueError, OSError, Image.DecompressionBombError) as error:
            raise CheckpointError(f"{name}: not a map of this program ({str(error)[:80]})") from error


def _encoded(engine: Engine, pictures: np.ndarray, progress: bool) -> torch.Tensor:
    """Return the encodings of pictures, float32 ``[N, D]``."""
    flat = torch.empty(len(pictures), _dims(engine))
    with progress_bar(total=len(pictures), progress=progress, desc="encoding", unit=" pictures") as bar:
        for start in range(0, len(pictures), CHUNK):
            part = engine.encode_batch(pictures[start : start + CHUNK])
            flat[start : start + CHUNK] = torch.from_numpy(part)
            bar.update(len(part))
    return flat


def _dims(engine: Engine) -> int:
    return sum(math.prod(shape) for shape in engine.latent_shapes)


def _fitted(rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Centre rows ``[N, D]`` in place; return their mean ``[D]`` and components ``[K, D]``, the strongest first.

    K is the least of ``COMPONENTS``, N - 1 and D.
    """
    mean = rows.mean(0)
    rows -= mean
    count = min(COMPONENTS, len(rows) - 1, rows.shape[1])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # the decomposition is randomised
        q = min(count + EXTRA, *rows.shape)
        _, _, components = torch.pca_lowrank(rows, q=q, center=False, niter=ITERATIONS)
    return mean, components[:, :count].T.contiguous()


def _share(basis: torch.Tensor, rows: torch.Tensor) -> float:
    """Return the share of the variance of rows ``[N, D]`` along the first two rows of ``basis``."""
    centred = rows - rows.mean(0)
    return float((centred @ basis[:2].T).square().sum() / centred.square().sum().clamp_min(1e-12))


def _scores(rows: torch.Tensor, attributes: AttributeVectors | None, names: list[str]) -> torch.Tensor:
    """Return the scores of encodings ``[N, D]``, ``[N, len(names)]``."""
    if not names:
        return torch.empty(len(rows), 0)
    latents = Latents.from_flat(rows, attributes.shapes, attributes.prior)
    return torch.stack([attributes.score(latents, name) for name in names], 1)


def _scored(text: str) -> dict[str, str]:
    """Return the hash of each scored attribute of a file; raise ValueError where it is malformed."""
    scored = json.loads(text)
    if not isinstance(scored, dict) or not all(isinstance(digest, str) for digest in scored.values()):
        raise ValueError("the scored attributes are not named")
    return scored


def _check_shapes(tensors: Mapping[str, torch.Tensor], attributes: int, scored: int) -> int:
    """Return the number of pictures; raise ValueError unless the tensors are those of a map."""
    count, components = _shape(tensors, "coordinates", 2)
    (dims,) = _shape(tensors, "mean", 1)
    expected = {"basis": (components, dims), "scale": (components,)}
    expected |= {"labels": (count, attributes), "scores": (count, scored)}
    for name, shape in expected.items():
        if _shape(tensors, name, len(shape)) != shape:
            raise ValueError(f"{name} is {list(tensors[name].shape)} instead of {list(shape)}")
    if components < 2:
        raise ValueError(f"{components} components make no plane")
    for name, dtype in (("labels", torch.int8), ("pictures", torch.uint8)):
        if tensors[name].dtype != dtype:
            raise ValueError(f"{name} are {tensors[name].dtype} instead of {dtype}")
    return count


def _shape(tensors: Mapping[str, torch.Tensor], name: str, dimensions: int) -> tuple[int, ...]:
    shape = tuple(tensors[name].shape)
    if len(shape) != dimensions:
        raise ValueError(f"{name} has {len(shape)} dimensions instead of {dimensions}")
    return shape
