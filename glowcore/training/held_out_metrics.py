"""The metrics of an evaluation during a run."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from glowcore.classes import ClassTally, any_classes
from glowcore.evaluation.held_out import in_batches, noisy_bits_per_dim
from glowcore.evaluation.ood_probes import PROBE_KINDS, ood_probes
from glowcore.exact import largest_error
from glowcore.likelihood_model import LikelihoodModel
from glowcore.transforms.conv1x1 import ChannelLinear

#: Upper bound on the pictures per batch, and how many of them the round trip is measured on.
MOST_AT_ONCE, ROUND_TRIP_PICTURES = 32, 32


@torch.inference_mode()
def held_out_metrics(
    model: LikelihoodModel, images: Tensor, labels: Tensor | None, batch_size: int = MOST_AT_ONCE
) -> dict[str, float]:
    """Measure a model in eval mode on held-out pictures; the noise is the same at every call.

    Args:
        model: in eval mode.
        images: uint8 ``[N, C, H, W]``.
        labels: int64 ``[N]`` for a class-conditional model, else None.
        batch_size: pictures at once, at most :data:`MOST_AT_ONCE`; it changes the results by rounding only.

    Returns:
        ``bits_per_dim``, the mean over the pictures; ``bits_per_dim_ood``, that of one out-of-distribution probe of
        each kind; the entries of :func:`health` and, with labels, those of :meth:`ClassTally.figures`.
        ``bits_per_dim_ood`` is far above ``bits_per_dim`` in a sound model, but differs by orders of magnitude between
        sound models, so it is no criterion of divergence.
    """
    size = min(batch_size, MOST_AT_ONCE)
    tally = None if labels is None else ClassTally(model)
    probes = _probes(images)
    some = slice(ROUND_TRIP_PICTURES)
    return {
        "bits_per_dim": _mean_bits(model, images, labels, size, tally),
        "bits_per_dim_ood": _mean_bits(model, probes, any_classes(model, len(probes)), size),
        **health(model, images[some], None if labels is None else labels[some], size),
        **({} if tally is None else tally.figures()),
    }


def _mean_bits(
    model: LikelihoodModel, images: Tensor, labels: Tensor | None, size: int, tally: ClassTally | None = None
) -> float:
    bits = [noisy_bits_per_dim(model, part, 0, first, y, tally) for first, part, y in in_batches(images, labels, size)]
    return float(torch.cat(bits).double().mean())


@torch.inference_mode()
def health(
    model: LikelihoodModel, images: Tensor, labels: Tensor | None = None, batch_size: int = MOST_AT_ONCE
) -> dict[str, float]:
    """Measure what goes wrong before the loss shows it: round trip, samples, conditioning of the convolutions.

    Args:
        model: in eval mode.
        images: uint8 ``[N, C, H, W]``.
        labels: int64 ``[N]``, the classes of the pictures, for a class-conditional model.
        batch_size: pictures at once.

    Returns:
        ``round_trip``, the largest error of ``decode(encode(x))`` on ``images``; ``round_trip_ood``, the same on one
        out-of-distribution probe of each kind (:mod:`glowcore.evaluation.ood_probes`); ``samples_finite``, the
        fraction of 16 samples at temperature 1 without NaN or Inf; ``condition``, the largest condition number of a
        1x1 convolution.
    """

    def round_trip(pictures: Tensor, labels: Tensor | None) -> float:
        batches = in_batches(pictures, labels, batch_size)
        return max(largest_error(model.decode(model.encode(part, y)), part / 255) for _, part, y in batches)

    probes = _probes(images)
    drawn = in_batches(torch.arange(16, device="cpu"), any_classes(model, 16), batch_size)
    samples = [model.decode(model.sample_latents(seeds.tolist(), y=y)).flatten(1) for _, seeds, y in drawn]
    conditions = [_condition(module.weight()) for module in model.modules() if isinstance(module, ChannelLinear)]
    return {
        "round_trip": round_trip(images, labels),
        "round_trip_ood": round_trip(probes, any_classes(model, len(probes))),
        "samples_finite": float(torch.cat(samples).isfinite().all(dim=1).float().mean()),
        "condition": max(conditions, default=1.0),
    }


def _probes(images: Tensor) -> Tensor:
    """Return one out-of-distribution probe of each kind in the shape of the pictures, uint8 ``[B, C, H, W]``."""
    return torch.from_numpy(ood_probes(tuple(images.shape[1:]), len(PROBE_KINDS))[1])


def _condition(weight: Tensor) -> float:
    """Return the condition number of a matrix, infinity if a value is not finite (``cond`` would raise)."""
    return float(torch.linalg.cond(weight.float().cpu())) if bool(weight.isfinite().all()) else math.inf
