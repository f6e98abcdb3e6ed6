"""Attribute vectors: directions in latent space that add or remove a smile, glasses, years.

:mod:`glowcore.attributes.fit` fits them to labelled pictures. By default a direction is the effect of one label with
the others held constant (:mod:`glowcore.attributes.directions`), then refined by gradient descent through the decoder
(:mod:`glowcore.attributes.refinement`). The difference of class means of the Glow paper (section 6) is an option.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from glowcore.attributes.cross_covariance import cross_covariance
from glowcore.attributes.facts import have_own_source, with_true_angles
from glowcore.attributes.stored import check_stored, well_formed
from glowcore.attributes.strengths import Strength, checked
from glowcore.errors import ConfigError
from glowcore.latents import Latents

Names = Collection[str] | str
Shapes = tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, eq=False)
class AttributeVectors:
    r"""A direction that changes each attribute and a score that measures it, over the latents eps of all levels.

    Attributes:
        names: the attributes, in the order of all rows below.
        directions: ``d``, ``[A, D]`` float32; :func:`~glowcore.attributes.direction_kind` tells how each was made.
        score_weights: ``w``, ``[A, D]`` float32, shrunk linear discriminants.
        score_offsets: ``b``, ``[A]`` float64; scores have mean 0 and standard deviation 1 over held-out encodings.
        covariance: ``[A, A]`` float64, of the projections ``<eps, d>`` of pictures outside of the fit, as the training
            encodings estimate it (:mod:`glowcore.attributes.leave_one_out`).
        shapes: ``(c, h, w)`` of each level, finest first.
        prior: name of the prior of the latents that they were fitted to.
        facts: JSON-able, per attribute: ``positives``, ``negatives``, ``separation`` and other results of the fit.
        source: JSON-able, of the fit as a whole: number of encodings, hash of the data, attributes ``refused`` and why.
            An attribute of another fit (:meth:`joined`) has its own ``source`` among its facts; where every attribute
            has its own, this one is empty.
    """

    names: tuple[str, ...]
    directions: Tensor
    score_weights: Tensor
    score_offsets: Tensor
    covariance: Tensor
    shapes: Shapes
    prior: str = "gaussian"
    facts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    source: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(self.names))
        object.__setattr__(self, "shapes", tuple(map(tuple, self.shapes)))
        # Inner products in float64 on the CPU: with them a lock needs no operation on vectors of length D.
        weights, directions = self.score_weights.cpu().double(), self.directions.cpu().double()
        object.__setattr__(self, "_weight_gram", weights @ weights.T)
        # How each direction changes the scores of the others; a lock does not hold the own strength of its attribute.
        object.__setattr__(self, "_effects_on_others", (weights @ directions.T).fill_diagonal_(0))
        object.__setattr__(self, "_norms", directions.norm(dim=1))
        object.__setattr__(self, "_units", self.covariance.cpu().diagonal().sqrt() / self._norms**2)

    def __len__(self) -> int:
        return len(self.names)

    def direction(self, name: str) -> Latents:
        """Return ``d`` of an attribute as latents, a batch of one.

        Raises:
            ConfigError: unknown name.
        """
        return Latents.from_flat(self.directions[self._index(name)][None], self.shapes, self.prior)

    def sigma(self, name: str) -> float:
        """Return the standard deviation of ``<eps, d> / |d|``, by :attr:`covariance`: one unit of strength.

        Raises:
            ConfigError: unknown name.
        """
        index = self._index(name)
        return math.sqrt(float(self.covariance[index, index])) / float(self._norms[index])

    def score(self, latents: Latents, name: str) -> Tensor:
        """Return the score of an attribute, ``[B]``: ``<eps, w> + b``.

        0 is the average and 1 one standard deviation of the training set's held-out encodings.

        Raises:
            ConfigError: unknown name, or latents of another model.
        """
        index = self._index(name)
        flat = self._flat(latents)
        return flat @ self.score_weights[index].to(flat) + float(self.score_offsets[index])

    def apply(self, latents: Latents, strengths: Mapping[str, Strength], locked: Names = ()) -> Latents:
        r"""Move latents along attributes: ``eps + sum_k s_k sigma_k d_k / |d_k|``.

        Args:
            latents: any batch of the model's latents, on any device.
            strengths: ``s`` by attribute name, in units of :meth:`sigma`, from -100 to 100; one number for all
                pictures, or a tensor, array or list with one for each. Tensors keep their gradients.
            locked: attributes whose score the strengths of *other* attributes must not change. The own strength of a
                locked attribute still applies, and changes its score.

        Let the rows of ``W`` be the weights ``w`` of the locked attributes, and ``c`` the changes of their scores by
        all other attributes. The smallest ``delta`` with ``W delta = -c`` is added to the move:

        .. math:: \delta = -W^T (W W^T)^{-1} c

        Raises:
            ConfigError: unknown name, a strength out of range, or latents of another model.
        """
        locks, flat = sorted(self._indices(locked)), self._flat(latents)
        sizes = {self._index(name): checked(name, strength, len(flat)) for name, strength in strengths.items()}
        rows = len(flat) if any(isinstance(values, Tensor) for values in sizes.values()) else 1
        steps = torch.zeros(rows, len(self), dtype=torch.float64, device="cpu")
        for index, values in sizes.items():
            steps[:, index] = values
        steps = steps * self._units
        move = _combine(steps, self.directions)
        if locks:
            # The pseudo-inverse also solves for two locked scores that are the same.
            inverse = torch.linalg.pinv(self._weight_gram[locks][:, locks], rtol=1e-10, hermitian=True)
            corrections = -(steps @ self._effects_on_others[locks].T) @ inverse
            move = move + _combine(corrections, [self.score_weights[lock] for lock in locks])
        return latents.with_flat(flat + move.to(flat))

    def orthogonalise(self, name: str, against: Names) -> AttributeVectors:
        """Return vectors whose direction ``name`` has no component along the directions ``against``.

        Scores do not change.

        Raises:
            ConfigError: unknown name, ``name`` among ``against``, or a direction that vanishes.
        """
        index, others = self._index(name), self._indices(against)
        named = [self.names[other] for other in others]
        if index in others:
            raise ConfigError(f"{name} cannot be made orthogonal to itself")
        if not others:
            return self
        # d' = d - sum_k c_k d_k, so the covariance of its projections follows from the known one.
        basis = self.directions[others].cpu().double()
        direction = self.directions[index].cpu().double()
        coefficients = torch.linalg.pinv(basis @ basis.T, rtol=1e-10, hermitian=True) @ (basis @ direction)
        rest = direction - coefficients @ basis
        if rest.norm() < 1e-4 * direction.norm():
            raise ConfigError(f"{name} lies within the directions of {', '.join(named)}: nothing is left of it")
        transform = torch.eye(len(self), dtype=torch.float64, device="cpu")
        transform[index, others] = -coefficients
        directions = self.directions.clone()
        directions[index] = rest.to(directions)
        facts = {**self.facts, name: {**self.facts.get(name, {}), "orthogonal_to": named}}
        covariance = transform @ self.covariance @ transform.T
        facts = with_true_angles(facts, self.names, directions)
        return replace(self, directions=directions, covariance=covariance, facts=facts)

    def without(self, names: Names) -> AttributeVectors:
        """Return the vectors without those named.

        Raises:
            ConfigError: unknown name, or no attribute would be left.
        """
        left_out = self._indices(names)
        kept = [name for index, name in enumerate(self.names) if index not in left_out]
        if not kept:
            raise ConfigError(f"without {', '.join(self.names)} no attribute is left, expected fewer names")
        return self.only(kept)

    def only(self, names: Names) -> AttributeVectors:
        """Return the vectors of the named attributes alone, in the order of ``self.names``.

        Raises:
            ConfigError: unknown name.
        """
        return self._rows(sorted(self._indices(names)))

    def joined(self, other: AttributeVectors) -> AttributeVectors:
        """Return these vectors and ``other``: an attribute replaces one of its name in its place, new ones come last.

        Both must be fitted to latents of the same weights, which is not checked. The covariance within each set is
        kept; between the sets it is estimated (:mod:`glowcore.attributes.cross_covariance`).

        Raises:
            ConfigError: the two are for latents of other shapes or of another prior.
        """
        if (other.shapes, other.prior) != (self.shapes, self.prior):
            raise ConfigError(
                f"attributes for levels {other.shapes} with a {other.prior} prior cannot join those for "
                f"{self.shapes} with a {self.prior} prior"
            )
        other = other.to(self.directions.device)
        kept = self.only([name for name in self.names if name not in other.names])
        in_place = [*self.names, *(name for name in other.names if name not in self.names)]
        if not kept:
            return other._rows([other.names.index(name) for name in in_place])
        between = cross_covariance(kept.directions, kept.covariance, other.directions, other.covariance)
        # Where nothing kept is of the fit that ``self.source`` describes, that of ``other`` is the source of the set.
        replaced = have_own_source(kept.facts, kept.names)
        source = {"source": dict(other.source)} if other.source and not replaced else {}
        facts = {**kept.facts, **{name: {**source, **other.facts.get(name, {})} for name in other.names}}
        names, directions = kept.names + other.names, torch.cat([kept.directions, other.directions])
        both = replace(
            kept,
            names=names,
            directions=directions,
            score_weights=torch.cat([kept.score_weights, other.score_weights]),
            score_offsets=torch.cat([kept.score_offsets.cpu(), other.score_offsets.cpu()]),
            covariance=torch.cat(
                [torch.cat([kept.covariance, between], dim=1), torch.cat([between.T, other.covariance], dim=1)]
            ),
            facts=with_true_angles(facts, names, directions),
            source=other.source if replaced else self.source,
        )
        return both._rows([names.index(name) for name in in_place])

    def info(self, name: str) -> dict[str, Any]:
        """Return the facts of an attribute: ``positives``, ``negatives``, ``norm``, ``sigma``, ``separation`` etc.

        ``separation`` is the area under the ROC curve of the score on held-out encodings, None if those lack a class.

        Raises:
            ConfigError: unknown name.
        """
        index = self._index(name)
        return {**self.facts.get(name, {}), "norm": float(self._norms[index]), "sigma": self.sigma(name)}

    def to(self, device: torch.device | str) -> AttributeVectors:
        """Return the same vectors with directions and score weights on ``device``."""
        return replace(self, directions=self.directions.to(device), score_weights=self.score_weights.to(device))

    def tensors(self) -> dict[str, Tensor]:
        """Return the tensors to store, by name; :meth:`from_tensors` reads them."""
        return {
            "directions": self.directions,
            "score_weights": self.score_weights,
            "score_offsets": self.score_offsets,
            "covariance": self.covariance,
        }

    def metadata(self) -> dict[str, Any]:
        """Return the JSON-able rest to store; :meth:`from_tensors` reads it."""
        return {
            "names": list(self.names),
            "shapes": [list(shape) for shape in self.shapes],
            "prior": self.prior,
            "info": {name: self.info(name) for name in self.names},
            "source": dict(self.source),
        }

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> AttributeVectors:
        """Return the vectors whose :meth:`tensors` and :meth:`metadata` were stored.

        Facts that have another form than the code that reads them expects are left out, with a warning.

        Raises:
            ConfigError: something is missing or inconsistent.
        """
        check_stored(tensors, metadata)
        facts, source = well_formed(metadata)
        vectors = cls(
            metadata["names"],
            tensors["directions"].float(),
            tensors["score_weights"].float(),
            tensors["score_offsets"].double(),
            tensors["covariance"].double(),
            metadata["shapes"],
            metadata["prior"],
            facts,
            source,
        )
        if not (vectors._norms > 0).all() or not (vectors.covariance.diagonal() >= 0).all():
            raise ConfigError("attribute directions must not be zero, nor their variances negative")
        return vectors

    def _rows(self, indices: Sequence[int]) -> AttributeVectors:
        """Return the vectors of these rows alone, in this order."""
        rows, names = list(indices), [self.names[index] for index in indices]
        facts = {name: self.facts[name] for name in names if name in self.facts}
        return replace(
            self,
            names=names,
            directions=self.directions[rows],
            score_weights=self.score_weights[rows],
            score_offsets=self.score_offsets[rows],
            covariance=self.covariance[rows][:, rows],
            facts=facts,
            source={} if rows and have_own_source(facts, names) else self.source,
        )

    def _index(self, name: str) -> int:
        if name not in self.names:
            raise ConfigError(f"unknown attribute {name!r:.80}, expected one of {', '.join(self.names)}")
        return self.names.index(name)

    def _indices(self, names: Names) -> list[int]:
        """Return the row of each name, in the given order and without repetition; a string is one name."""
        return [self._index(name) for name in dict.fromkeys([names] if isinstance(names, str) else names)]

    def _flat(self, latents: Latents) -> Tensor:
        shapes = tuple(tuple(level.shape[1:]) for level in latents.levels)
        if shapes != self.shapes:
            raise ConfigError(f"latents have levels {shapes}, these attributes were fitted for {self.shapes}")
        if latents.prior != self.prior:
            raise ConfigError(f"latents have a {latents.prior} prior, these attributes were fitted for {self.prior}")
        return latents.flatten()


def _combine(coefficients: Tensor, vectors: Sequence[Tensor] | Tensor) -> Tensor:
    """Return ``coefficients @ vectors``, ``[R, D]``; unlike in a matmul, no bit of a row depends on other rows."""
    total = vectors[0].new_zeros(len(coefficients), len(vectors[0]))
    columns = coefficients.to(total).T[:, :, None]
    for index, values in enumerate(coefficients.T.tolist()):
        if any(values) or coefficients.requires_grad:
            total = total.addcmul(columns[index], vectors[index])
    return total
