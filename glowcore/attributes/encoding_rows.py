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

CHUNK_BYTES = 1 << 24  # larger blocks come fresh from the system, page by page, on every pass
#: Latents are standardised: what lies beyond comes of a picture that the model cannot take, and one such row would
#: outweigh all others in every mean.
FARTHEST = 1e4

log = logging.getLogger(__name__)


@contextlib.contextmanager
def kept_on_disk(batches: Iterable[tuple[Tensor, Tensor]], dims: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Gather batches of encodings ``[B, D]`` and labels ``[B, A]`` as float32 ``[N, D]`` and int8 ``[N, A]``.

    The encodings lie in a temporary file of 4 N D bytes, which is gone at the end.

    Raises:
        DataError: there is no room for it.
    """
    labels = []
    with _temporary_file() as file:
        for flat, known in batches:
            with _told_where():
                file.write(flat.detach().cpu().float().contiguous().numpy())
            labels.append(known.detach().cpu().numpy().astype(np.int8))
        table = np.concatenate(labels)
        with _told_where():
            file.flush()
            matrix = np.memmap(file, np.float32, "r", shape=(len(table), dims))
        yield matrix, table


@contextlib.contextmanager
def _temporary_file() -> Iterator[BinaryIO]:
    with _told_where():
        file = tempfile.TemporaryFile()  # noqa: SIM115 - closed below
    try:
        yield file
    finally:
        with _told_where():  # after a write that failed it tries once more
            file.close()


@contextlib.contextmanager
def _told_where() -> Iterator[None]:
    """Say of an error in the body of the `with` which folder has no room."""
    try:
        yield
    except OSError as error:
        raise DataError(
            f"the encodings do not fit into {tempfile.gettempdir()} ({reason(error)}); TMPDIR names another folder"
        ) from error


class EncodingRows:
    """A matrix ``[N, D]`` read in chunks of float32 rows; rows that cannot be used read as zeros.

    Attributes:
        usable: which rows can, ``bool [N]``: all values finite and none beyond :data:`FARTHEST`.
    """

    def __init__(self, matrix: np.ndarray) -> None:
        self.matrix = matrix
        self.step = max(1, CHUNK_BYTES // (4 * matrix.shape[1]))
        # In float32, for float16 cannot hold the bound; NaN is within none.
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

    def _slices(self) -> Iterator[slice]:
        for start in range(0, len(self.matrix), self.step):
            yield slice(start, min(start + self.step, len(self.matrix)))


class Moments:
    """What the fit needs of all rows, in one pass.

    Attributes:
        directions: ``X^T r`` for the weights r, ``[A, D]`` float64 (:mod:`glowcore.attributes.directions`).
        targets: differences of class means over the rows marked as ``fitted``, ``[A, D]`` float64.
        centre: mean of these rows, ``[D]`` float64.
        fitted_variance: mean over the dimensions of their variance.
        variance: of all usable rows, by dimension, ``[D]`` float64.
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
        self.centre, centre_all = means[-2], means[-1]
        self.variance = squares / counts[-1] - centre_all.square()
        self.fitted_variance = float(squares_fitted / counts[-2] - self.centre.square().sum()) / rows.matrix.shape[1]
        self.directions = sums[marks.shape[1] :]
