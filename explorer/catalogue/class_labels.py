"""Labels for class-conditional models, in which only the prior of the top level depends on the class.

All pictures are encoded under one class, ``COMMON``, whatever they show, so that films, level mixing and arithmetic
between encodings end exactly at the pictures. Likelihood and level norms of a picture are computed under its most
probable class.
"""

from __future__ import annotations

from dataclasses import replace

import torch

import glowcore
from glowcore import classes
from glowcore.latents import Latents

COMMON = 0


def common(model: glowcore.Flow, batch: int) -> torch.Tensor | None:
    """Return the labels under which pictures are encoded, int64 ``[batch]``; None for a model without classes."""
    if not classes.num_classes(model):
        return None
    return torch.full((batch,), COMMON, dtype=torch.long, device=model.device)


def chosen(model: glowcore.Flow, label: int) -> int | None:
    """Return the class to sample: ``label``, at most the last class; None for a model without classes."""
    count = classes.num_classes(model)
    return min(label, count - 1) if count else None


def explained(model: glowcore.Flow, latents: Latents) -> Latents:
    """Return the latents of the same pictures under the most probable class of each; unchanged without classes."""
    if latents.y is None:
        return latents
    with_log_prob = replace(latents, log_prob=latents.levels[0].new_zeros(len(latents)))
    best = (classes.log_prob_by_class(model, with_log_prob) + classes.log_prior(model)).argmax(dim=1)
    top, _ = model.top_prior(model.top_prior.inverse(latents.levels[-1], latents.y), best)
    return replace(latents, levels=[*latents.levels[:-1], top], y=best, log_prob=None)
