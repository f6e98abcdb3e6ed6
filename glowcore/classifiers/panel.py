"""Several classifiers that speak as one: the mean of what each says of an attribute.

A single classifier can be pleased by what no other would see. Classifiers of different pictures, labelled by different
people, share little but what the attribute looks like.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from glowcore.classifiers.classifier import AttributeClassifier, find_column


class ClassifierPanel(nn.Module):
    """Mean log-odds of attributes over the classifiers that know them.

    Args:
        classifiers: one at least; together they know every name.
        names: the attributes, in order.

    Raises:
        ValueError: an attribute that none of them knows.
    """

    def __init__(self, classifiers: Sequence[AttributeClassifier], names: Sequence[str]) -> None:
        super().__init__()
        known = [
            [index for index, name in enumerate(names) if find_column(name, net.columns) is not None]
            for net in classifiers
        ]
        self.classifiers = nn.ModuleList(net for net, some in zip(classifiers, known, strict=True) if some)
        self.known = [some for some in known if some]
        self.names = tuple(names)
        votes = torch.zeros(len(names))
        for some in self.known:
            votes[some] += 1
        if (votes == 0).any():
            raise ValueError(f"no classifier knows {names[int((votes == 0).nonzero()[0])]!r:.80}")
        self.register_buffer("votes", votes)

    def forward(self, images: Tensor) -> Tensor:
        """Return log-odds ``[B, names]``, as if each attribute were as common as its absence, of pictures in [0, 1]."""
        total = images.new_zeros(len(images), len(self.names))
        for net, some in zip(self.classifiers, self.known, strict=True):
            log_odds = net.even_log_odds(images, [self.names[index] for index in some])
            total = total.index_add(1, torch.tensor(some, device=total.device), log_odds)
        return total / self.votes
