"""Fully connected network of NICE's couplings."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from glowcore.networks import normalise, relu_of


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
        """Normalise the hidden layers on ``x``, before their ReLU (:func:`glowcore.networks.normalise`)."""
        for layer in self.hidden:
            normalise(layer, x)
            x = F.relu(layer(x))

    def forward(self, x: Tensor) -> Tensor:
        """Map ``[B, features]`` to ``[B, out_features]``."""
        for layer in self.hidden:
            x = relu_of(layer, layer(x))
        return self.out(x)
