"""The fit of attribute vectors to labelled pictures, in a few passes over encodings that need not fit in memory."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from glowcore.attributes.directions import DIRECTION_KINDS, label_weights, shrink_levels
from glowcore.attributes.discriminant import solve
from glowcore.attributes.encoding_rows import EncodingRows, Moments, kept_on_disk
from glowcore.attributes.fittable import fittable
from glowcore.attributes.leave_one_out import LeaveOneOut
from glowcore.attributes.refinement import FEWEST_FOR_SIGMA, Refinement, RefinementSettings
from glowcore.attributes.vectors import AttributeVectors, Shapes
from glowcore.classes import num_classes, renumbered
from glowcore.classifiers.roc import roc_auc
from glowcore.config_checks import check_choice
from glowcore.devices import on_cpu
from glowcore.errors import ConfigError, DataError
from glowcore.progress import progress_bar

if TYPE_CHECKING:
    from glowcore.classifiers.store import StoredClassifier
    from glowcore.data import PictureSet
    from glowcore.flow import Flow

DIRECTION_CHOICES = ("refined", *DIRECTION_KINDS)  # of :func:`fit_attributes`
SHRINKAGES = (1.0, 3.0, 10.0, 30.0)
DEFAULT_SHRINKAGE = 1  # index, where the fold that chooses lacks a class
FOLDS = 10
CHOOSE, MEASURE = 0, 1  # the folds that choose the shrinkage and measure the separation

#: From encodings, labels, names, directions ``[A, D]`` and their sigmas (``[A]``; None measures sigma at every step) to
#: improved directions and JSON-able facts by name.
Refine = Callable[[np.ndarray, np.ndarray, Sequence[str], Tensor, Tensor | None], tuple[Tensor, dict[str, Any]]]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Columns:
    """The meaning of the columns of labels and encodings, and their origin.

    Attributes:
        names: the attributes, one per column of the labels.
        shapes: ``(c, h, w)`` of each level, finest first, as a model's ``latent_shapes()``; the encodings are flat
            latents of these shapes.
        prior: name of the latents' prior.
        source: JSON-able facts about the data, stored with the vectors.
    """

    names: Sequence[str]
    shapes: Shapes | Sequence[tuple[int, int, int]]
    prior: str = "gaussian"
    source: Mapping[str, Any] = field(default_factory=dict)


@on_cpu()
def fit_attributes(
    model: Flow,
    pictures: PictureSet,
    batch_size: int = 64,
    *,
    directions: str = "refined",
    refinement: RefinementSettings | None = None,
    classifiers: Sequence[StoredClassifier] = (),
    progress: bool = True,
) -> AttributeVectors:
    """Encode labelled pictures with a model and fit its attribute vectors.

    Args:
        model: any flow; its fused form encodes.
        pictures: the training split, with ``attributes`` (1 yes, 0 no, -1 unknown), and for a class-conditional model
            with ``labels``.
        batch_size: pictures encoded at once.
        directions: ``"partial"`` or ``"mean"`` (:mod:`glowcore.attributes.directions`), or ``"refined"``: partial ones,
            improved by gradient descent through the decoder (:mod:`glowcore.attributes.refinement`).
        refinement: settings of that descent.
        classifiers: trained on other pictures; the refinement averages them with the one that it trains on these
            labels.
        progress: show a bar on stderr.

    Raises:
        ConfigError: other ``directions``; a name given twice, or labels of other pictures or values; or a
            class-conditional model, and pictures without classes or with one that it does not have.
        DataError: no attribute has 30 pictures with and 30 without it, there is no room for a temporary file of the
            encodings, or the fit of an attribute is not finite.
    """
    check_choice("directions", directions, DIRECTION_CHOICES)
    if not isinstance(pictures.attributes, Tensor):
        raise ConfigError(f"the attributes are a {type(pictures.attributes).__name__}, expected a torch.Tensor")
    _check_labels(_array(pictures.attributes), pictures.attribute_names, len(pictures))
    fittable(pictures.attributes.numpy(), pictures.attribute_names)
    y = _classes_of(model, pictures)
    # Not onnxruntime: batches are large, and the application fits in one thread of several.
    fast = model.fused(backend="torch")

    def encodings() -> Iterator[tuple[Tensor, Tensor]]:
        bar = progress_bar(total=len(pictures), desc="encoding", unit=" pictures", progress=progress)
        with bar, torch.no_grad():
            for start in range(0, len(pictures), batch_size):
                part = slice(start, start + batch_size)
                batch = pictures.images[part].to(model.device)
                yield fast.encode(batch, None if y is None else y[part]).flatten(), pictures.attributes[part]
                bar.update(len(batch))

    source: dict[str, Any] = {"data_sha256": pictures.fingerprint()}
    refine = None
    if directions == "refined":
        source["classifiers"] = [{key: c.facts[key] for key in ("data_sha256", "pictures")} for c in classifiers]
        directions = "partial"
        refine = Refinement(model, pictures.images, refinement, [c.net for c in classifiers], y=y, progress=progress)
    columns = Columns(pictures.attribute_names, model.latent_shapes(), model.prior, source)
    with kept_on_disk(encodings(), model.num_dims) as (matrix, labels):
        return fit_matrix(matrix, labels, columns, kind=directions, refine=refine, progress=progress)


def _classes_of(model: Flow, pictures: PictureSet) -> Tensor | None:
    """Return the pictures' classes as a class-conditional model numbers them, ``[N]``; None for any other model."""
    if num_classes(model) == 0:
        return None
    if pictures.labels is None:
        raise ConfigError(
            f"the pictures have no labels, expected one a picture for a model of {num_classes(model)} classes"
        )
    return renumbered(model, pictures.labels, pictures.class_names)


