"""Comparison of the structure of two models: whether they compute the same function from the same weights."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import nn

#: Types of module attributes that are compared as settings.
_SETTINGS = (bool, int, float, str, tuple, list, type(None))
#: Attributes that do not affect the function.
_IGNORED = {"training", "attributes", "origin"}


def difference(model: nn.Module, expected: nn.Module) -> str | None:
    """Describe the first difference in structure between ``model`` and ``expected``, or return None.

    The comparison covers the modules by name and type, their settings, and methods assigned to a single module. A
    subclass that only adds to its base, overriding nothing, equals the base. Weights and hooks are not compared.
    """
    modules, expected_modules = (dict(root.named_modules(remove_duplicate=False)) for root in (model, expected))
    for name, reference in expected_modules.items():
        module = modules.pop(name, None)
        if not _is_kind(module, type(reference)):
            return f"{name or 'the model'} is {_text(module)}, expected {_text(reference)}"
        for setting, value, expected_value in _settings(module, reference):
            if not same(value, expected_value):
                return f"{name}.{setting} is {_text(value)}, expected {_text(expected_value)}".lstrip(".")
    return next((f"{name} is {_text(module)}, expected none" for name, module in modules.items()), None)


def _is_kind(module: nn.Module | None, kind: type[nn.Module]) -> bool:
    """Return whether a module is of type ``kind``, or of a subclass that overrides nothing of it."""
    order = type(module).__mro__
    if kind not in order:
        return False
    names = {name for subclass in order[: order.index(kind)] for name in vars(subclass)}
    # Every class defines dunder names such as __module__; the effects of __init__ are compared as settings.
    return not any(hasattr(kind, name) for name in names if name == "__call__" or name[:2] != "__")


def _settings(module: nn.Module, reference: nn.Module) -> Iterator[tuple[str, Any, Any]]:
    """Yield name, value and expected value of the attributes that determine the function of a module."""
    for name, expected in vars(reference).items():
        if name[0] != "_" and name not in _IGNORED and isinstance(expected, _SETTINGS):
            yield name, getattr(module, name, None), expected
    for name, value in vars(module).items():
        if name not in vars(reference) and hasattr(type(reference), name):
            yield name, value, getattr(type(reference), name)


def same(value: Any, expected: Any) -> bool:
    """Return whether two values are equal; those that cannot be compared are not."""
    try:
        return bool(value == expected)
    except (TypeError, ValueError, RuntimeError):  # comparing an array or a tensor
        return False


def _text(value: Any) -> str:
    if isinstance(value, nn.Module):
        return f"a {type(value).__name__}"
    return getattr(value, "__qualname__", None) or " ".join(repr(value).split())[:60]
