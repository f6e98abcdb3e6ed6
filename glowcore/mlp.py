"""Fully connected network of NICE's couplings."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from glowcore.networks import relu_of, unit_scale


class MLP(nn.Module):
    """Hidden linear layers with ReLU and a linear output layer (Dinh et al. 2014, section 5.1).

    The output layer is initialised to zero, so that a coupling with this network starts as the identity.

    Args:
        features: number of inputs.
        hidden_features: width of each hidden layer.
        hidden_layers: number of hidden layers.
        out_features: number of outputs.
    """

    def __init__(self, features: int, hidden_features: int, hidden_layers: int, out_features: int) -> None:
        super().__init__()
        widths = [features] + [hidden_features] * hidden_layers
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))
        self.out = nn.Linear(hidden_features, out_features)
        for layer in self.hidden:
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    @torch.no_grad()
    def initialize(self, x: Tensor) -> None:
        """Normalise the hidden layers: every unit gets mean 0 and standard deviation 1 on ``x``, before its ReLU."""
        for layer in self.hidden:
            std, mean = torch.std_mean(layer(x), dim=0, correction=0)
            scale = unit_scale(std)
            layer.weight.mul_(scale[:, None])
            layer.bias.copy_((layer.bias - mean) * scale)
            x = F.relu(layer(x))

    def forward(self, x: Tensor) -> Tensor:
        """Map ``[B, features]`` to ``[B, out_features]``."""
        for layer in self.hidden:
            x = relu_of(layer, layer(x))
        return self.out(x)