@on_cpu()
def fit_matrix(
    matrix: np.ndarray | Tensor,
    labels: np.ndarray | Tensor,
    columns: Columns,
    *,
    kind: str = "partial",
    refine: Refine | None = None,
    progress: bool = False,
) -> AttributeVectors:
    r"""Fit attribute vectors to a matrix of encodings, float16 or float32, in memory or mapped.

    Directions are fitted to all encodings with a known label (:mod:`glowcore.attributes.directions`). Encodings with
    values that are not finite or beyond :data:`~glowcore.attributes.encoding_rows.FARTHEST` are left out. Scores are
    shrunk linear discriminants (:mod:`glowcore.attributes.discriminant`) fitted to eight tenths of the encodings; one
    tenth chooses each attribute's shrinkage, one tenth measures its ``separation``, the AUC. Scores are scaled to mean
    0 and standard deviation 1 over these two tenths. ``covariance`` is that of all encodings, each without its own part
    in the directions (:mod:`glowcore.attributes.leave_one_out`). The same input gives the same vectors.

    Args:
        matrix: ``[N, D]``, flat latents (:meth:`~glowcore.latents.Latents.flatten`).
        labels: ``[N, A]``, 1 yes, 0 no, -1 unknown.
        columns: the meaning of the columns of both.
        kind: of the directions, ``"partial"`` or ``"mean"`` (:mod:`glowcore.attributes.directions`).
        refine: improves them, such as a :class:`~glowcore.attributes.refinement.Refinement`.
        progress: show a bar on stderr.

    Raises:
        ConfigError: another kind of directions, a name given twice, or a matrix or labels of other shapes or values.
        DataError: no attribute has 30 pictures with and 30 without it, or the fit of one is not finite.
    """
    check_choice("kind", kind, DIRECTION_KINDS)
    matrix, labels = _array(matrix), _array(labels)
    sizes = [math.prod(shape) for shape in columns.shapes]
    if matrix.ndim != 2 or matrix.shape[1] != sum(sizes):
        raise ConfigError(f"the encodings are {list(matrix.shape)}, expected [N, {sum(sizes)}], flat latents")
    _check_labels(labels, columns.names, len(matrix))
    rows = EncodingRows(matrix)
    labels = np.where(rows.usable[:, None], labels, -1)
    usable, refused = fittable(labels, columns.names)
    for name, words in refused.items():
        log.warning("attribute %s is left out: %s", name, words)
    labels = labels[:, usable]
    names = tuple(columns.names[i] for i in usable)
    folds = torch.from_numpy(np.random.default_rng(0).permutation(len(matrix)) % FOLDS)
    fitted = rows.usable & (folds.numpy() > MEASURE)
    weights = label_weights(labels, kind)
    moments = Moments(rows, torch.from_numpy(labels), torch.from_numpy(fitted), weights)
    directions, direction_facts = _directions(kind, moments, weights, sizes)
    discriminants = _discriminants(rows, moments, fitted, progress)
    _check_finite(names, directions, discriminants)

    vectors = torch.cat([discriminants.flatten(0, 1), directions.float()])
    projections, squares = rows.project_and_square(vectors, moments.mean, sizes)
    scores, along = projections.split([len(names) * len(SHRINKAGES), len(names)], dim=1)
    scores = scores.reshape(len(matrix), len(names), -1)
    left_out = LeaveOneOut(weights, moments.directions, squares, rows.usable, sizes)
    covariance = left_out.covariance(along, directions)
    chosen, offsets, scales, facts = _choose(scores, torch.from_numpy(labels), folds, rows.usable, names)
    for name, fact in zip(names, direction_facts, strict=True):
        facts[name]["direction"] = fact
    if refine is not None:
        directions, covariance, refined = _refined(refine, rows, labels, names, directions, covariance, left_out)
        _check_finite(names, directions, discriminants)
        for name in names:
            facts[name]["direction"]["refined"] = refined[name]
    used = int(rows.usable.sum())
    counts = {"encodings": used, "left_out": len(matrix) - used, "refused": refused}
    return AttributeVectors(
        names,
        directions=directions.float(),
        score_weights=(discriminants[torch.arange(len(names)), chosen].double() / scales[:, None]).float(),
        score_offsets=-offsets / scales,
        covariance=covariance,
        shapes=columns.shapes,
        prior=columns.prior,
        facts=facts,
        source={**columns.source, **counts},
    )


