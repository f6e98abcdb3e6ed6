"""Whether a model is built as another is, so that it computes the same function of the same weights."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import nn

#: Kinds of attributes that are settings of a module; a config or a meter is none.
_SETTINGS = (bool, int, float, str, tuple, list, type(None))
#: Attributes that say nothing of the function.
_IGNORED = {"training", "attributes", "anchor_every"}


def difference(model: nn.Module, expected: nn.Module) -> str | None:
    """Return in words the first thing in which ``model`` is not built as ``expected`` is, or None.

    Compared are the modules by name and type, their settings, and methods put on a single module. A subclass that
    replaces nothing of its base and only adds to it is as good as the base. Not compared are weights, and hooks, which
    are no part of a model.
    """
    found, wanted = (dict(each.named_modules(remove_duplicate=False)) for each in (model, expected))
    for name, like in wanted.items():
        module = found.pop(name, None)
        if not _is_kind(module, type(like)):
            return f"{name or 'the model'} is {_text(module)}, expected {_text(like)}"
        for setting, value, other in _settings(module, like):
            if not _same(value, other):
                return f"{name}.{setting} is {_text(value)}, expected {_text(other)}".lstrip(".")
    return next((f"{name} is {_text(module)}, expected none" for name, module in found.items()), None)


def _is_kind(module: nn.Module | None, kind: type[nn.Module]) -> bool:
    """Whether a module is of this type, or of one that only adds to it."""
    order = type(module).__mro__
    if kind not in order:
        return False
    names = {name for each in order[: order.index(kind)] for name in vars(each)}
    # Names of Python's own stand in every class; what __init__ has done is compared itself.
    return not any(hasattr(kind, name) for name in names if name == "__call__" or name[:2] != "__")


def _settings(module: nn.Module, like: nn.Module) -> Iterator[tuple[str, Any, Any]]:
    """Yield name, value and expected value of all that decides what a module computes of its weights."""
    for name, other in vars(like).items():
        if name[0] != "_" and name not in _IGNORED and isinstance(other, _SETTINGS):
            yield name, getattr(module, name, None), other
    for name, value in vars(module).items():
        if name not in vars(like) and hasattr(type(like), name):
            yield name, value, getattr(type(like), name)


def _same(value: Any, other: Any) -> bool:
    try:
        return bool(value == other)
    except (TypeError, ValueError, RuntimeError):  # an array or a tensor in the place of a setting
        return False


def _text(value: Any) -> str:
    if isinstance(value, nn.Module):
        return f"a {type(value).__name__}"
    return getattr(value, "__qualname__", None) or " ".join(repr(value).split())[:60]
