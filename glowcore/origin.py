"""Facts of a loaded model, which no longer hold once its weights have been trained further.

:func:`glowcore.load` remembers them, and :func:`glowcore.save` leaves them out if the weights have changed, so that a
fine-tuned model is not saved with the data, licence, metrics, seeds and attributes of the original.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from glowcore.metadata import CLASS_NAMES, DATA, INIT_FROM, LICENCE, TEMPERATURE

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
        metadata: a shallow copy of its metadata.
        attributes: its attribute vectors, or None.
    """

    sha256: str
    metadata: dict[str, Any]
    attributes: AttributeVectors | None


def inherited(metadata: dict[str, Any], sha256: str) -> dict[str, Any]:
    """Return the metadata of a model that starts from the weights of another and is trained on other pictures.

    The names of classes and the temperature are kept. Data and licence of the other model are appended to
    ``init_from``, the list of models that the weights come from, latest first.
    """
    source = {name: metadata[name] for name in (DATA, LICENCE) if name in metadata}
    earlier = metadata.get(INIT_FROM)
    kept = {name: metadata[name] for name in (CLASS_NAMES, TEMPERATURE) if name in metadata}
    return {**kept, INIT_FROM: [{"sha256": sha256, **source}, *(earlier if isinstance(earlier, list) else [])]}


def still_true(
    model: LikelihoodModel, folder: Path, weights: Callable[[], bytes]
) -> tuple[dict[str, Any], AttributeVectors | None]:
    """Return the metadata and the attributes to save with the weights that a model has now.

    If these are not the loaded ones, what was loaded with them is left out, with a warning, and becomes
    :func:`inherited`. What was set after loading is kept; it is recognised by identity, since it may be equal.

    Args:
        model: the model.
        folder: where it is saved, for the warning.
        weights: returns its weights file as it would be saved now; called only if there is something to lose.
    """
    origin = model.origin
    if origin is None:
        return model.metadata, model.attributes
    loaded = _loaded(model)
    lost = [key for key in loaded if key not in LASTING]
    attributes = None if model.attributes is origin.attributes else model.attributes
    if attributes is not model.attributes:
        lost.append("attributes")
    if not lost or hashlib.sha256(weights()).hexdigest() == origin.sha256:
        return model.metadata, model.attributes
    warnings.warn(
        f"{folder}: the weights have changed since the model was loaded, so its {', '.join(lost)} are not saved with "
        "it; set them anew if they hold for the new weights",
        stacklevel=3,
    )
    new = {key: value for key, value in model.metadata.items() if key not in loaded}
    return inherited(loaded, origin.sha256) | new, attributes


def _loaded(model: LikelihoodModel) -> dict[str, Any]:
    """Return the entries of the metadata that are those of the loaded model."""
    before = model.origin.metadata
    return {key: value for key, value in model.metadata.items() if key in before and before[key] is value}
