"""Keys of ``model.metadata``: JSON-able facts about a model, stored with it in ``config.json``.

All entries are optional, and unknown ones are ignored. Training writes the classes, ``TRAINING`` and ``INIT_FROM``; the
author of a model writes the others. Model folders are untrusted, so code that reads an entry must check it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from glowcore import temperature
from glowcore.errors import CheckpointError, ConfigError

if TYPE_CHECKING:
    from glowcore.likelihood_model import LikelihoodModel

#: The recommended temperature of samples: a number from 0, or a list of one for each level, finest first.
TEMPERATURE = "temperature"
#: Seeds of selected samples: a list of ``{"seed": int, "name": str, "temperature": number}``.
SEEDS = "seeds"
#: Description of the training pictures.
DATA = "data"
#: Licence of the model, as far as its training pictures determine it.
LICENCE = "licence"
#: The models whose weights training started from, the latest first: objects of ``sha256``, ``data`` and ``licence``.
INIT_FROM = "init_from"
#: The training run: ``settings``, ``evaluation``, ``pictures_skipped`` and, if it was aborted, ``diverged``.
TRAINING = "training"
#: Metrics on held-out pictures, with the names that ``evaluate`` uses: an object such as ``{"bits_per_dim": 1.9}``.
METRICS = "metrics"
#: The name of each class, in the order of their numbers.
CLASS_NAMES = "class_names"
#: Number of training pictures of each class, which gives the p(y) of Bayes' rule.
CLASS_COUNTS = "class_counts"

#: The default temperature of samples in the commands and the application; that of ``Flow.sample`` is 1.
USUAL_TEMPERATURE = 0.7


def recommended_temperature(model: LikelihoodModel) -> tuple[float, ...]:
    """Return the recommended temperature of a model: one number, or one for each level, finest first.

    The default is :data:`USUAL_TEMPERATURE`.

    Raises:
        CheckpointError: the value is neither a number from 0 nor a sequence of one for each level.
    """
    value = model.metadata.get(TEMPERATURE, USUAL_TEMPERATURE)
    try:
        return tuple(temperature.checked(value, len(model.latent_shapes())))
    except ConfigError as error:
        raise CheckpointError(f"the metadata's {error}") from error
