"""Checks of stored attribute vectors before they are used."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from glowcore.errors import ConfigError


def check_stored(tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> None:
    """Check that stored tensors and metadata are complete and agree.

    Args:
        tensors: as :meth:`~glowcore.attributes.AttributeVectors.tensors` returns them.
        metadata: as :meth:`~glowcore.attributes.AttributeVectors.metadata` returns it.

    Raises:
        ConfigError: something is missing or inconsistent.
    """
    names, shapes, facts, source = (metadata.get(key) for key in ("names", "shapes", "info", "source"))
    if not isinstance(names, list) or not all(isinstance(n, str) for n in names) or len(set(names)) != len(names):
        raise ConfigError("attribute vectors need a list of different names")
    if not isinstance(shapes, list) or not all(_is_shape(shape) for shape in shapes):
        raise ConfigError("attribute vectors need the shapes of the latents, [[c, h, w], ...]")
    if not isinstance(facts, dict) or set(facts) != set(names) or any(type(f) is not dict for f in facts.values()):
        raise ConfigError("attribute vectors need an object of info for each name")
    if metadata.get("prior") not in ("gaussian", "logistic") or not isinstance(source, dict):
        raise ConfigError("attribute vectors need a prior, gaussian or logistic, and an object as source")
    count, dims = len(names), sum(math.prod(shape) for shape in shapes)
    expected = {"directions": (count, dims), "score_weights": (count, dims)}
    expected |= {"score_offsets": (count,), "covariance": (count, count)}
    if {key: tuple(t.shape) for key, t in tensors.items()} != expected:
        raise ConfigError(f"attribute tensors do not have the shapes {expected}")


def _is_shape(shape: Any) -> bool:
    return isinstance(shape, list) and len(shape) == 3 and all(type(n) is int and 0 < n <= 1 << 20 for n in shape)
