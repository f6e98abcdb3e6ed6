"""A matrix of encodings that need not fit in memory, read in as few passes as possible."""

from __future__ import annotations

import contextlib
import logging
import tempfile
from collections.abc import Iterable, Iterator
from typing import BinaryIO

import numpy as np
import torch
from torch import Tensor

from glowcore.errors import DataError, reason

CHUNK_BYTES = 1 << 24  # larger blocks are allocated anew on every pass, page by page
#: Largest absolute value of a usable encoding. Latents are standardised; larger values come from pictures that the
#: model cannot represent, and one such row would dominate every mean.
FARTHEST = 1e4

log = logging.getLogger(__name__)


@contextlib.contextmanager
def kept_on_disk(batches: Iterable[tuple[Tensor, Tensor]], dims: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield batches of encodings ``[B, D]`` and labels ``[B, A]`` joined: float32 ``[N, D]`` and int8 ``[N, A]``.

    The encodings are in a temporary file of 4 N D bytes, which is removed when the context closes.

    Raises:
        DataError: there is no room for the file.
    """
    labels = []
    with _temporary_file() as file:
        for flat, known in batches:
            with _naming_the_folder():
                file.write(flat.detach().cpu().float().contiguous().numpy())
            labels.append(known.detach().cpu().numpy().astype(np.int8))
        table = np.concatenate(labels)
        with _naming_the_folder():
            file.flush()
            matrix = np.memmap(file, np.float32, "r", shape=(len(table), dims))
        yield matrix, table


@contextlib.contextmanager
def _temporary_file() -> Iterator[BinaryIO]:
    with _naming_the_folder():
        file = tempfile.TemporaryFile()  # noqa: SIM115 - closed below
    try:
        yield file
    finally:
        with _naming_the_folder():  # closing retries a write that failed
            file.close()


@contextlib.contextmanager
def _naming_the_folder() -> Iterator[None]:
    """Turn an OSError into a DataError that names the folder for temporary files."""
    try:
        yield
    except OSError as error:
        raise DataError(
            f"the encodings do not fit into {tempfile.gettempdir()} ({reason(error)}); TMPDIR names another folder"
        ) from error


class EncodingRows:
    """A matrix ``[N, D]`` read in chunks of float32 rows, unusable rows as zeros.

    Attributes:
        usable: bool ``[N]``, whether all values of a row are finite and none is beyond :data:`FARTHEST`.
    """

    def __init__(self, matrix: np.ndarray) -> None:
        self.matrix = matrix
        self.step = max(1, CHUNK_BYTES // (4 * matrix.shape[1]))
        # In float32, since float16 cannot hold the bound. A NaN fails the comparison.
        self.usable = np.concatenate(
            [(np.abs(matrix[part].astype(np.float32)) <= FARTHEST).all(1) for part in self._slices()]
        )
        if not self.usable.all():
            log.warning(
                "%d encodings have values that are not finite or beyond %g, and are left out",
                (~self.usable).sum(),
                FARTHEST,
            )

    def __iter__(self) -> Iterator[tuple[slice, Tensor]]:
        for part in self._slices():
            chunk = np.array(self.matrix[part], dtype=np.float32)
            chunk[~self.usable[part]] = 0
            yield part, torch.from_numpy(chunk)

    def covariance_product(self, w: Tensor, centre: Tensor, use: np.ndarray) -> Tensor:
        """Return ``S w`` (``[D, K]``) with the covariance S of the rows marked in ``use``."""
        total, weights = torch.zeros_like(w), torch.from_numpy(use).float()[:, None]
        shift, summed = centre.float() @ w, torch.zeros(w.shape[1], dtype=torch.float64)
        for part, chunk in self:
            product = (chunk @ w - shift) * weights[part]
            total += chunk.T @ product
            summed += product.double().sum(0)
        return (total - centre.float()[:, None] * summed.float()) / int(use.sum())

    def project(self, vectors: Tensor) -> Tensor:
        """Return the inner products ``[N, K]`` of all rows with ``vectors`` (``[K, D]``)."""
        return torch.cat([chunk @ vectors.T for _, chunk in self])

    def project_and_square(self, vectors: Tensor, centre: Tensor, sizes: list[int]) -> tuple[Tensor, Tensor]:
        """Return the inner products with ``vectors`` and squared distances from ``centre``, in one pass.

        Args:
            vectors: ``[K, D]``.
            centre: ``[D]``.
            sizes: number of dimensions of each of L levels; they sum to D.

        Returns:
            the inner products ``[N, K]``, and the squared distance of every level of every row, ``[N, L]``.
        """
        products, squares, centre = [], [], centre.float()
        for _, chunk in self:
            products.append(chunk @ vectors.T)
            levels = (chunk - centre).square().split(sizes, dim=1)
            squares.append(torch.stack([level.sum(1) for level in levels], dim=1))
        return torch.cat(products), torch.cat(squares)

    def _slices(self) -> Iterator[slice]:
        for start in range(0, len(self.matrix), self.step):
            yield slice(start, min(start + self.step, len(self.matrix)))


class Moments:
    """Sums over all rows that the fit needs, computed in one pass.

    Args:
        rows: the encodings, ``[N, D]``.
        labels: ``[N, A]``, 1 yes, 0 no, -1 unknown.
        fitted: bool ``[N]``, the rows that discriminants are fitted to.
        weights: the weights r of the directions, ``[N, A]`` (:mod:`glowcore.attributes.directions`).

    Attributes:
        directions: ``X^T r``, ``[A, D]`` float64.
        targets: differences of class means over the ``fitted`` rows, ``[A, D]`` float64.
        centre: mean of these rows, ``[D]`` float64.
        mean: mean of all usable rows, ``[D]`` float64.
        fitted_variance: mean over the dimensions of their variance.
        variance: of all usable rows, per dimension, ``[D]`` float64.
    """

    def __init__(self, rows: EncodingRows, labels: Tensor, fitted: Tensor, weights: np.ndarray) -> None:
        inside = fitted[:, None]
        yes, no = (labels == 1) & inside, (labels == 0) & inside
        usable = torch.from_numpy(rows.usable)[:, None]
        marks = torch.cat([yes, no, inside, usable], dim=1).float()
        table = torch.cat([marks, torch.from_numpy(weights).float()], dim=1)
        sums = torch.zeros(table.shape[1], rows.matrix.shape[1], dtype=torch.float64)
        squares, squares_fitted = torch.zeros(rows.matrix.shape[1], dtype=torch.float64), 0.0
        for part, chunk in rows:
            sums += (table[part].T @ chunk).double()
            squared = chunk.square()
            squares += squared.sum(0).double()
            squares_fitted += float((squared.sum(1) * inside[part, 0]).double().sum())
        counts, classes = marks.double().sum(0), labels.shape[1]
        means = sums[: marks.shape[1]] / counts.clamp_min(1)[:, None]
        self.targets = means[:classes] - means[classes : 2 * classes]
        self.centre, self.mean = means[-2], means[-1]
        self.variance = squares / counts[-1] - self.mean.square()
        self.fitted_variance = float(squares_fitted / counts[-2] - self.centre.square().sum()) / rows.matrix.shape[1]
        self.directions = sums[marks.shape[1] :]
