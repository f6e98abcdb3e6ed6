"""Random edits of training pictures, on which directions are refined."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

STRENGTHS = (1.5, 3.0)  # smallest and largest, in sigma


class EditBatch(NamedTuple):
    """One edit per row; each field is ``[B]``."""

    attributes: np.ndarray
    signs: np.ndarray  # +1 adds the attribute, -1 takes it away
    rows: np.ndarray  # of the encodings and pictures
    strengths: np.ndarray  # in sigma


class EditDraws:
    """Batches of random edits: attributes in turn, strengths uniform, pictures that lack or have the attribute.

    The share of edits that take an attribute away is the share of pictures that have it, within 1/4 and 1/2.

    Args:
        labels: ``[N, A]``, 1 yes, 0 no, -1 for pictures that must not be drawn.
        rng: the source of all draws.
    """

    def __init__(self, labels: np.ndarray, rng: np.random.Generator) -> None:
        self.rng, self.count = rng, labels.shape[1]
        self.rows = [[np.flatnonzero(labels[:, a] == value) for value in (0, 1)] for a in range(self.count)]
        self.away = [np.clip(len(yes) / (len(no) + len(yes)), 0.25, 0.5) for no, yes in self.rows]
        self.order: list[int] = []

    def __call__(self, count: int) -> EditBatch:
        """Return the next ``count`` edits."""
        while len(self.order) < count:
            self.order += self.rng.permutation(self.count).tolist()
        attributes, self.order = self.order[:count], self.order[count:]
        taken = [int(self.rng.random() < self.away[a]) for a in attributes]
        rows = [int(self.rng.choice(self.rows[a][t])) for a, t in zip(attributes, taken, strict=True)]
        strengths = self.rng.uniform(*STRENGTHS, count)
        return EditBatch(np.array(attributes), 1 - 2 * np.array(taken), np.array(rows), strengths)
