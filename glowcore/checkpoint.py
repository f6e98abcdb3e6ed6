"""Saving and loading of a model with its config, metadata and attribute vectors as a model folder.

A folder holds ``config.json``, ``model.safetensors``, optionally ``attributes.safetensors``, and ``manifest.json`` with
the size and SHA-256 of each; other files in it (a model card, a gallery) are left alone. Saving is atomic
(:mod:`glowcore.storage.atomic`). Loading runs no code from the files. It checks, in this order, the manifest, the hash
and values of the config, the tensors of the config's model against the header of the weights, the hash of the weights
and their values, so that a damaged or malicious folder costs little memory and time. Every failure raises a
:class:`~glowcore.errors.CheckpointError` that names the file and the cause.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from glowcore import models
from glowcore.attributes import AttributeVectors
from glowcore.attributes.stored import malformed
from glowcore.baselines import VAE
from glowcore.devices import on_cpu, pick_device
from glowcore.errors import CheckpointError, ConfigError
from glowcore.flow import Flow
from glowcore.origin import Origin, still_true
from glowcore.storage.budget import AllocationBudget
from glowcore.storage.model_folder import (
    ATTRIBUTES,
    CONFIG,
    FILES,
    FORMAT_VERSION,
    WEIGHTS,
    Attributes,
    dump_json,
    read_attributes,
    read_config,
    read_folder,
    write_folder,
)
from glowcore.storage.safetensors_guard import TensorSpec, spec_mismatch, specs_of
from glowcore.storage.sealed import SealedSet, read_set
from glowcore.storage.structure import difference
from glowcore.version import __version__
from glowcore.weight_draws import WeightDraws


def save(model: Flow | VAE, folder: str | Path) -> None:
    """Save a model with its metadata and attributes; an earlier model in ``folder`` is replaced completely.

    A wrapper (``fused()``, ``torch.compile``, ``DataParallel``) is unwrapped and the model inside is saved.
    If the weights of a loaded model have changed, its attributes and metadata that equal the loaded ones are left out,
    with a warning (:mod:`glowcore.origin`); ``model.origin = None`` before saving keeps them.

    Raises:
        CheckpointError: the folder cannot be written (full, read-only, another process saves there); a weight is NaN or
            infinite; the weights are neither float32 nor float64 throughout; the weights, attributes or structure
            (:mod:`glowcore.storage.structure`) do not match ``model.config``; ``model.metadata`` is not JSON; or
            ``model`` is not a model. The earlier contents of the folder stay valid.
    """
    folder, model = Path(folder), check_savable(model, folder)
    metadata, vectors = still_true(model, folder)
    config = {
        "format_version": FORMAT_VERSION,
        "model": model.config.model_name,
        "config": dataclasses.asdict(model.config),
        "metadata": metadata,
        "glowcore_version": __version__,
    }
    attributes = None
    if vectors is not None:
        # As JSON returns them: tuples become lists, numbers of numpy those of Python.
        attributes = vectors.tensors(), json.loads(dump_json(folder / ATTRIBUTES, vectors.metadata()))
        _check_attributes(folder, model, attributes)
    write_folder(folder, config, model.state_dict(), attributes)


def check_savable(model: nn.Module, folder: str | Path) -> Flow | VAE:
    """Return the model inside ``model`` if :func:`save` accepts its kind, dtype and structure; nothing is written.

    Training calls this before its first step. The values of the weights, the metadata and the attributes are checked
    only when the model is saved.

    Raises:
        CheckpointError: see :func:`save`; the message names ``folder``.
    """
    folder = Path(folder)
    model = _unwrapped(model, folder)
    dtypes = {tensor.dtype for tensor in model.state_dict().values() if tensor.is_floating_point()}
    if dtypes not in ({torch.float32}, {torch.float64}):
        names = ", ".join(sorted(str(dtype).removeprefix("torch.") for dtype in dtypes))
        raise CheckpointError(
            f"{folder / WEIGHTS}: not saved, its weights are {names}; expected float32 or float64 throughout"
        )
    with WeightDraws(), on_cpu():
        rebuilt = models.build(model.config).float()
    if mismatch := difference(model, rebuilt) or spec_mismatch(specs_of(model), specs_of(rebuilt)):
        raise CheckpointError(
            f"{folder}: not saved, this model is not what its config builds ({mismatch}); keep its weights with "
            "torch.save(model.state_dict(), FILE)"
        )
    return model


def _unwrapped(model: Any, folder: Path) -> Flow | VAE:
    while not isinstance(model, Flow | VAE):
        inner = [getattr(model, name, None) for name in ("_orig_mod", "module", "flow")]
        inner = [part for part in inner if isinstance(part, nn.Module)]
        if not inner:
            raise CheckpointError(
                f"{folder}: not saved, a {type(model).__name__} is no model; expected what "
                "glowcore.build or glowcore.load returns"
            )
        model = inner[0]
    return model


def load(folder: str | Path, device: str = "auto") -> Flow | VAE:
    """Load a model in eval mode, with ``metadata`` and ``attributes``.

    Args:
        folder: the model folder.
        device: name of a device, or ``"auto"`` for CUDA if available and else the CPU.

    Raises:
        CheckpointError: missing, damaged, malicious or newer than this program; the message names file and cause.
        ConfigError: no such device.
    """
    folder, device = Path(folder), pick_device(device)
    built: list[Flow | VAE] = []

    def expect(config: dict[str, Any], size: int) -> dict[str, TensorSpec]:
        # The default dtype may be float64, but the expected specs are those of a float32 model (check_specs).
        built[:] = [_build(folder / CONFIG, config, size).float()]
        return specs_of(built[0])

    contents, model = read_folder(folder, expect), built[0]
    if any(t.dtype == torch.float64 for t in contents.tensors.values()):
        model.double()
    model.load_state_dict(contents.tensors)
    model.metadata = contents.config["metadata"]
    if contents.attributes is not None:
        model.attributes = _attributes(folder / ATTRIBUTES, contents.attributes, model).to(device)
    model.origin = Origin.of(model, contents.sha256)
    return model.to(device).eval()


def read_info(folder: str | Path) -> dict[str, Any]:
    """Return the description of a model without loading its weights.

    Returns:
        The keys of ``config.json`` (``model``, ``config``, ``metadata``, ``format_version``, ``glowcore_version``);
        ``files``, the ``size`` and ``sha256`` of each file by name; and ``attributes``, the metadata of the attribute
        vectors or None.

    Raises:
        CheckpointError: the folder's manifest, config or attributes are missing or damaged.
    """
    folder = Path(folder)

    def read(files: SealedSet) -> dict[str, Any]:
        config = read_config(files)
        _model_config(folder / CONFIG, config)
        attributes = read_attributes(files)
        entries = {name: {"size": size, "sha256": digest} for name, (size, digest) in files.entries.items()}
        return {**config, "files": entries, "attributes": attributes and attributes[1]}

    return read_set(folder, FILES, read)


def fingerprint(folder: str | Path) -> str:
    """Return the SHA-256 of the weights as 64 hexadecimal digits, read from the manifest.

    Raises:
        CheckpointError: there is no valid manifest that lists the weights.
    """

    def read(files: SealedSet) -> str:
        if WEIGHTS not in files:
            raise CheckpointError(f"{files.folder / WEIGHTS}: not listed in the manifest")
        return files.entries[WEIGHTS][1]

    return read_set(Path(folder), FILES, read)


def _check_attributes(folder: Path, model: Flow | VAE, attributes: Attributes) -> None:
    """Raise if :func:`load` would reject the saved attribute vectors, or leave out some of their facts."""
    if lines := malformed(attributes[1]):
        raise CheckpointError(f"{folder}: not saved, {lines[0]}")
    try:
        _attributes(folder / ATTRIBUTES, attributes, model)
    except CheckpointError as error:
        raise CheckpointError(f"{folder}: not saved, as it would not load again: {error}") from error


def _attributes(path: Path, stored: Attributes, model: Flow | VAE) -> AttributeVectors:
    try:
        attributes = AttributeVectors.from_tensors(*stored)
    except ConfigError as error:
        raise CheckpointError(f"{path}: {error}") from error
    if attributes.shapes != tuple(model.latent_shapes()):
        raise CheckpointError(f"{path}: fitted for levels {attributes.shapes}, the model's are {model.latent_shapes()}")
    return attributes


def _model_config(path: Path, config: Mapping[str, Any]) -> Any:
    try:
        return models.config_from_dict(config["model"], config["config"])
    except ConfigError as error:
        raise CheckpointError(f"{path}: {error}") from error


def _build(path: Path, config: Mapping[str, Any], size: int) -> Flow | VAE:
    """Build the model of a config, unless it is far larger than a weights file of ``size`` bytes can hold."""

    def error() -> CheckpointError:
        return CheckpointError(f"{path}: asks for a larger model than {WEIGHTS} holds")

    # The model is built in the default dtype, which may be float64. A tensor takes over 80 bytes of header and about
    # four calls, so one call per 20 bytes is enough.
    max_bytes = max(4, torch.get_default_dtype().itemsize) * size + (1 << 20)
    with WeightDraws(), on_cpu(), AllocationBudget(max_bytes, 1000 + size // 20, error):
        return models.build(_model_config(path, config))
