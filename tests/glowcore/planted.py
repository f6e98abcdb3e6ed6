"""Encodings with planted attribute directions, for the tests of attribute vectors."""

import numpy as np
import torch

from glowcore.attributes.encoding_rows import kept_on_disk
from glowcore.attributes.fit import Columns, fit_matrix
from glowcore.latents import Latents

SHAPES = ((6, 4, 4), (12, 2, 2))
DIMS = 144
NAMES = ("Smiling", "Eyeglasses", "Young")


def planted(count=3000, strength=1.5, seed=0, names=NAMES):
    """Coloured noise with one direction per attribute added where the label is 1; a tenth of the labels unknown."""
    rng = np.random.default_rng(seed)
    directions = rng.normal(size=(len(names), DIMS))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    labels = (rng.random((count, len(names))) < 0.4).astype(np.int8)
    scale = np.linspace(0.5, 2.0, DIMS)
    eps = rng.normal(size=(count, DIMS)) * scale + strength * labels @ directions
    labels[rng.random(labels.shape) < 0.1] = -1
    return eps.astype(np.float32), labels, directions


def batches(eps, labels, size=256):
    return [
        (torch.from_numpy(eps[i : i + size]), torch.from_numpy(labels[i : i + size])) for i in range(0, len(eps), size)
    ]


def latents(flat):
    return Latents.from_flat(flat, SHAPES)


def fit(encodings, names=NAMES, **options):
    """Attribute vectors of batches, by way of the disk as those of pictures are made."""
    with kept_on_disk(encodings, DIMS) as (matrix, labels):
        return fit_matrix(matrix, labels, Columns(names, SHAPES), **options)
