"""A small convolutional classifier of attributes, which judges edits independently of the vectors that made them.

It is trained on labelled pictures and uses no latents. The judge of ``evaluate --edits`` is trained on another set
(CelebA) and kept on disk (:func:`glowcore.classifiers.store.cached_classifier`). The classifiers that directions are
refined with are never trained on the judge's pictures: one is trained on the fit's own labels, another on another split
of that set (``attributes --classifier-data``).

Its probabilities assume that an attribute is as common as its absence: the log-odds of the training labels are
subtracted, ``logit - log(n1 / n0)``. Otherwise the threshold 0.5 would be stricter for a moustache, which one picture
in 25 of CelebA has, than for a smile, and even more so on pictures of another set.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from glowcore.classifiers.roc import roc_auc
from glowcore.devices import on_cpu
from glowcore.errors import DataError
from glowcore.progress import progress_bar
from glowcore.weight_draws import WeightDraws

#: Attributes whose column in CelebA's table has another name.
ALIASES = {"Mouth_Open": "Mouth_Slightly_Open"}
MIN_COUNT = 30
WIDTH = 32
EVALUATE_AT_ONCE = 256
KEPT = 0.8  # share of the features that dropout keeps


@dataclass(frozen=True)
class ClassifierSettings:
    """Training settings of a classifier; part of the key of its file.

    Attributes:
        epochs: passes over the training pictures.
        batch_size: pictures per step.
        learning_rate: the largest of AdamW's one-cycle schedule.
        weight_decay: of AdamW.
        seed: of the weights, the order and the augmentation.
    """

    epochs: int = 12
    batch_size: int = 64
    learning_rate: float = 4e-3
    weight_decay: float = 0.05
    seed: int = 0


class AttributeClassifier(nn.Module):
    """A residual network of about half a million weights from pictures to a log-odds per column of a label table.

    Args:
        columns: the labels, in order; all columns of a table, since they share the features.
        log_odds: ``[columns]``, ``log(n1 / n0)`` of the training labels.
        channels: of the pictures.
        image_size: (height, width) of the pictures; any size from 8 up.
    """

    def __init__(self, columns: Sequence[str], log_odds: Tensor, channels: int, image_size: tuple[int, int]) -> None:
        super().__init__()
        self.columns = tuple(columns)
        self.image_size = image_size
        self.register_buffer("log_odds", log_odds.float())
        # Four halvings from 32 x 32 on, fewer for smaller pictures, so that the last map is 2 x 2 or larger.
        halvings = min(4, max(1, min(image_size).bit_length() - 2))
        widths = [WIDTH * 2**n for n in (0, 0.6, 1, 2)][:halvings]
        widths = [int(width) // 8 * 8 for width in widths]
        layers: list[nn.Module] = [_conv(channels, widths[0], 5, stride=2)]
        for before, after in pairwise(widths):
            layers.append(_conv(before, after, 3, stride=2))
            if after > widths[1]:  # the first maps are large: depth costs most there
                layers.append(_Residual(after))
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(widths[-1], len(self.columns))

    def forward(self, images: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Return log-odds ``[B, columns]`` at the class frequencies of training, of ``[B, C, H, W]`` in [0, 1].

        In training, dropout of a fifth of the features draws from ``generator`` (torch's global one if None), which
        PyTorch's own dropout does not accept.
        """
        features = self.body((images - 0.5) * 4).mean(dim=(2, 3))
        if self.training:
            features = features * torch.empty_like(features).bernoulli_(KEPT, generator=generator).div_(KEPT)
        return self.head(features)

    @on_cpu()
    @torch.no_grad()
    def probabilities(self, images: Tensor, names: Sequence[str]) -> Tensor:
        """Return the probability of each attribute at equal class frequencies, ``[B, len(names)]``.

        Args:
            images: ``[B, C, H, W]``, uint8 or floats. Floats are clipped to [0, 1], as a viewer sees them; NaN is 0.
            names: attributes.

        Raises:
            DataError: there is no column for an attribute.
        """
        batch = images / 255 if images.dtype == torch.uint8 else images.nan_to_num(0, 1, 0).clamp(0, 1)
        training = self.training
        self.eval()
        try:
            return torch.cat([self.even_log_odds(part, names) for part in batch.split(EVALUATE_AT_ONCE)]).sigmoid()
        finally:
            self.train(training)

    def even_log_odds(self, images: Tensor, names: Sequence[str]) -> Tensor:
        """Return the log-odds of attributes at equal class frequencies, ``[B, len(names)]``; differentiable.

        Args:
            images: ``[B, C, H, W]`` in [0, 1].
            names: attributes.

        Raises:
            DataError: there is no column for an attribute.
        """
        picks = [self._pick(name) for name in names]
        logits = self(images) - self.log_odds
        index = torch.tensor([column for column, _ in picks], device=logits.device)
        sign = torch.tensor([-1.0 if inverted else 1.0 for _, inverted in picks], device=logits.device).to(logits)
        return logits[:, index] * sign

    def column_of(self, name: str) -> str:
        """Return the name of the column for an attribute or for its absence.

        Raises:
            DataError: there is no such column.
        """
        return self.columns[self._pick(name)[0]]

    def _pick(self, name: str) -> tuple[int, bool]:
        column = find_column(name, self.columns)
        if column is None:
            raise DataError(f"no column for {name!r:.80}, the classifier has {', '.join(self.columns)}")
        return column


