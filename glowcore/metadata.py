"""What ``model.metadata`` may hold: facts about a model, JSON-able, stored with it in ``config.json``.

Every entry may be missing, and others may be there, which nobody reads. Training writes the classes, ``TRAINING`` and
``INIT_FROM``; the rest is for the author of a model to state. A folder comes from anywhere, so whoever reads an entry
checks it first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from glowcore.errors import CheckpointError
from glowcore.temperature import is_temperature

if TYPE_CHECKING:
    from glowcore.likelihood_model import LikelihoodModel

#: The temperature that samples look best at: a number from 0, or a list of one a level, finest first.
TEMPERATURE = "temperature"
#: Samples worth showing: a list of ``{"seed": int, "name": str, "temperature": number}``.
SEEDS = "seeds"
#: The pictures that it was trained on, in words.
DATA = "data"
#: The licence that these pictures leave it under, in words.
LICENCE = "licence"
#: The models whose weights it began with, the latest first: objects of ``sha256``, ``data`` and ``licence``.
INIT_FROM = "init_from"
#: The run that made it: ``settings``, ``evaluation``, ``pictures_skipped`` and, if it was given up, ``diverged``.
TRAINING = "training"
#: Measurements on held-out pictures, named as those of ``evaluate``: an object such as ``{"bits_per_dim": 1.9}``.
METRICS = "metrics"
#: The name of each class, in the order of their numbers.
CLASS_NAMES = "class_names"
#: How many training pictures each class had; the p(y) of Bayes' rule.
CLASS_COUNTS = "class_counts"

#: The temperature of samples where nothing else is said.
USUAL_TEMPERATURE = 0.7


def recommended_temperature(model: LikelihoodModel) -> tuple[float, ...]:
    """Return the temperature that the author of a model recommends: one number, or one a level, finest first.

    It is :data:`USUAL_TEMPERATURE` where the model states none.

    Raises:
        CheckpointError: it states anything but a number from 0, or as many as it has levels.
    """
    stated, num_levels = model.metadata.get(TEMPERATURE, USUAL_TEMPERATURE), len(model.latent_shapes())
    values = stated if isinstance(stated, list) else [stated]
    if len(values) not in (1, num_levels) or not all(map(is_temperature, values)):
        raise CheckpointError(
            f"the metadata's temperature is {stated!r:.60}, expected a number from 0, or a list of {num_levels}"
        )
    return tuple(map(float, values))
