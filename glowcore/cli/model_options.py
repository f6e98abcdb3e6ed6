"""Command-line options for the settings of every kind of model, generated from their configs."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from dataclasses import fields
from typing import Any

from glowcore.cli import options
from glowcore.errors import ConfigError
from glowcore.models import CONFIGS

# How a field's annotation is read from the command line, narrowest first. Where several kinds of model annotate a field
# differently, its option takes the widest reader and each config checks its own range.
_READERS: dict[str, dict[str, Any]] = {
    "int": {"type": int, "metavar": "N"},
    "float": {"type": float, "metavar": "X"},
    "str": {"metavar": "NAME"},
    "bool": {"action": argparse.BooleanOptionalAction},
    "int | tuple[int, ...]": {"type": options.int_per_level, "metavar": "N[,N...]"},
    "int | tuple[int, int]": {"type": options.image_size, "metavar": "N|HxW"},
}

# What a config's docstring does not say: when another value than the default is the better choice.
_ADVICE = {
    "scale_min": "; 0.1 or more costs next to nothing, and without it pictures unlike those of the training may be "
    "lost in float32",
}


def add_settings(group) -> None:
    """Add ``--model`` and one option for each setting that any kind of model has."""
    group.add_argument("--model", choices=sorted(CONFIGS), help="kind of model (default glow)")
    for name, annotated in _settings().items():
        reader = _READERS[max(annotated.values(), key=list(_READERS).index)]
        group.add_argument(
            _flag(name), **reader, help=_help(name, annotated) + _ADVICE.get(name, "") + _defaults(name, annotated)
        )


def given_settings(args: argparse.Namespace, model: str) -> dict[str, Any]:
    """Return the settings given on the command line, by name.

    Raises:
        ConfigError: a setting that the config of ``model`` does not have.
    """
    names = {field.name for field in fields(CONFIGS[model])}
    settings = {name: getattr(args, name) for name in _settings() if getattr(args, name) is not None}
    foreign = [name for name in settings if name not in names]
    if foreign:
        raise ConfigError(
            f"{_flag(foreign[0])} is no setting of {model}, expected among "
            + ", ".join(_flag(name) for name in sorted(names))
        )
    return settings


def meaning(name: str, value: Any, config: Any) -> Any:
    """Return the normal form of a setting, so that equal ones compare equal: 8 and 8x8, or 2 and 2,2 per level."""
    if name == "image_size":
        return value if isinstance(value, tuple) else (value, value)
    doubled = name == "hidden_channels" and config.model_name == "realnvp"  # one number doubles per level
    if isinstance(value, tuple) and value == value[:1] * getattr(config, "num_levels", 0) and not doubled:
        return value[0]
    return value


def text(name: str, value: Any) -> str:
    """Return the value of a setting as it is typed, such as ``48x64`` or ``8,16``."""
    return ("x" if name == "image_size" else ",").join(map(str, value)) if isinstance(value, tuple) else str(value)


def typed(name: str, value: Any) -> str:
    """Return the option of a setting and its value as they are typed."""
    if isinstance(value, bool):
        return _flag(name if value else f"no_{name}")
    return f"{_flag(name)} {text(name, value)}"


def _settings() -> dict[str, dict[str, str]]:
    """Return the annotations of each setting, by name and kind of model."""
    annotations: dict[str, dict[str, str]] = {}
    for model, config in CONFIGS.items():
        for field in fields(config):
            annotations.setdefault(field.name, {})[model] = str(field.type)
    return annotations


def _help(name: str, models: Iterable[str]) -> str:
    """Return the help of a setting: the text of the configs of ``models``, with the models named where they differ."""
    models_of: dict[str, list[str]] = {}
    for model in models:
        models_of.setdefault(options.described(CONFIGS[model], name), []).append(model)
    if len(models_of) == 1 and len(next(iter(models_of.values()))) == len(CONFIGS):
        return next(iter(models_of))
    return "; ".join(f"{', '.join(names)}: {text}" for text, names in models_of.items())


def _defaults(name: str, models: Iterable[str]) -> str:
    """Return the default of a setting in the configs of ``models``, with the models named where it differs."""
    default_of = {model: _shown(getattr(CONFIGS[model], name)) for model in models}
    if len(set(default_of.values())) == 1:
        return f" (default {next(iter(default_of.values()))})"
    return f" (default: {', '.join(f'{model} {default}' for model, default in default_of.items())})"


def _shown(value: Any) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"
