"""A small classifier of attributes: a second opinion on edits, which the vectors that made them cannot give.

This convolutional network never sees a latent: it learns from human labels alone. The judge of ``evaluate --edits``
learns from another set (CelebA's) and is kept on disk (:func:`glowcore.classifiers.store.cached_classifier`).
Directions are refined against others of its kind, which never learn from the judge's pictures: one of the fit's own
labels, one of another split of that set (``attributes --classifier-data``).

Its probabilities are those of a world where an attribute is as common as its absence: the log-odds of the training
labels are taken off, ``logit - log(n1 / n0)``. Otherwise the threshold 0.5 would ask more of a moustache, which one
picture in 25 of CelebA has, than of a smile, and all the more on pictures of another set.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from glowcore.classifiers.roc import roc_auc
from glowcore.errors import DataError
from glowcore.progress import progress_bar
from glowcore.weight_draws import WeightDraws

#: Attributes whose name differs from the column of CelebA's table that says the same.
ALIASES = {"Mouth_Open": "Mouth_Slightly_Open"}
MIN_COUNT = 30
WIDTH = 32
EVALUATE_AT_ONCE = 256
KEPT = 0.8  # of the features, in training


@dataclass(frozen=True)
class ClassifierSettings:
    """How a classifier is trained; part of the key it is kept under.

    Attributes:
        epochs: passes over the training pictures.
        batch_size: pictures a step.
        learning_rate: the largest, of a one-cycle schedule of AdamW.
        weight_decay: AdamW's.
        seed: of the weights, the order and the augmentation.
    """

    epochs: int = 12
    batch_size: int = 64
    learning_rate: float = 4e-3
    weight_decay: float = 0.05
    seed: int = 0


class AttributeClassifier(nn.Module):
    """A residual network of about 0.9 million weights: pictures to one log-odds for each column of a table.

    Args:
        columns: the labels it learns, in order; all of a table's, since they share their features.
        log_odds: ``[columns]``, ``log(n1 / n0)`` of the training labels.
        channels: of the pictures.
        image_size: (height, width) of the pictures; any size from 8 up.
    """

    def __init__(self, columns: Sequence[str], log_odds: Tensor, channels: int, image_size: tuple[int, int]) -> None:
        super().__init__()
        self.columns = tuple(columns)
        self.image_size = image_size
        self.register_buffer("log_odds", log_odds.float())
        # Four halvings suit 64 x 64; a smaller picture gets fewer, so that its last map is never below 2 x 2.
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
        """Return log-odds ``[B, columns]`` under the training labels, of pictures ``[B, C, H, W]`` in [0, 1].

        In training a fifth of the features is left out, drawn from ``generator`` (torch's global one if None), which
        PyTorch's own dropout does not take.
        """
        features = self.body((images - 0.5) * 4).mean(dim=(2, 3))
        if self.training:
            features = features * torch.empty_like(features).bernoulli_(KEPT, generator=generator).div_(KEPT)
        return self.head(features)

    @torch.no_grad()
    def probabilities(self, images: Tensor, names: Sequence[str]) -> Tensor:
        """Return, ``[B, len(names)]``, the probability of each attribute, as if it were as common as its absence.

        Pictures are floats in [0, 1] (clipped to it: what a viewer sees) or uint8; values that are not finite count
        as black.

        Raises:
            DataError: an attribute that no column answers for.
        """
        batch = images / 255 if images.dtype == torch.uint8 else images.nan_to_num(0, 1, 0).clamp(0, 1)
        training = self.training
        self.eval()
        try:
            return torch.cat([self.even_log_odds(part, names) for part in batch.split(EVALUATE_AT_ONCE)]).sigmoid()
        finally:
            self.train(training)

    def even_log_odds(self, images: Tensor, names: Sequence[str]) -> Tensor:
        """Return, ``[B, len(names)]``, log-odds of attributes as if each were as common as its absence; differentiable.

        Pictures are ``[B, C, H, W]`` in [0, 1].

        Raises:
            DataError: an attribute that no column answers for.
        """
        picks = [self._pick(name) for name in names]
        logits = self(images) - self.log_odds
        index = torch.tensor([column for column, _ in picks], device=logits.device)
        sign = torch.tensor([-1.0 if inverted else 1.0 for _, inverted in picks]).to(logits)
        return logits[:, index] * sign

    def column_of(self, name: str) -> str:
        """Return the name of the column that tells of an attribute (or of its absence).

        Raises:
            DataError: there is none.
        """
        return self.columns[self._pick(name)[0]]

    def _pick(self, name: str) -> tuple[int, bool]:
        found = find_column(name, self.columns)
        if found is None:
            raise DataError(f"no column for {name!r:.80}, the classifier knows {', '.join(self.columns)}")
        return found


def find_column(name: str, columns: Sequence[str]) -> tuple[int, bool] | None:
    """Return the column that tells of an attribute and whether it tells of its absence (``No_Beard`` for ``Beard``).

    None if there is no such column.
    """
    for candidate, inverted in ((name, False), (ALIASES.get(name), False), (f"No_{name}", True)):
        if candidate in columns:
            return columns.index(candidate), inverted
    return None


def train_classifier(
    images: Tensor,
    labels: Tensor,
    columns: Sequence[str],
    settings: ClassifierSettings,
    *,
    min_count: int = MIN_COUNT,
    progress: bool = True,
) -> AttributeClassifier:
    """Train on labelled pictures; the same input gives the same classifier on the same machine.

    Args:
        images: uint8 ``[N, C, H, W]``.
        labels: int8 ``[N, columns]``: 1 yes, 0 no, -1 unknown.
        columns: names of the labels.
        settings: how.
        min_count: a column with fewer pictures of a kind is left out.
        progress: show a bar on stderr.

    Raises:
        DataError: no column has enough pictures of both kinds.
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
    """Return pictures ``[B, C, H, W]`` in [0, 1] flipped, turned, moved, and of other light, as other sets have them.

    Half of them mirrored; turned by up to 6 degrees, enlarged by 0.92 to 1.08, moved by up to 4 % of the side;
    brightness, contrast and each channel's share changed; a quarter of them blurred by half their resolution. What is
    drawn comes from a CPU generator (torch's global one if None), the same on every device. Differentiable.
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
    """Measure a classifier against labels: for each attribute that it answers for, at the threshold 0.5.

    Args:
        net: the classifier.
        images: uint8 ``[N, C, H, W]``.
        labels: int8 ``[N, A]``: 1 yes, 0 no, -1 unknown.
        names: the A attributes.

    Returns:
        by name: ``with`` and ``without`` (numbers of pictures), ``seen_with`` and ``seen_without`` (share of each in
        which the classifier sees it), ``balanced_accuracy`` and ``auc``; None where a class is missing.
    """
    names_known = [name for name in names if find_column(name, net.columns) is not None]
    probabilities = net.probabilities(images, names_known)
    found = {}
    for index, name in enumerate(names_known):
        known = labels[:, list(names).index(name)]
        yes, no = probabilities[known == 1, index], probabilities[known == 0, index]
        rates = [float((part > 0.5).double().mean()) if len(part) else None for part in (yes, no)]
        both = None not in rates
        scores = torch.cat([yes, no]).double().numpy()
        truth = torch.cat([torch.ones(len(yes)), torch.zeros(len(no))]).numpy()
        found[name] = {
            "with": len(yes),
            "without": len(no),
            "seen_with": rates[0],
            "seen_without": rates[1],
            "balanced_accuracy": (rates[0] + 1 - rates[1]) / 2 if both else None,
            "auc": roc_auc(scores, truth),
        }
    return found


class _Residual(nn.Module):
    """Two 3x3 convolutions added to what they were given."""

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