def find_column(name: str, columns: Sequence[str]) -> tuple[int, bool] | None:
    """Return the index of the column for an attribute, and whether it is inverted (``No_Beard`` for ``Beard``).

    None if there is no such column.
    """
    for candidate, inverted in ((name, False), (ALIASES.get(name), False), (f"No_{name}", True)):
        if candidate in columns:
            return columns.index(candidate), inverted
    return None


@on_cpu()
def train_classifier(
    images: Tensor,
    labels: Tensor,
    columns: Sequence[str],
    settings: ClassifierSettings,
    *,
    min_count: int = MIN_COUNT,
    progress: bool = True,
) -> AttributeClassifier:
    """Train a classifier on labelled pictures; the result is deterministic on the same machine.

    Args:
        images: uint8 ``[N, C, H, W]``.
        labels: int8 ``[N, columns]``: 1 yes, 0 no, -1 unknown.
        columns: names of the labels.
        settings: of the training.
        min_count: columns with fewer pictures of either class are left out.
        progress: show a bar on stderr.

    Raises:
        DataError: no column has enough pictures of both classes.
    """
    counts = torch.stack([(labels == 1).sum(0), (labels == 0).sum(0)]).double()
    kept = [column for column in range(len(columns)) if counts[:, column].min() >= min_count]
    if not kept:
        raise DataError(f"no attribute has {min_count} pictures with and {min_count} without it to train a classifier")
    labels, counts = labels[:, kept], counts[:, kept]
    generator = torch.Generator().manual_seed(settings.seed)
    with WeightDraws(generator):
        net = AttributeClassifier(
            [columns[i] for i in kept],
            (counts[0] / counts[1]).log(),
            images.shape[1],
            (images.shape[2], images.shape[3]),
        )
    net.to(memory_format=torch.channels_last).train()
    steps = settings.epochs * -(-len(images) // settings.batch_size)
    optimizer = torch.optim.AdamW(net.parameters(), weight_decay=settings.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, settings.learning_rate, total_steps=steps)
    with progress_bar(total=steps, desc="classifier", unit=" steps", progress=progress) as bar:
        for _ in range(settings.epochs):
            for rows in torch.randperm(len(images), generator=generator).split(settings.batch_size):
                batch = augment(images[rows] / 255, generator).contiguous(memory_format=torch.channels_last)
                known = labels[rows] >= 0
                loss = F.binary_cross_entropy_with_logits(net(batch, generator)[known], labels[rows][known].float())
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                optimizer.step()
                schedule.step()
                bar.update()
    return net.eval()


def augment(images: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Return pictures ``[B, C, H, W]`` in [0, 1] with random geometry, blur and lighting; differentiable.

    Half of the pictures are mirrored, a quarter blurred to half their resolution. All are rotated by up to 6 degrees,
    scaled by 0.92 to 1.08 and shifted by up to 4 % of the side, and their brightness, contrast and colour balance
    change. The draws come from a CPU generator (torch's global one if None) and are the same on every device.
    """
    count, channels, height, width = images.shape

    def draw(*shape: int) -> Tensor:
        return torch.rand(count, *shape, generator=generator).to(images)

    def spread(reach: float, *shape: int) -> Tensor:
        return (2 * draw(*shape) - 1) * reach

    angle, scale = spread(0.1), spread(0.08).exp()
    mirror = torch.where(draw() < 0.5, -1.0, 1.0).to(images)
    cos, sin = angle.cos() * scale, angle.sin() * scale
    matrix = torch.stack([cos * mirror, -sin, spread(0.08), sin * mirror, cos, spread(0.08)], 1).view(count, 2, 3)
    grid = F.affine_grid(matrix, list(images.shape), align_corners=False)
    moved = F.grid_sample(images, grid, padding_mode="reflection", align_corners=False)
    coarse = F.interpolate(F.avg_pool2d(moved, 2, ceil_mode=True), (height, width), mode="bilinear")
    moved = torch.where((draw() < 0.25)[:, None, None, None], coarse, moved)
    mean = moved.mean(dim=(1, 2, 3), keepdim=True)
    moved = (moved - mean) * spread(0.3, 1, 1, 1).exp() + mean * spread(0.3, 1, 1, 1).exp()
    return (moved * spread(0.1, channels, 1, 1).exp()).clamp(0, 1)


def accuracy(net: AttributeClassifier, images: Tensor, labels: Tensor, names: Sequence[str]) -> dict[str, dict]:
    """Measure a classifier against labels, for each attribute that it has a column for, at the threshold 0.5.

    Args:
        net: the classifier.
        images: uint8 ``[N, C, H, W]``.
        labels: int8 ``[N, A]``: 1 yes, 0 no, -1 unknown.
        names: the A attributes.

    Returns:
        by name: ``with`` and ``without`` (numbers of pictures), ``seen_with`` and ``seen_without`` (the share of each
        that is classified as having the attribute), ``balanced_accuracy`` and ``auc``; None where a class is missing.
    """
    names_known = [name for name in names if find_column(name, net.columns) is not None]
    probabilities = net.probabilities(images, names_known)
    figures = {}
    for index, name in enumerate(names_known):
        known = labels[:, list(names).index(name)]
        yes, no = probabilities[known == 1, index], probabilities[known == 0, index]
        rates = [float((part > 0.5).double().mean()) if len(part) else None for part in (yes, no)]
        both = None not in rates
        scores = torch.cat([yes, no]).double().numpy()
        truth = np.repeat([1, 0], [len(yes), len(no)])
        figures[name] = {
            "with": len(yes),
            "without": len(no),
            "seen_with": rates[0],
            "seen_without": rates[1],
            "balanced_accuracy": (rates[0] + 1 - rates[1]) / 2 if both else None,
            "auc": roc_auc(scores, truth),
        }
    return figures


class _Residual(nn.Module):
    """Two 3x3 convolutions added to their input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.inner = nn.Sequential(
            _conv(width, width, 3), nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)
        )

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.inner(x), inplace=True)


def _conv(before: int, after: int, kernel: int, stride: int = 1) -> nn.Sequential:
    conv = nn.Conv2d(before, after, kernel, stride, padding=kernel // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(after), nn.ReLU(inplace=True))
