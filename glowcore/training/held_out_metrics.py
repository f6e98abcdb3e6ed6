"""The metrics of an evaluation during a run."""

from __future__ import annotations

import torch
from torch import Tensor

from glowcore.classes import ClassTally, any_classes
from glowcore.evaluation.held_out import health, noisy_bits_per_dim
from glowcore.evaluation.ood_probes import PROBE_KINDS, ood_probes
from glowcore.likelihood_model import LikelihoodModel

#: Pictures per batch, and how many of them the round trip is measured on.
BATCH_SIZE, ROUND_TRIP_PICTURES = 32, 32


@torch.inference_mode()
def held_out_metrics(model: LikelihoodModel, images: Tensor, labels: Tensor | None) -> dict[str, float]:
    """Measure a model in eval mode on held-out pictures; the noise is the same at every call.

    Args:
        model: in eval mode.
        images: uint8 ``[N, C, H, W]``.
        labels: int64 ``[N]`` for a class-conditional model, else None.

    Returns:
        ``bits_per_dim``, the mean over the pictures; ``bits_per_dim_ood``, that of one out-of-distribution probe of
        each kind; the entries of :func:`~glowcore.evaluation.held_out.health` and, with labels, those of
        :meth:`ClassTally.figures`. ``bits_per_dim_ood`` is far above ``bits_per_dim`` in a sound model, but differs by
        orders of magnitude between sound models, so it is no criterion of divergence.
    """
    tally = None if labels is None else ClassTally(model)
    bits = []
    for start in range(0, len(images), BATCH_SIZE):
        rows = slice(start, start + BATCH_SIZE)
        y = None if labels is None else labels[rows]
        bits.append(noisy_bits_per_dim(model, images[rows], 0, start, y, tally))
    probes = torch.from_numpy(ood_probes(tuple(images.shape[1:]), len(PROBE_KINDS))[1])
    probe_bits = noisy_bits_per_dim(model, probes, 0, 0, any_classes(model, len(probes)))
    some = slice(ROUND_TRIP_PICTURES)
    return {
        "bits_per_dim": float(torch.cat(bits).double().mean()),
        "bits_per_dim_ood": float(probe_bits.double().mean()),
        **health(model, images[some], None if labels is None else labels[some]),
        **({} if tally is None else tally.figures()),
    }
