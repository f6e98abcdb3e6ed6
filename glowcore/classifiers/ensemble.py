"""An ensemble of classifiers: the mean of their log-odds of each attribute.

A direction can satisfy a single classifier in ways that no other would accept. Classifiers of different pictures,
labelled by different people, have little in common but the appearance of the attribute.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from glowcore.classifiers.classifier import AttributeClassifier, find_column


class ClassifierEnsemble(nn.Module):
    """Mean log-odds of attributes, each over the classifiers that have a column for it.

    Args:
        classifiers: one or more; every attribute needs a column in at least one of them.
        names: the attributes, in order.

    Raises:
        ValueError: no classifier has a column for an attribute.
    """

    def __init__(self, classifiers: Sequence[AttributeClassifier], names: Sequence[str]) -> None:
        super().__init__()
        known = [
            [index for index, name in enumerate(names) if find_column(name, net.columns) is not None]
            for net in classifiers
        ]
        self.classifiers = nn.ModuleList(net for net, indices in zip(classifiers, known, strict=True) if indices)
        self.known = [indices for indices in known if indices]
        self.names = tuple(names)
        votes = torch.zeros(len(names), device="cpu")
        for indices in self.known:
            votes[indices] += 1
        if (votes == 0).any():
            raise ValueError(f"no classifier has a column for {names[int((votes == 0).nonzero()[0])]!r:.80}")
        self.register_buffer("votes", votes)

    def forward(self, images: Tensor) -> Tensor:
        """Return log-odds ``[B, names]``, corrected to equal class frequencies, of pictures in [0, 1]."""
        total = images.new_zeros(len(images), len(self.names))
        for net, indices in zip(self.classifiers, self.known, strict=True):
            log_odds = net.even_log_odds(images, [self.names[index] for index in indices])
            total = total.index_add(1, torch.tensor(indices, device=total.device), log_odds)
        return total / self.votes
