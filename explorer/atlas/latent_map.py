"""A map of a model's latent space: the first two principal components of the encodings of many pictures.

Unlike t-SNE and UMAP this map is invertible: every place on it decodes to a picture.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from explorer.atlas.contours import Line, outlines
from explorer.edits.recipe import PLACE_LIMIT
from explorer.engines.engine import Engine
from glowcore.errors import CheckpointError, ConfigError, DataError
from glowcore.grids import grid
from glowcore.latents import Latents
from glowcore.progress import progress_bar
from glowcore.storage import output
from glowcore.storage.safetensors_guard import pack, unpack

MAP_FILE = "map.safetensors"
COMPONENTS = 64
COLUMNS = 40
SHOWN_SIGMAS = 3.0  # standard deviations that the plane shows to each side
FEWEST_PICTURES = 4
SHARES = (0.5, 0.9)  # of the pictures, one contour for each
MOST_PICTURES = 10_000  # their N x N inner products take 0.8 GB if N is smaller than D
WEBP_SIDE = 16_383  # pixels, the limit of the format
SHEET_PIXELS = 89_000_000  # Pillow rejects larger pictures as decompression bombs
DENSE = 50  # fewest pictures for which contours show more than the dots themselves
MOST_BYTES = 64 * 2**20


@dataclass(frozen=True, eq=False)
class LatentMap:
    """The encodings of N pictures in K principal components.

    Attributes:
        mean: ``[D]`` float32, the mean encoding.
        basis: ``[K, D]`` float32, orthonormal rows, the strongest component first.
        scale: ``[K]`` float32, the standard deviation along each component.
        coordinates: ``[N, K]`` float32, in units of ``scale``.
        labels: int8 ``[N, A]``, 1 yes, 0 no, -1 unknown.
        names: the A attributes of ``labels``.
        pictures: uint8 ``[N, H, W, 3]``.
        explained: the share of the total variance in the first two components.
    """

    mean: torch.Tensor
    basis: torch.Tensor
    scale: torch.Tensor
    coordinates: torch.Tensor
    labels: np.ndarray
    names: tuple[str, ...]
    pictures: np.ndarray
    explained: float

    def __len__(self) -> int:
        return len(self.coordinates)

    @property
    def nbytes(self) -> int:
        """Memory of the map in bytes."""
        tensors = (self.mean, self.basis, self.scale, self.coordinates)
        return self.pictures.nbytes + self.labels.nbytes + sum(t.nbytes for t in tensors)

    @cached_property
    def places(self) -> list[tuple[float, float]]:
        """The place of each picture on the plane."""
        return [(float(x), float(y)) for x, y in self.coordinates[:, :2].tolist()]

    @cached_property
    def outlines(self) -> list[list[Line]]:
        """Contours around the densest pictures for each of ``SHARES``; [] for fewer than ``DENSE`` pictures."""
        return outlines(self.places, SHARES) if len(self) >= DENSE else []

    def decode(self, engine: Engine, points: Sequence[tuple[float, float]]) -> list[np.ndarray]:
        """Return the picture at each point of the plane, uint8 ``[H, W, 3]``: the mean moved along two components.

        Points are clamped to the range of places that a recipe can hold.
        """
        steps = torch.tensor(points, dtype=torch.float32).clamp(-PLACE_LIMIT, PLACE_LIMIT) * self.scale[:2]
        flat = self.mean + steps @ self.basis[:2]
        return engine.decode(Latents.from_flat(flat.to(engine.device), engine.latent_shapes, engine.prior))

    def spread(self, direction: torch.Tensor) -> float:
        """Return the standard deviation of the encodings along a direction ``[D]``, taken as 1 outside the basis."""
        unit = direction.cpu().float() / direction.norm().cpu().clamp_min(1e-12)
        along = unit @ self.basis.T
        rest = max(0.0, 1 - float(along.square().sum()))
        return float(((along * self.scale).square().sum() + rest).sqrt())

    # -- building, saving, loading ---------------------------------------------------------------
    @classmethod
    def build(
        cls, engine: Engine, pictures: np.ndarray, labels: np.ndarray, names: Sequence[str], *, progress: bool = False
    ) -> LatentMap:
        """Make a map of pictures, uint8 ``[N, H, W, 3]``, with labels, int8 ``[N, A]`` for ``names``.

        Raises:
            DataError: fewer than 4 pictures.
        """
        if len(pictures) < FEWEST_PICTURES:
            raise DataError(f"a map of {len(pictures)} pictures has no plane; {FEWEST_PICTURES} or more are expected")
        shown = progress_bar(pictures, progress=progress, desc="encoding", unit=" pictures")
        flat = torch.cat([engine.encode(p).latents.flatten().float().cpu() for p in shown])
        mean = flat.mean(0)
        flat -= mean
        basis, values = principal_components(flat, COMPONENTS)
        scale = (values / (len(flat) - 1)).sqrt().float()
        explained = float(values[:2].sum() / flat.double().square().sum())
        coordinates = (flat @ basis.T) / scale
        return cls(mean, basis, scale, coordinates, labels.astype(np.int8), tuple(names), pictures, explained)

    def save(self, folder: Path) -> Path:
        """Write the map into a model's folder, in half precision and with all pictures in one WebP; return its path.

        Raises:
            ConfigError: the file cannot be written; an earlier map stays intact.
        """
        buffer = io.BytesIO()
        Image.fromarray(grid(self.pictures, columns=COLUMNS, gap=0)).save(buffer, "WEBP", quality=82, method=6)
        tensors = {
            "mean": self.mean.half(),
            "basis": self.basis.half(),
            "scale": self.scale,
            "coordinates": self.coordinates.half(),
            "labels": torch.from_numpy(self.labels),
            "pictures": torch.frombuffer(bytearray(buffer.getvalue()), dtype=torch.uint8),
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
            with Image.open(io.BytesIO(tensors["pictures"].numpy().tobytes()), formats=["WEBP"]) as image:
                tiles = np.asarray(image.convert("RGB"))
            pictures = np.stack([_tile(tiles, i, side) for i in range(count)])
            floats = (tensors[k].float() for k in ("mean", "basis", "scale", "coordinates"))
            return cls(*floats, tensors["labels"].numpy(), names, pictures, float(table["explained"]))
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


def principal_components(rows: torch.Tensor, most: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the principal components of centred rows ``[N, D]``, the strongest first.

    Returns:
        basis: ``[K, D]``, orthonormal rows; K is the least of ``most``, N - 1 and D.
        values: float64 ``[K]``, the eigenvalues, which are sums of squares over the rows.
    """
    count, dims = rows.shape
    kept = min(most, count - 1, dims)
    # The N x N inner products and the D x D scatter matrix have the same eigenvalues other than 0.
    wide = count < dims
    values, vectors = torch.linalg.eigh((rows @ rows.T if wide else rows.T @ rows).double())
    values, vectors = values.flip(0)[:kept].clamp_min(1e-9), vectors.flip(1)[:, :kept]
    return (vectors / values.sqrt()).float().T @ rows if wide else vectors.float().T, values


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


def _tile(tiles: np.ndarray, index: int, side: int) -> np.ndarray:
    y, x = index // COLUMNS * side, index % COLUMNS * side
    tile = tiles[y : y + side, x : x + side]
    if side < 1 or tile.shape != (side, side, 3):
        raise ValueError(f"picture {index} is cut off")
    return tile
