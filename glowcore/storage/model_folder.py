"""The files of a model folder: writing them atomically, reading and verifying them, without a model.

:mod:`glowcore.checkpoint` describes the folder, and saves and loads models.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import torch
from torch import Tensor

from glowcore.errors import CheckpointError
from glowcore.storage.atomic import write_set
from glowcore.storage.safetensors_guard import TensorSpec, check_specs, pack, read_header, unpack
from glowcore.storage.sealed import SealedSet, parse_json, read_set

FORMAT_VERSION = 1
CONFIG, WEIGHTS, ATTRIBUTES = "config.json", "model.safetensors", "attributes.safetensors"
FILES = (CONFIG, WEIGHTS, ATTRIBUTES)
CONFIG_KEYS = {"format_version", "model", "config", "metadata", "glowcore_version"}

Attributes = tuple[dict[str, Tensor], dict[str, Any]]
Expect = Callable[[dict[str, Any], int], Mapping[str, TensorSpec]]


class Contents(NamedTuple):
    """Contents of a model folder.

    Attributes:
        config: ``config.json``.
        sha256: SHA-256 of the weights file.
        tensors: the weights by name.
        attributes: tensors and metadata of the attribute vectors, or None.
    """

    config: dict[str, Any]
    sha256: str
    tensors: dict[str, Tensor]
    attributes: Attributes | None


def write_folder(
    folder: str | Path, config: Mapping[str, Any], tensors: Mapping[str, Tensor], attributes: Attributes | None = None
) -> None:
    """Write the files of a model folder atomically, without checking that they describe a model.

    Raises:
        CheckpointError: see :func:`glowcore.checkpoint.save`.
    """
    folder = Path(folder)
    for file, group in ((WEIGHTS, tensors), (ATTRIBUTES, attributes[0] if attributes else {})):
        for name, tensor in group.items():
            if tensor.is_floating_point() and not torch.isfinite(tensor).all():
                raise CheckpointError(f"{folder / file}: not saved, tensor {name} holds NaN or infinite values")
    files = {
        CONFIG: dump_json(folder / CONFIG, config, indent=2).encode(),
        WEIGHTS: pack(folder / WEIGHTS, tensors),
    }
    if attributes is not None:
        table = {"attributes": dump_json(folder / ATTRIBUTES, attributes[1])}
        files[ATTRIBUTES] = pack(folder / ATTRIBUTES, attributes[0], table)
    write_set(folder, files, FILES)


def read_folder(folder: str | Path, expect: Expect | None = None) -> Contents:
    """Read and verify the files of a model folder, without building a model.

    Args:
        folder: the model folder.
        expect: function of ``config.json`` and the size of the weights in bytes that returns the expected tensor specs;
            called before the weights are read.

    Raises:
        CheckpointError: see :func:`glowcore.checkpoint.load`.
    """

    def read(files: SealedSet) -> Contents:
        config = read_config(files)
        path = files.folder / WEIGHTS

        def look(file: BinaryIO) -> None:
            size = files.entries[WEIGHTS][0]
            header = read_header(path, file, size)
            if expect is not None:
                check_specs(path, header.specs, expect(config, size))

        tensors, _ = unpack(path, files.read(WEIGHTS, look))
        return Contents(config, files.entries[WEIGHTS][1], tensors, read_attributes(files))

    return read_set(Path(folder), FILES, read)


def read_config(files: SealedSet) -> dict[str, Any]:
    """Return the checked contents of ``config.json``; the config of the model in it is not checked."""
    path = files.folder / CONFIG
    config = parse_json(path, files.read(CONFIG))
    number = config.get("format_version")
    if type(number) is not int or number < 1:
        raise CheckpointError(f"{path}: format_version is {number!r:.40}, expected a whole number from 1")
    if number > FORMAT_VERSION:
        raise CheckpointError(
            f"{path}: made by a newer version (format {number}), this program reads up to {FORMAT_VERSION}; update it"
        )
    if set(config) != CONFIG_KEYS:
        wrong = sorted(set(config) ^ CONFIG_KEYS)[0]
        known = ", ".join(sorted(CONFIG_KEYS))
        raise CheckpointError(f"{path}: key {wrong:.80} is unknown or missing, expected {known}")
    if not isinstance(config["metadata"], dict) or not isinstance(config["model"], str):
        raise CheckpointError(f"{path}: expected a name as model and an object as metadata")
    return config


def read_attributes(files: SealedSet) -> Attributes | None:
    """Return tensors and metadata of the attribute vectors, or None if the folder has none."""
    if ATTRIBUTES not in files:
        return None
    path = files.folder / ATTRIBUTES
    tensors, table = unpack(path, files.read(ATTRIBUTES))
    return tensors, parse_json(path, table.get("attributes", "").encode())


def dump_json(path: Path, value: Any, indent: int | None = None) -> str:
    """Return JSON that :func:`~glowcore.storage.sealed.parse_json` reads; an error names ``path``."""
    try:
        text = json.dumps(value, allow_nan=False, indent=indent)
        parse_json(path, text.encode())
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"{path}: not saved, its contents are not JSON ({error})") from error
    return text