def _array(values: np.ndarray | Tensor) -> np.ndarray:
    return values.detach().cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)


def _check_labels(labels: np.ndarray, names: Sequence[str], count: int) -> None:
    """Raise :class:`ConfigError` unless the names differ and each has a label 1, 0 or -1 for ``count`` pictures."""
    if len(set(names)) < len(names):
        raise ConfigError(f"the names are {', '.join(names)}, expected different ones")
    if tuple(labels.shape) != (count, len(names)):
        raise ConfigError(f"the labels are {list(labels.shape)}, expected {[count, len(names)]}, one of each name")
    others = labels[~np.isin(labels, (-1, 0, 1))]
    if len(others):
        raise ConfigError(f"the labels have the value {others[0]}, expected 1 (with it), 0 (without) and -1 (unknown)")


def _directions(
    kind: str, moments: Moments, weights: np.ndarray, sizes: list[int]
) -> tuple[Tensor, list[dict[str, Any]]]:
    """Return the directions of a kind, ``[A, D]`` float64, and JSON-able facts about each."""
    if kind != "partial":
        return moments.directions, [{"kind": kind} for _ in moments.directions]
    directions, factors = shrink_levels(moments.directions, weights, moments.variance, sizes)
    return directions, [{"kind": kind, "level_factors": levels} for levels in factors]


