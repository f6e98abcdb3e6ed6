"""Fused models with a top prior of the user's own, and with scales that underflow."""

import pytest
import torch
from torch import nn

from glowcore.fused import FusedFlow
from glowcore.fused.folding import fold
from glowcore.fused.onnx_backend import OnnxBackend, _session
from glowcore.fused.onnx_graph import encode_graph
from glowcore.fused.torch_backend import TorchBackend
from glowcore.transforms.affine_move import RAW_SHIFT
from tests.glowcore.tiny import model, pictures


class OneStd(nn.Module):
    """A top prior without classes: one standard deviation for all values."""

    def __init__(self):
        super().__init__()
        self.log_std = nn.Parameter(torch.tensor(0.3))

    def labels(self, y, batch):
        return None

    def forward(self, z, y):
        return z * (-self.log_std).exp(), (-self.log_std * z[0].numel()).expand(len(z))

    def inverse(self, eps, y):
        return eps * self.log_std.exp()


@pytest.mark.parametrize("backend", ["torch", "onnxruntime"])
@torch.no_grad()
def test_a_top_prior_of_ones_own(backend):
    flow = model()
    flow.top_prior = OneStd()
    fast, x = FusedFlow(flow, backend=backend), pictures(3)
    expected, found = flow.encode(x), fast.encode(x)
    assert (found.flatten() - expected.flatten()).abs().max() <= 1e-5
    assert (found.log_prob - expected.log_prob).abs().max() <= 1e-2
    assert (fast.decode(found) - x / 255).abs().max() <= 1e-5


@pytest.mark.parametrize("graph", [False, True])
@pytest.mark.parametrize("raw", [-12.0, -20.0, -60.0, -95.0, -300.0])
@pytest.mark.parametrize("scale_min", [0.0, 1e-10, 1e-7])
@torch.no_grad()
def test_a_scale_that_underflows_has_the_logarithm_of_the_module(graph, raw, scale_min):
    flow = model(num_levels=1, steps_per_level=4, scale_min=scale_min)
    for step in flow.levels[0].steps:
        last = step.coupling.net.conv_out
        last.weight.zero_()
        last.log_scale.zero_()
        last.bias.fill_(raw - RAW_SHIFT)
    folded, x = fold(flow), pictures(2) / 255 - 0.5
    backend = TorchBackend(folded, "float32")
    if graph:
        backend = OnnxBackend(folded, backend)
        backend._thread.join()
        backend._sessions = [_session(encode_graph(folded))]  # its own check fails, since no picture can be decoded
    top, logdet = backend.encode(x)
    expected = flow.encode_cube(x, None).log_prob
    found = flow.finish_encoding([], top, logdet, None).log_prob
    assert expected.isfinite().all()
    assert ((found - expected) / expected).abs().max() <= 1e-6
