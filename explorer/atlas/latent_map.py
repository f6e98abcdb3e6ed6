"""A map of a model's latent space: pictures placed by the first two principal components of encodings.

The latents are close to white noise, so a component is mostly sampling noise unless it is fitted to many pictures. A
map is therefore best fitted to the training pictures and shows others, for which ``scale`` and ``explained`` hold.
"""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from explorer.atlas.contours import Line, outlines
from explorer.engines.engine import Engine
from explorer.engines.results import Encoded
from glowcore.errors import CheckpointError, ConfigError, DataError
from glowcore.grids import grid
from glowcore.progress import progress_bar
from glowcore.storage import output
from glowcore.storage.safetensors_guard import pack, unpack

MAP_FILE = "map.safetensors"
COMPONENTS = 64
EXTRA, ITERATIONS = 16, 4  # of the randomised decomposition, which the flat spectrum needs
FIT_BYTES = 2**30  # of encodings that the components are fitted to
CHUNK = 64  # pictures encoded between two updates of the progress bar
COLUMNS = 40
SHOWN_SIGMAS = 3.0  # standard deviations that the plane shows to each side
FEWEST_PICTURES = 4
SHARES = (0.5, 0.9)  # of the pictures, one contour for each
MOST_PICTURES = 10_000  # more dots cannot be told apart
WEBP_SIDE = 16_383  # pixels, the limit of the format
SHEET_PIXELS = 89_000_000  # Pillow rejects larger pictures as decompression bombs
DENSE = 50  # fewest pictures for which contours show more than the dots themselves
MOST_BYTES = 64 * 2**20


@dataclass(frozen=True, eq=False)
class LatentMap:
    """The encodings of N pictures in K principal components.

    Attributes:
        mean: ``[D]`` float32, the mean encoding of the pictures that the components are fitted to.
        basis: ``[K, D]`` float32, orthonormal rows, the strongest component first.
        scale: ``[K]`` float32, the standard deviation of the N pictures along each component.
        coordinates: ``[N, K]`` float32, in units of ``scale``.
        labels: int8 ``[N, A]``, 1 yes, 0 no, -1 unknown.
        names: the A attributes of ``labels``.
        pictures: uint8 ``[N, H, W, 3]``.
        explained: the share of the variance of pictures in the first two components fitted to other pictures.
        sheet: the WebP file from which ``pictures`` were decoded, None for pictures that were not compressed.
    """

    mean: torch.Tensor
    basis: torch.Tensor
    scale: torch.Tensor
    coordinates: torch.Tensor
    labels: np.ndarray
    names: tuple[str, ...]
    pictures: np.ndarray
    explained: float
    sheet: bytes | None = None

    def __len__(self) -> int:
        return len(self.coordinates)

    @property
    def nbytes(self) -> int:
        """Memory of the map in bytes."""
        tensors = (self.mean, self.basis, self.scale, self.coordinates)
        return self.pictures.nbytes + self.labels.nbytes + sum(t.nbytes for t in tensors) + len(self.sheet or b"")

    @cached_property
    def places(self) -> list[tuple[float, float]]:
        """The place of each picture on the plane."""
        return [(float(x), float(y)) for x, y in self.coordinates[:, :2].tolist()]

    @cached_property
    def outlines(self) -> list[list[Line]]:
        """Contours around the densest pictures for each of ``SHARES``; [] for fewer than ``DENSE`` pictures."""
        return outlines(self.places, SHARES) if len(self) >= DENSE else []

    def place_of(self, encoded: Encoded) -> tuple[float, float]:
        """Return the place of any encoded picture on the plane."""
        flat = encoded.latents.flatten()[0].cpu().float()
        x, y = ((flat - self.mean) @ self.basis[:2].T / self.scale[:2]).tolist()
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
        sheet = _compressed(pictures) if compress else None
        if sheet is not None:
            pictures = _decompressed(sheet, len(pictures), pictures.shape[1])
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
        return cls(mean, basis, scale, coordinates, labels.astype(np.int8), tuple(names), pictures, explained, sheet)

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
            "labels": torch.from_numpy(self.labels),
            "pictures": torch.frombuffer(bytearray(self.sheet), dtype=torch.uint8),
        }
        table = {"names": "\n".join(self.names), "explained": repr(self.explained), "side": str(self.pictures.shape[1])}
        path = folder / MAP_FILE
        output.write(path, pack(path, tensors, table))
        return path

    @classmethod
    def load(cls, folder: Path) -> LatentMap | None:
        """Read the map of a model's folder; return None if the folder has none.

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
        try:
            names = tuple(filter(None, table["names"].split("\n")))
            count, side = _check_shapes(tensors, len(names)), int(table["side"])
            sheet = tensors["pictures"].numpy().tobytes()
            pictures = _decompressed(sheet, count, side)
            floats = (tensors[k].float() for k in ("mean", "basis", "scale", "coordinates"))
            return cls(*floats, tensors["labels"].numpy(), names, pictures, float(table["explained"]), sheet)
        except (KeyError, ValueError, OSError, Image.DecompressionBombError) as error:
            raise CheckpointError(f"{name}: not a map of this program ({str(error)[:80]})") from error


def most_pictures(size: tuple[int, int]) -> int:
    """Return the largest number of pictures of this height and width that a map can hold.

    Raises:
        ConfigError: the pictures are not square, or too large.
    """
    height, width = size
    if height != width or COLUMNS * width > WEBP_SIDE:
        raise ConfigError(
            f"a map cannot keep pictures of {width}x{height}; expected square ones of "
            f"{WEBP_SIDE // COLUMNS} pixels a side at most"
        )
    rows = min(WEBP_SIDE // height, SHEET_PIXELS // (COLUMNS * width * height))
    return min(MOST_PICTURES, rows * COLUMNS)


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


def _check_shapes(tensors: Mapping[str, torch.Tensor], attributes: int) -> int:
    """Return the number of pictures; raise ValueError unless the tensors are those of a map."""
    count, components = _shape(tensors, "coordinates", 2)
    (dims,) = _shape(tensors, "mean", 1)
    expected = {"basis": (components, dims), "scale": (components,), "labels": (count, attributes)}
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


def _compressed(pictures: np.ndarray) -> bytes:
    """Return a WebP file of pictures ``[N, H, W, 3]`` in rows of ``COLUMNS``."""
    buffer = io.BytesIO()
    Image.fromarray(grid(pictures, columns=COLUMNS, gap=0)).save(buffer, "WEBP", quality=82, method=6)
    return buffer.getvalue()


def _decompressed(sheet: bytes, count: int, side: int) -> np.ndarray:
    """Return the first ``count`` pictures of a WebP file; raise ValueError or OSError if it is damaged."""
    with Image.open(io.BytesIO(sheet), formats=["WEBP"]) as image:
        tiles = np.asarray(image.convert("RGB"))
    return np.stack([_tile(tiles, i, side) for i in range(count)])


def _tile(tiles: np.ndarray, index: int, side: int) -> np.ndarray:
    y, x = index // COLUMNS * side, index % COLUMNS * side
    tile = tiles[y : y + side, x : x + side]
    if side < 1 or tile.shape != (side, side, 3):
        raise ValueError(f"picture {index} is cut off")
    return tile
