"""Device and dtype of a model: of the replicas of ``DataParallel``, and with parts of another dtype."""

import pytest
import torch
from torch import nn

from glowcore import Flow, GlowConfig, build
from glowcore.baselines import VAEConfig
from glowcore.levels import Level
from glowcore.priors import TopPrior
from glowcore.transforms.base import Transform
from glowcore.transforms.squeeze import Squeeze
from tests.glowcore.tiny import model, pictures


def replica(model):
    """Return what ``DataParallel`` runs: copies of the modules that hold tensors in place of parameters."""
    modules = list(model.modules())
    copies = {module: module._replicate_for_data_parallel() for module in modules}
    for module, copied in copies.items():
        for name, child in module._modules.items():
            copied._modules[name] = None if child is None else copies[child]
        for name, parameter in module._parameters.items():
            setattr(copied, name, None if parameter is None else parameter.clone())
    return copies[model]


@pytest.mark.parametrize("vae", [False, True])
def test_a_replica_gives_the_loss_of_its_model(vae):
    original = build(VAEConfig(image_size=8, num_levels=1, hidden_channels=4)) if vae else model()
    copied = replica(original)
    assert not list(copied.parameters())
    assert (copied.device, copied.dtype) == (original.device, original.dtype)
    losses = [m(pictures(2), generator=torch.Generator().manual_seed(0)) for m in (original, copied)]
    assert torch.equal(*losses)
    losses[1].sum().backward()
    assert all(p.grad is not None for p in original.parameters() if p.requires_grad)


class Scale(Transform):
    """A factor that is learned in float64."""

    def __init__(self) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.zeros(1, dtype=torch.float64))

    def forward(self, x):
        return (x * self.log_scale.exp()).to(x.dtype), (self.log_scale * x[0].numel()).to(x.dtype).expand(len(x))


def test_the_first_parameter_may_have_another_dtype():
    config = GlowConfig(8, channels=1, num_levels=1)
    flow = Flow(config, [Level(Squeeze(), [Scale()], None)], TopPrior((4, 4, 4)))
    assert next(flow.parameters()).dtype == torch.float64
    assert flow.dtype == flow(pictures(2, channels=1)).dtype == torch.float32


class OwnPrior(nn.Module):
    """A prior of one's own, which has a parameter of another name."""

    def __init__(self) -> None:
        super().__init__()
        self.mean = nn.Parameter(torch.zeros(1, dtype=torch.float64))

    def labels(self, y, batch):
        return None

    def inverse(self, eps, y):
        return eps + self.mean


def test_a_top_prior_without_statistics_leaves_the_other_parameters():
    flow = Flow(GlowConfig(8, channels=1, num_levels=1), [Level(Squeeze(), [], None)], OwnPrior())
    assert flow.dtype == torch.float64
