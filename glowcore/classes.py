"""Class-conditional models: the classification head, class names, and classification of pictures.

In a class-conditional Glow only the prior of the top level depends on the class y (``ycond`` in the paper's code). It
has two classifiers: the *head*, a linear map of the top latents trained jointly with the likelihood, and the flow
itself by Bayes' rule, ``argmax_y p(x | y) p(y)``.

Both are trained on dequantised pictures: to classify pictures or to compare their likelihoods, take latents of
``encode_dequantised``. ``encode`` adds no noise: values of fewer than 8 bits are then at the lower edges of their bins,
where both are less accurate.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from glowcore import likelihood
from glowcore.errors import ConfigError
from glowcore.latents import Latents
from glowcore.metadata import CLASS_COUNTS, CLASS_NAMES
from glowcore.priors import noise_log_prob
from glowcore.text import printable
from glowcore.transforms.base import exact_arithmetic

if TYPE_CHECKING:
    from glowcore.flow import Flow
    from glowcore.likelihood_model import LikelihoodModel

#: Largest number of class names in a message.
MOST_NAMED = 20
#: Label that cross-entropy ignores.
IGNORED = -100


class ClassHead(nn.Module):
    """Linear classifier of the top level, averaged over positions; initialised to zero.

    Glow's code (``model.py``, "classifier") adds its cross-entropy in bits, with weight 0.01, to the bits per
    dimension, so that the top level separates the classes.
    """

    def __init__(self, channels: int, num_classes: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(num_classes, channels))
        self.bias = nn.Parameter(torch.zeros(num_classes))

    def forward(self, z: Tensor) -> Tensor:
        """Map top latents ``z`` (``[B, C, H, W]``, not standardised) to logits ``[B, K]``."""
        with exact_arithmetic(z):
            return F.linear(z.mean(dim=(2, 3)), self.weight, self.bias)


def num_classes(model: LikelihoodModel) -> int:
    """Return the number of classes of a model, 0 if it has none."""
    return getattr(model.config, "num_classes", 0)


def any_classes(model: LikelihoodModel, count: int) -> Tensor | None:
    """Return ``count`` labels, int64, that cycle through the classes of a model; None if it has none."""
    classes = num_classes(model)
    return torch.arange(count, device="cpu") % classes if classes else None


def has_head(model: LikelihoodModel) -> bool:
    """Return whether a model has a classification head."""
    return model.class_head is not None


def class_names(model: LikelihoodModel) -> list[str]:
    """Return the names of the classes, or their numbers if the model stores no names; ``[]`` without classes."""
    count = num_classes(model)
    names = model.metadata.get(CLASS_NAMES)
    if isinstance(names, list) and len(names) == count and all(isinstance(name, str) for name in names):
        return names
    return [str(number) for number in range(count)]


def names_in_a_line(model: LikelihoodModel) -> str:
    """Return the first :data:`MOST_NAMED` class names as one line."""
    return _in_a_line(class_names(model))


def _in_a_line(names: Sequence[str]) -> str:
    return ", ".join(printable(name, 30) for name in names[:MOST_NAMED]) + (", ..." if len(names) > MOST_NAMED else "")


def class_number(model: LikelihoodModel, name: str) -> int:
    """Return the number of the class called ``name``, or ``int(name)`` if no class has that name.

    Raises:
        ConfigError: the model has no such class.
    """
    names = class_names(model)
    if name not in names and name.isdecimal() and int(name) < len(names):
        return int(name)
    return _named(model, name)


def _named(model: LikelihoodModel, name: str) -> int:
    names = class_names(model)
    if name not in names:
        raise ConfigError(
            f"class {printable(name, 30)!r} is unknown, expected one of this model's: {names_in_a_line(model)}"
        )
    return names.index(name)


def store_classes(model: LikelihoodModel, labels: Tensor, names: tuple[str, ...]) -> None:
    """Store the class names and the number of training pictures of each class in ``model.metadata``.

    ``labels`` are the pictures' class numbers in the model. Names stored by an earlier run are kept.

    Raises:
        ConfigError: the model stores no names and its number of classes is not that of ``names``.
    """
    count = num_classes(model)
    if CLASS_NAMES not in model.metadata and names:
        if len(names) != count:
            raise _other_classes(count, names)
        model.metadata[CLASS_NAMES] = list(names)
    model.metadata[CLASS_COUNTS] = torch.bincount(labels, minlength=count).tolist()


def _other_classes(count: int, names: Sequence[str]) -> ConfigError:
    return ConfigError(
        f"num_classes is {count}, expected {len(names)} for the classes of the pictures: {_in_a_line(names)}"
    )


def renumbered(model: LikelihoodModel, labels: Tensor, names: tuple[str, ...]) -> Tensor:
    """Return the model's class numbers, int64 ``[N]``, of ``labels`` that index ``names``.

    Classes are matched by name if the model stores names, so that a folder may have some of its classes only; otherwise
    the labels are unchanged.

    Raises:
        ConfigError: the model does not have a class, or a picture has no class (label -1).
    """
    if unknown := int((labels < 0).sum()):
        raise ConfigError(f"{unknown} of {len(labels)} pictures have no class; every picture needs one")
    if CLASS_NAMES in model.metadata and names:
        table = torch.tensor([_named(model, name) for name in names], device="cpu")
        return table[labels]
    count = num_classes(model)
    if (most := int(labels.max())) >= count:
        raise (
            _other_classes(count, names)
            if names
            else ConfigError(f"there is a class {most}, num_classes {count} allows 0 to {count - 1}")
        )
    return labels


def head_logits(model: Flow, latents: Latents) -> Tensor:
    """Return the head's logits, ``[B, K]``, of latents that a class-conditional model encoded with any ``y``.

    Take latents of ``encode_dequantised``, as in training.

    Raises:
        ConfigError: the model has no head.
    """
    if not has_head(model):
        raise ConfigError(
            "this model has no classification head; a Glow built with num_classes above 0 and class_head=True has one"
        )
    return model.class_head(model.top_prior.inverse(latents.levels[-1], latents.y))


def head_bits(model: Flow, latents: Latents, labels: Tensor | Sequence[int] | int) -> Tensor:
    """Return the mean cross-entropy of the head in bits, a scalar, for the true classes ``labels``.

    They are classes, ``[B]``, or their probabilities, ``[B, K]``. Pictures with label -100 do not count.

    Raises:
        ConfigError: the model has no head, or as :meth:`~glowcore.priors.TopPrior.labels`.
    """
    logits = head_logits(model, latents)
    labels = labels if isinstance(labels, Tensor) else torch.as_tensor(labels, device="cpu")
    if labels.is_floating_point() and labels.shape == logits.shape:
        labels = labels.to(logits)
    else:
        ignored = labels.long() == IGNORED
        known = model.top_prior.labels(labels.masked_fill(ignored, 0), len(latents))
        labels = known.masked_fill(ignored.to(known.device), IGNORED)
    return F.cross_entropy(logits, labels) / math.log(2)


def log_prob_by_class(model: Flow, latents: Latents) -> Tensor:
    """Return ``log p(x | y)`` in nats for every class y, ``[B, K]``, from one encoding with any ``y``.

    Only the top prior depends on y, so its term of ``latents.log_prob`` is replaced. Take latents of
    ``encode_dequantised`` to compare classes.

    Raises:
        ConfigError: the model has no classes, or the latents have no ``log_prob`` or no ``y``.
    """
    if not num_classes(model):
        raise ConfigError("this model has no classes, expected a class-conditional one; log_prob is its likelihood")
    log_prob = likelihood.checked_log_prob(latents.log_prob)
    eps = latents.levels[-1]
    z = model.top_prior.inverse(eps, latents.y)

    def top_log_prob(y: Tensor) -> Tensor:
        noise, logdet = model.top_prior(z, y)
        return noise_log_prob(noise, model.prior) + logdet

    rest = log_prob - top_log_prob(latents.y)
    terms = [top_log_prob(torch.full_like(latents.y, number)) for number in range(num_classes(model))]
    return rest[:, None] + torch.stack(terms, dim=1)


def log_prior(model: Flow) -> Tensor:
    """Return ``log p(y)``, ``[K]``: the shares of the training pictures if the model stores them, else uniform."""
    count = num_classes(model)
    counts = model.metadata.get(CLASS_COUNTS)
    if not (isinstance(counts, list) and len(counts) == count and all(type(n) is int and n >= 0 for n in counts)):
        counts = [1] * count
    # Additive smoothing by one picture, so that a class without training pictures has a positive probability.
    shares = torch.tensor(counts, dtype=torch.float64, device="cpu") + 1
    return (shares / shares.sum()).log().to(model.device, model.dtype)


def log_marginal(model: Flow, latents: Latents) -> Tensor:
    """Return ``log p(x) = log sum_y p(x | y) p(y)`` in nats, ``[B]``; without classes ``latents.log_prob``.

    Take latents of ``encode_dequantised`` to compare pictures.

    Raises:
        ConfigError: as :func:`log_prob_by_class`.
    """
    if not num_classes(model):
        return likelihood.checked_log_prob(latents.log_prob)
    return (log_prob_by_class(model, latents) + log_prior(model)).logsumexp(1)


class ClassTally:
    """Accuracy of the two classifiers, accumulated over batches."""

    def __init__(self, model: Flow) -> None:
        self.model = model
        self._log_prior = log_prior(model)
        self._pictures = self._head = self._generative = 0
        self._head_bits = 0.0

    @torch.no_grad()
    def add(self, latents: Latents) -> None:
        """Add a batch encoded with its true classes, ``latents.y``."""
        self._pictures += len(latents)
        bayes = log_prob_by_class(self.model, latents) + self._log_prior
        self._generative += int((bayes.argmax(dim=1) == latents.y).sum())
        if has_head(self.model):
            logits = head_logits(self.model, latents)
            self._head += int((logits.argmax(dim=1) == latents.y).sum())
            self._head_bits += float(F.cross_entropy(logits, latents.y, reduction="sum")) / math.log(2)

    def figures(self) -> dict[str, float]:
        """Return the accuracies and the head's mean cross-entropy in bits.

        The keys are ``class_accuracy_generative`` and, if there is a head, ``class_accuracy_head`` and
        ``class_head_bits``. For K equally frequent classes, chance level is 1 / K and log2 K bits.
        """
        metrics = {"class_accuracy_generative": self._generative / self._pictures}
        if has_head(self.model):
            metrics["class_accuracy_head"] = self._head / self._pictures
            metrics["class_head_bits"] = self._head_bits / self._pictures
        return metrics
