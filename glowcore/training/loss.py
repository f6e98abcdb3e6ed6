"""The training loss."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from glowcore import classes
from glowcore.likelihood_model import LikelihoodModel


class TrainingLoss(nn.Module):
    """The loss of a batch, as a module that ``DistributedDataParallel`` can wrap.

    The loss is the mean bits per dimension; with a classification head, ``class_weight`` times the mean cross-entropy
    of the head in bits is added (Glow's code: ``bits_x + weight_y * bits_y``).
    """

    def __init__(self, model: LikelihoodModel, class_weight: float = 0.0) -> None:
        super().__init__()
        self.model = model
        self.class_weight = class_weight if classes.has_head(model) else 0.0

    def forward(self, images: Tensor, y: Tensor | None, generator: torch.Generator) -> Tensor:
        """Return ``[3]``: the loss of uint8 pictures ``[B, C, H, W]`` and, detached, its bits/dim and head bits."""
        if not self.class_weight:
            bits = self.model(images, y, generator=generator).mean()
            return torch.stack([bits, bits.detach(), torch.zeros_like(bits)])
        latents = self.model.encode_dequantised(images, y, generator=generator)
        bits = self.model.bits_of(latents).mean()
        head_bits = classes.head_bits(self.model, latents, latents.y)
        return torch.stack([bits + self.class_weight * head_bits, bits.detach(), head_bits.detach()])
