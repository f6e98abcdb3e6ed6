"""Class-conditional models, where a picture belongs to one of K classes that only the top level's prior knows.

Encodings of all pictures are kept relative to one and the same class, `COMMON`, whatever they show: films, level mixing
and arithmetic between them then end exactly where the pictures are. What is said *about* a picture, its likelihood and
its distance from the typical set, is said under the class that explains it best.
"""

from __future__ import annotations

from dataclasses import replace

import torch

import glowcore
from glowcore import classes
from glowcore.latents import Latents

COMMON = 0


def common(model: glowcore.Flow, batch: int) -> torch.Tensor | None:
    """The labels under which pictures are kept, int64 [batch]; None for a model without classes."""
    if not classes.num_classes(model):
        return None
    return torch.full((batch,), COMMON, dtype=torch.long, device=model.device)


def chosen(model: glowcore.Flow, label: int) -> int | None:
    """The class to sample, the last one for a number beyond it; None for a model without classes."""
    count = classes.num_classes(model)
    return min(label, count - 1) if count else None


def explained(model: glowcore.Flow, latents: Latents) -> Latents:
    """The same pictures as noise of the class that explains each of them best; as they are for a model without."""
    if latents.y is None:
        return latents
    known = replace(latents, log_prob=latents.levels[0].new_zeros(len(latents)))
    best = (classes.log_prob_by_class(model, known) + classes.log_prior(model)).argmax(dim=1)
    top, _ = model.top_prior(model.top_prior.inverse(latents.levels[-1], latents.y), best)
    return replace(latents, levels=[*latents.levels[:-1], top], y=best, log_prob=None)
