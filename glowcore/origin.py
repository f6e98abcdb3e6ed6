"""Facts of a loaded model, which no longer hold once its weights have been trained further.

:func:`glowcore.load` remembers them, and :func:`glowcore.save` leaves them out if the weights have changed, so that a
fine-tuned model is not saved with the data, licence, metrics, seeds and attributes of the original.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
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


def outdated(model: LikelihoodModel, sha256: Callable[[], str]) -> list[str]:
    """Return the metadata keys, and ``"attributes"``, that are of the loaded weights if the model has others now.

    What was set after loading is not among them; it is told by identity, since equal values may be set anew.

    Args:
        model: the model.
        sha256: returns the SHA-256 of its weights file now; called only if there is something to lose.
    """
    origin = model.origin
    if origin is None:
        return []
    keys = [key for key in _loaded(model) if key not in LASTING]
    if origin.attributes is not None and model.attributes is origin.attributes:
        keys.append("attributes")
    return keys if keys and sha256() != origin.sha256 else []


def renewed(model: LikelihoodModel) -> dict[str, Any]:
    """Return the metadata of a model whose weights have changed since it was loaded."""
    loaded = _loaded(model)
    new = {key: value for key, value in model.metadata.items() if key not in loaded}
    return inherited(loaded, model.origin.sha256) | new


def _loaded(model: LikelihoodModel) -> dict[str, Any]:
    """Return the entries of the metadata that are those of the loaded model."""
    before = model.origin.metadata
    return {key: value for key, value in model.metadata.items() if key in before and before[key] is value}
