"""The file of an attribute that a user has made: a safetensors file of ``AttributeVectors``."""

from __future__ import annotations

import json
import re
from pathlib import Path

from explorer.edits.recipe import MODEL_DIGITS
from explorer.own.naming import NAME
from explorer.own.weights import WEIGHTS
from glowcore import AttributeVectors
from glowcore.errors import CheckpointError, ConfigError
from glowcore.storage.safetensors_guard import pack, unpack
from glowcore.storage.sealed import parse_json

ATTRIBUTE_FILE = Path("attribute.safetensors")
MOST_ATTRIBUTES = 8  # in one file


def alone(vectors: AttributeVectors, name: str) -> AttributeVectors:
    """Return the vectors of one attribute, on the CPU."""
    return vectors.only([name]).to("cpu")


def to_file(vectors: AttributeVectors) -> bytes:
    """Return the bytes of a file that holds the attributes."""
    return pack(ATTRIBUTE_FILE, vectors.tensors(), {"attributes": json.dumps(vectors.metadata())})


def from_file(data: bytes, path: Path) -> AttributeVectors:
    """Read the bytes that ``to_file`` returned.

    Args:
        data: contents of the file.
        path: name of the file in messages.

    Raises:
        CheckpointError: any other file.
    """
    try:
        tensors, table = unpack(path, data)
        vectors = AttributeVectors.from_tensors(tensors, parse_json(path, table.get("attributes", "").encode()))
    except (CheckpointError, ConfigError) as error:
        raise CheckpointError(
            f"{path}: this is no attribute file, or a damaged one; expected one that the Attributes page has saved"
        ) from error
    if not 1 <= len(vectors.names) <= MOST_ATTRIBUTES or not all(NAME.fullmatch(n) for n in vectors.names):
        raise CheckpointError(
            f"{path}: this file does not hold 1 to {MOST_ATTRIBUTES} attributes with names that can be shown"
        )
    weights = [fact[WEIGHTS] for fact in vectors.facts.values() if WEIGHTS in fact]
    if not all(isinstance(w, str) and re.fullmatch(f"[0-9a-f]{{{MODEL_DIGITS}}}", w) for w in weights):
        raise CheckpointError(
            f"{path}: this file names weights by something else than {MODEL_DIGITS} hexadecimal digits"
        )
    return vectors
