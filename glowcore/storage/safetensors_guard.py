"""Writing of safetensors files with little memory, and reading that validates the header before allocating anything.

The format (https://huggingface.co/docs/safetensors): eight bytes with the header's length, little-endian; a JSON header
``{name: {dtype, shape, data_offsets}, "__metadata__": {str: str}}``; then the tensors' bytes without holes.
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors
from torch import Tensor, nn

from glowcore.errors import CheckpointError
from glowcore.storage.sealed import parse_json

#: About 130 bytes per tensor: enough for 30 levels of 256 steps, and parsed in a second at most.
MAX_HEADER_BYTES = 16 << 20
#: In the library's order of tensors in a file: the widest first, so that each starts at a multiple of its item size.
DTYPES = {
    "I64": torch.int64,
    "F64": torch.float64,
    "F32": torch.float32,
    "I32": torch.int32,
    "BF16": torch.bfloat16,
    "F16": torch.float16,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
METADATA = "__metadata__"


class TensorSpec(NamedTuple):
    """Shape and dtype of a tensor, as declared in a header or as expected."""

    shape: tuple[int, ...]
    dtype: torch.dtype


def specs_of(module: nn.Module) -> dict[str, TensorSpec]:
    """Return the spec of each tensor in a module's state dict, by name."""
    return {name: TensorSpec(tuple(t.shape), t.dtype) for name, t in module.state_dict().items()}


class Header(NamedTuple):
    """A validated safetensors header."""

    specs: dict[str, TensorSpec]
    metadata: dict[str, str]


