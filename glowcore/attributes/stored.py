"""Checks of stored attribute vectors before they are used."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from glowcore.errors import ConfigError

_COUNT, _NUMBER = (int,), (int, float)
_METRICS = {"success": _NUMBER, "leak": _NUMBER}
_REFINED = {"kept": (bool,), "cosine_with_start": _NUMBER, "before": _METRICS, "after": _METRICS}
_Known = Mapping[str, tuple[Any, str]]
#: The facts of an attribute that are read, as forms for :func:`_matches` and in words; others may be anything.
_FACTS = {
    **dict.fromkeys(("positives", "negatives"), (_COUNT, "a whole number")),
    "separation": ((*_NUMBER, type(None)), "a number or null"),
    "orthogonal_to": ([(str,)], "a list of names"),
    "direction": (
        {"kind": (str,), "level_factors?": [_NUMBER], "refined?": _REFINED},
        "an object with the kind of the direction, as a fit stores it",
    ),
    "source": ({}, "an object"),
}
#: The same of the source of all.
_SOURCE = {"classifiers": ([{"pictures": _COUNT}], "a list of objects, each with a number of pictures")}


def check_stored(tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> None:
    """Check that stored tensors and metadata are complete and agree.

    Args:
        tensors: as :meth:`~glowcore.attributes.AttributeVectors.tensors` returns them.
        metadata: as :meth:`~glowcore.attributes.AttributeVectors.metadata` returns it.

    The facts are not checked here but by :func:`malformed` and :func:`well_formed`.

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


def malformed(metadata: Mapping[str, Any]) -> list[str]:
    """Return one line for each fact of checked metadata that has another form than the code that reads it expects."""
    lines = _malformed(metadata["source"], _SOURCE, "the source of the attributes")
    parts = [_malformed(facts, _FACTS, f"attribute {name!r:.80}") for name, facts in metadata["info"].items()]
    return [line for part in (lines, *parts) for line in part.values()]


def well_formed(metadata: Mapping[str, Any]) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    """Return the facts of each attribute and the source of all, without those that :func:`malformed` lists.

    A warning names the first of these.
    """
    if lines := malformed(metadata):
        others = f" (and {len(lines) - 1} others)" if len(lines) > 1 else ""
        warnings.warn(f"{lines[0]}; this fact{others} is left out", stacklevel=3)

    def kept(facts: Mapping[str, Any], known: _Known) -> dict[str, Any]:
        return {key: value for key, value in facts.items() if key not in _malformed(facts, known, "")}

    return {name: kept(facts, _FACTS) for name, facts in metadata["info"].items()}, kept(metadata["source"], _SOURCE)


def _malformed(facts: Mapping[str, Any], known: _Known, owner: str) -> dict[str, str]:
    return {
        key: f"{owner}: {key} is {facts[key]!r:.60}, expected {expected}"
        for key, (form, expected) in known.items()
        if key in facts and not _matches(facts[key], form)
    }


def _matches(value: Any, form: Any) -> bool:
    """Return whether a JSON value has a form.

    Args:
        value: the value.
        form: a tuple of accepted types; ``[form]`` for a list of any length; or a dict of forms for an object, where a
            key that ends in ``?`` may be absent and unnamed keys may be present.
    """
    if isinstance(form, list):
        return isinstance(value, list) and all(_matches(item, form[0]) for item in value)
    if isinstance(form, dict):
        return isinstance(value, dict) and all(
            _matches(value[name], part) if (name := key.removesuffix("?")) in value else key.endswith("?")
            for key, part in form.items()
        )
    return type(value) in form  # not isinstance: True is no number


def _is_shape(shape: Any) -> bool:
    return isinstance(shape, list) and len(shape) == 3 and all(type(n) is int and 0 < n <= 1 << 20 for n in shape)
