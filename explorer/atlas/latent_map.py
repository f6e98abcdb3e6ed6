"""A map of a model's latent space: the plane on which encodings of many pictures differ most.

Principal components of encodings. The map is invertible, unlike t-SNE or UMAP: every place on it, not only those where
a picture lies, decodes to a face.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
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
SHARES = (0.5, 0.9)  # of the pictures, that a line encloses each
MOST_PICTURES = 10_000  # of which the N x N inner products take 0.8 GB
WEBP_SIDE = 16_383  # pixels, the most that the format takes
SHEET_PIXELS = 89_000_000  # what is larger Pillow takes for a decompression bomb
DENSE = 50  # pictures from which a density says more than the dots themselves
MOST_BYTES = 64 * 2**20


@dataclass(frozen=True, eq=False)
class LatentMap:
    """Encodings of N pictures in K principal components.

    Attributes:
        mean: [D] float32, the mean encoding.
        basis: [K, D] float32, orthonormal rows, the strongest component first.
        scale: [K] float32, standard deviation along each.
        coordinates: [N, K] float32, in units of `scale`.
        labels: int8 [N, A] for `names`: 1 yes, 0 no, -1 unknown.
        pictures: uint8 [N, H, W, 3].
        explained: share of all variance in the first two components.
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
        """Memory the map takes."""
        tensors = (self.mean, self.basis, self.scale, self.coordinates)
        return self.pictures.nbytes + self.labels.nbytes + sum(t.nbytes for t in tensors)

    @cached_property
    def places(self) -> list[tuple[float, float]]:
        """Where each picture lies on the plane."""
        return [(float(x), float(y)) for x, y in self.coordinates[:, :2].tolist()]

    @cached_property
    def outlines(self) -> list[list[Line]]:
        """For each of `SHARES` the closed lines on the plane round the densest pictures; [] where they are few."""
        return outlines(self.places, SHARES) if len(self) >= DENSE else []

    def decode(self, engine: Engine, points: Sequence[tuple[float, float]]) -> list[np.ndarray]:
        """The faces at points of the plane, uint8 [H, W, 3]: the mean, moved along the first two components.

        A place farther out than a recipe can name is taken as the nearest that it can.
        """
        steps = torch.tensor(points, dtype=torch.float32).clamp(-PLACE_LIMIT, PLACE_LIMIT) * self.scale[:2]
        flat = self.mean + steps @ self.basis[:2]
        return engine.decode(Latents.from_flat(flat.to(engine.device), engine.latent_shapes, engine.prior))

    def spread(self, direction: torch.Tensor) -> float:
        """Standard deviation of the mapped encodings along a direction [D]; 1 for what lies outside of the basis."""
        unit = direction.cpu().float() / direction.norm().cpu().clamp_min(1e-12)
        along = unit @ self.basis.T
        rest = max(0.0, 1 - float(along.square().sum()))
        return float(((along * self.scale).square().sum() + rest).sqrt())

    # -- making and keeping ----------------------------------------------------------------
    @classmethod
    def build(
        cls, engine: Engine, pictures: np.ndarray, labels: np.ndarray, names: Sequence[str], *, progress: bool = False
    ) -> LatentMap:
        """Make a map of uint8 pictures [N, H, W, 3] with int8 labels [N, A]; DataError for fewer than 4 pictures."""
        if len(pictures) < FEWEST_PICTURES:
            raise DataError(f"a map of {len(pictures)} pictures has no plane; {FEWEST_PICTURES} or more are expected")
        shown = progress_bar(pictures, progress=progress, desc="encoding", unit=" pictures")
        flat = torch.cat([engine.encode(p).latents.flatten().float().cpu() for p in shown])
        mean = flat.mean(0)
        flat -= mean
        # The N x N inner products give the same components as the D x D covariance, for far fewer pictures than D.
        values, vectors = torch.linalg.eigh((flat @ flat.T).double())
        count = min(COMPONENTS, len(flat) - 1)
        values, vectors = values.flip(0)[:count].clamp_min(1e-9), vectors.flip(1)[:, :count]
        basis = (vectors / values.sqrt()).float().T @ flat
        scale = (values / (len(flat) - 1)).sqrt().float()
        explained = float(values[:2].sum() / flat.double().square().sum())
        coordinates = (flat @ basis.T) / scale
        return cls(mean, basis, scale, coordinates, labels.astype(np.int8), tuple(names), pictures, explained)

    def save(self, folder: Path) -> Path:
        """Write the map into a model's folder: half precision, pictures as one WebP.

        Raises:
            ConfigError: it cannot be written; an earlier map is intact.
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
        """Read a model's map; None where there is none, CheckpointError where it is damaged."""
        path = folder / MAP_FILE
        told = Path(folder.name, MAP_FILE)  # what messages call it: where it lies on the disk is not for visitors
        if not path.is_file():
            return None
        if path.stat().st_size > MOST_BYTES:
            raise CheckpointError(f"{told}: {path.stat().st_size} bytes, at most {MOST_BYTES} are accepted")
        tensors, table = unpack(told, path.read_bytes())
        try:
            count, side = len(tensors["coordinates"]), int(table["side"])
            with Image.open(io.BytesIO(tensors["pictures"].numpy().tobytes()), formats=["WEBP"]) as image:
                tiles = np.asarray(image.convert("RGB"))
            pictures = np.stack([_tile(tiles, i, side) for i in range(count)])
            floats = (tensors[k].float() for k in ("mean", "basis", "scale", "coordinates"))
            names = tuple(filter(None, table["names"].split("\n")))
            return cls(*floats, tensors["labels"].numpy(), names, pictures, float(table["explained"]))
        except (KeyError, ValueError, OSError) as error:
            raise CheckpointError(f"{told}: not a map of this program ({str(error)[:80]})") from error


def most_pictures(size: tuple[int, int]) -> int:
    """The most pictures of this height and width that a map can keep.

    Raises:
        ConfigError: of this size it keeps none.
    """
    height, width = size
    if height != width or COLUMNS * width > WEBP_SIDE:
        raise ConfigError(
            f"a map cannot keep pictures of {width}x{height}; expected square ones of "
            f"{WEBP_SIDE // COLUMNS} pixels a side at most"
        )
    rows = min(WEBP_SIDE // height, SHEET_PIXELS // (COLUMNS * width * height))
    return min(MOST_PICTURES, rows * COLUMNS)


def _tile(tiles: np.ndarray, index: int, side: int) -> np.ndarray:
    y, x = index // COLUMNS * side, index % COLUMNS * side
    tile = tiles[y : y + side, x : x + side]
    if tile.shape != (side, side, 3):
        raise ValueError(f"picture {index} is cut off")
    return tile
