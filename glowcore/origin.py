"""Facts of a loaded model, which no longer hold once its weights have been trained further.

:func:`glowcore.load` remembers them, and :func:`glowcore.save` leaves them out if the weights have changed, so that a
fine-tuned model is not saved with the data, licence, metrics, seeds and attributes of the original. ``model.origin =
None`` keeps them.
"""

from __future__ import annotations

import copy
import hashlib
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from glowcore.metadata import CLASS_NAMES, DATA, INIT_FROM, LICENCE, TEMPERATURE
from glowcore.storage.structure import same

if TYPE_CHECKING:
    from glowcore.attributes import AttributeVectors
    from glowcore.likelihood_model import LikelihoodModel

#: Entries of the metadata that further training does not invalidate.
LASTING = (CLASS_NAMES, TEMPERATURE, INIT_FROM)


@dataclass(frozen=True, eq=False)
class Origin:
    """A model as it was loaded.

    Attributes:
        sha256: SHA-256 of its weights file.
        values: :func:`digest` of its weights.
        dtype: dtype of its weights.
        metadata: a copy of its metadata.
        attributes: its attribute vectors, or None.
    """

    sha256: str
    values: str
    dtype: torch.dtype
    metadata: dict[str, Any]
    attributes: AttributeVectors | None

    @classmethod
    def of(cls, model: LikelihoodModel, sha256: str) -> Origin:
        """Return the origin of a model that has just been loaded from a weights file with this SHA-256."""
        values = digest(model.state_dict(), model.dtype)
        return cls(sha256, values, model.dtype, copy.deepcopy(model.metadata), model.attributes)


def digest(tensors: Mapping[str, Tensor], dtype: torch.dtype) -> str:
    """Return the SHA-256 of the names, shapes and values of tensors, of floats as values of ``dtype``."""
    sha256 = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        tensor = tensor.detach().to("cpu", dtype if tensor.is_floating_point() else tensor.dtype)
        sha256.update(f"{name} {tuple(tensor.shape)} ".encode())
        sha256.update(tensor.contiguous().reshape(-1).view(torch.uint8).numpy())
    return sha256.hexdigest()


def inherited(metadata: dict[str, Any], sha256: str) -> dict[str, Any]:
    """Return the metadata of a model that starts from the weights of another and is trained on other pictures.

    The names of classes and the temperature are kept. Data and licence of the other model are appended to
    ``init_from``, the list of models that the weights come from, latest first.
    """
    source = {name: metadata[name] for name in (DATA, LICENCE) if name in metadata}
    earlier = metadata.get(INIT_FROM)
    kept = {name: metadata[name] for name in (CLASS_NAMES, TEMPERATURE) if name in metadata}
    return {**kept, INIT_FROM: [{"sha256": sha256, **source}, *(earlier if isinstance(earlier, list) else [])]}


def still_true(model: LikelihoodModel, folder: Path) -> tuple[dict[str, Any], AttributeVectors | None]:
    """Return the metadata and the attributes to save with the weights that a model has now.

    If these are not the loaded ones, metadata and attributes that equal what was loaded are left out, with a warning,
    and become :func:`inherited`. What differs was set after loading and is kept.

    Args:
        model: the model.
        folder: where it is saved, for the warning.
    """
    origin = model.origin
    if origin is None:
        return model.metadata, model.attributes
    before = origin.metadata
    loaded = {key: value for key, value in model.metadata.items() if key in before and same(value, before[key])}
    lost = [key for key in loaded if key not in LASTING]
    attributes = None if _equal(model.attributes, origin.attributes) else model.attributes
    if attributes is not model.attributes:
        lost.append("attributes")
    if not lost or digest(model.state_dict(), origin.dtype) == origin.values:
        return model.metadata, model.attributes
    warnings.warn(
        f"{folder}: the weights have changed since the model was loaded, so its {', '.join(lost)} are not saved; to "
        "save them too, set model.origin = None first",
        stacklevel=3,
    )
    new = {key: value for key, value in model.metadata.items() if key not in loaded}
    return inherited(loaded, origin.sha256) | new, attributes


def _equal(a: AttributeVectors | None, b: AttributeVectors | None) -> bool:
    if a is None or b is None:
        return a is b
    tensors = zip(a.tensors().values(), b.tensors().values(), strict=True)
    return a.metadata() == b.metadata() and all(torch.equal(x.cpu(), y.cpu()) for x, y in tensors)