def pack(
    path: Path,
    tensors: Mapping[str, Tensor],
    metadata: Mapping[str, str] | None = None,
    max_header: int = MAX_HEADER_BYTES,
) -> bytes:
    """Return the contents of a safetensors file, byte for byte those of ``safetensors.torch.save``.

    Tensors are copied one by one, so that memory grows by one copy; ``safetensors.torch.save`` needs two (version 0.8).

    Args:
        path: name of the file in messages.
        tensors: tensors by name, on any device.
        metadata: the header's table of strings.
        max_header: largest header in bytes.

    Raises:
        CheckpointError: a dtype not in :data:`DTYPES`, or a header beyond ``max_header``.
    """
    names = {dtype: name for name, dtype in DTYPES.items()}
    for name, tensor in tensors.items():
        if tensor.dtype not in names:
            raise CheckpointError(f"{path}: tensor {name} is {tensor.dtype}, which cannot be stored")
    ranks = list(names)
    order = sorted(tensors, key=lambda name: (ranks.index(tensors[name].dtype), name))
    table: dict[str, Any] = {METADATA: dict(metadata)} if metadata else {}
    end = 0
    for name in order:
        tensor = tensors[name]
        begin, end = end, end + tensor.numel() * tensor.element_size()
        table[name] = {"dtype": names[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [begin, end]}
    header = json.dumps(table, separators=(",", ":"), ensure_ascii=False).encode()
    header += b" " * (-len(header) % 8)
    file = io.BytesIO()
    file.write(len(header).to_bytes(8, "little") + header)
    for name in order:
        file.write(tensors[name].detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    data = file.getvalue()
    read_header(path, io.BytesIO(data), len(data), max_header)
    return data


def unpack(
    path: Path, data: bytes, max_header: int = MAX_HEADER_BYTES, *, finite: bool = True
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return the tensors in ``data`` and the header's table of strings.

    Raises:
        CheckpointError: the header is invalid, or ``finite`` is set and a value is NaN or infinite.
    """
    metadata = read_header(path, io.BytesIO(data), len(data), max_header).metadata
    try:
        tensors = load_safetensors(data)
    except (SafetensorError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"{path}: not a valid safetensors file ({str(error)[:100]})") from error
    for name, tensor in tensors.items():
        if finite and tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise CheckpointError(f"{path}: tensor {name:.80} holds NaN or infinite values")
    return tensors, metadata


def read_header(path: Path, file: BinaryIO, size: int, max_header: int = MAX_HEADER_BYTES) -> Header:
    """Read and validate the header of a file of ``size`` bytes, without reading the tensors.

    Raises:
        CheckpointError: a header beyond ``max_header``, an unknown dtype, or tensors that do not fill the file exactly.
    """
    prefix = file.read(8)
    length = int.from_bytes(prefix, "little")
    if len(prefix) < 8 or length > size - 8:
        raise CheckpointError(f"{path}: truncated or not a safetensors file")
    if length > max_header:
        raise CheckpointError(f"{path}: header of {length} bytes, at most {max_header} are accepted")
    raw = parse_json(path, file.read(length), max_header)
    metadata = raw.pop(METADATA, {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise CheckpointError(f"{path}: its metadata is not a table of strings")
    specs, spans = {}, []
    for name, entry in raw.items():
        specs[name], span = _check_entry(path, name, entry)
        spans.append(span)
    position = 0
    for begin, end in sorted(spans):
        if begin != position:
            raise CheckpointError(f"{path}: tensors overlap or leave a hole at byte {position}")
        position = end
    if position != size - 8 - length:
        raise CheckpointError(f"{path}: tensors fill {position} bytes of {size - 8 - length}")
    return Header(specs, metadata)


def check_specs(path: Path, specs: Mapping[str, TensorSpec], expected: Mapping[str, TensorSpec]) -> None:
    """Compare the specs of a file with those of a model by :func:`spec_mismatch`.

    Raises:
        CheckpointError: the specs differ.
    """
    if mismatch := spec_mismatch(specs, expected):
        raise CheckpointError(f"{path}: {mismatch}")


def spec_mismatch(specs: Mapping[str, TensorSpec], expected: Mapping[str, TensorSpec]) -> str | None:
    """Describe the first tensor that is missing, unknown, or of another shape or dtype than expected, or return None.

    Float64 throughout is accepted for float32.
    """
    for name in expected:
        if name not in specs:
            return f"tensor {name} of this config is missing"
    floats = {spec.dtype for spec in specs.values() if spec.dtype.is_floating_point}
    double = floats == {torch.float64}
    for name, spec in specs.items():
        if name not in expected:
            return f"tensor {name:.80} does not belong to this config"
        shape, dtype = expected[name]
        if double and dtype == torch.float32:
            dtype = torch.float64
        if spec != (shape, dtype):
            return f"tensor {name} is {_text(spec)}, this config expects {_text(TensorSpec(shape, dtype))}"
    return None


def _check_entry(path: Path, name: str, entry: Any) -> tuple[TensorSpec, tuple[int, int]]:
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise CheckpointError(f"{path}: tensor {name:.80} needs dtype, shape and data_offsets")
    dtype = DTYPES.get(entry["dtype"]) if isinstance(entry["dtype"], str) else None
    if dtype is None:
        raise CheckpointError(
            f"{path}: tensor {name:.80} has dtype {entry['dtype']!r:.40}, expected one of " + ", ".join(DTYPES)
        )
    shape, offsets = entry["shape"], entry["data_offsets"]
    if not _is_list_of_sizes(shape, 8) or not _is_list_of_sizes(offsets, 2) or len(offsets) != 2:
        raise CheckpointError(f"{path}: tensor {name:.80} has no valid shape and data_offsets")
    begin, end = offsets
    if end - begin != math.prod(shape) * dtype.itemsize:
        raise CheckpointError(f"{path}: tensor {name:.80} of shape {shape} does not fit its {end - begin} bytes")
    return TensorSpec(tuple(shape), dtype), (begin, end)


def _is_list_of_sizes(value: Any, max_length: int) -> bool:
    return isinstance(value, list) and len(value) <= max_length and all(type(v) is int and v >= 0 for v in value)


def _text(spec: TensorSpec) -> str:
    return f"{str(spec.dtype).removeprefix('torch.')} {list(spec.shape)}"