def _refined(
    refine: Refine,
    rows: EncodingRows,
    labels: np.ndarray,
    names: Sequence[str],
    directions: Tensor,
    covariance: Tensor,
    left_out: LeaveOneOut,
) -> tuple[Tensor, Tensor, dict[str, Any]]:
    """Return refined directions, the covariance of the projections on them, and facts of the refinement by name."""
    norms = directions.norm(dim=1)
    few = int(rows.usable.sum()) < FEWEST_FOR_SIGMA
    sigmas = covariance.diagonal().sqrt() / norms
    refined, facts = refine(rows.matrix, labels, names, directions, sigmas if few else None)
    if not few:
        return refined, left_out.covariance(rows.project(refined.float()), refined), facts
    # The descent used these sigmas, which are nearer to those of other pictures than new ones would be.
    scale = refined.norm(dim=1) / norms
    return refined, covariance * scale * scale[:, None], facts


def _check_finite(names: Sequence[str], directions: Tensor, discriminants: Tensor) -> None:
    """Raise :class:`DataError` where the fit of an attribute is not finite."""
    for name, direction, weights in zip(names, directions, discriminants, strict=True):
        if not (direction.isfinite().all() and weights.isfinite().all()):
            raise DataError(
                f"attribute {name!r:.80}: the fit gave values that are not finite; is the model sound? "
                "python -m glowcore check --model tells"
            )


def _discriminants(rows: EncodingRows, moments: Moments, fitted: np.ndarray, progress: bool) -> Tensor:
    """Return the weights of each attribute's discriminant at each of ``SHRINKAGES``, ``[A, S, D]``."""
    shrinkages = torch.tensor(SHRINKAGES, dtype=torch.float64)
    count = len(moments.targets)
    targets = torch.nn.functional.normalize(moments.targets, dim=1).repeat_interleave(len(shrinkages), 0).T.float()
    with progress_bar(desc="discriminants", unit=" passes", progress=progress) as bar:

        def product(w: Tensor) -> Tensor:
            bar.update()
            return rows.covariance_product(w, moments.centre, fitted)

        weights = solve(product, targets.contiguous(), (shrinkages * moments.fitted_variance).repeat(count))
    return weights.T.reshape(count, len(shrinkages), -1)


def _choose(
    scores: Tensor, labels: Tensor, folds: Tensor, usable: np.ndarray, names: Sequence[str]
) -> tuple[Tensor, Tensor, Tensor, dict]:
    """Return each attribute's index of ``SHRINKAGES``, its score's mean and standard deviation, and its facts.

    Args:
        scores: ``[N, A, S]``, one per shrinkage.
        labels: ``[N, A]``.
        folds: ``[N]``.
        usable: bool ``[N]``.
        names: the A attributes.
    """
    chosen, offsets, scales, facts = [], [], [], {}
    held = torch.from_numpy(usable) & (folds <= MEASURE)
    for index, name in enumerate(names):
        known = labels[:, index]
        candidates = scores[:, index].double().numpy()

        def auc(fold: int, column: int, known=known, candidates=candidates) -> float | None:
            selected = ((folds == fold) & (known >= 0)).numpy()
            return roc_auc(candidates[selected, column], known.numpy()[selected])

        aucs = [auc(CHOOSE, column) for column in range(len(SHRINKAGES))]
        best = DEFAULT_SHRINKAGE if None in aucs else int(np.argmax(aucs))
        values = candidates[held.numpy(), best]
        chosen.append(best)
        offsets.append(values.mean())
        scales.append(values.std() or 1.0)
        facts[name] = {
            "positives": int((known == 1).sum()),
            "negatives": int((known == 0).sum()),
            "unknown": int((known < 0).sum()),
            "separation": auc(MEASURE, best),
            "separation_positives": int(((folds == MEASURE) & (known == 1)).sum()),
            "separation_negatives": int(((folds == MEASURE) & (known == 0)).sum()),
            "shrinkage": SHRINKAGES[best],
        }
    return torch.tensor(chosen), torch.tensor(np.array(offsets)), torch.tensor(np.array(scales)), facts
