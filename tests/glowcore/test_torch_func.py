"""The transforms of torch.func on a log-density: what plain autograd gives, a picture at a time."""

import pytest
import torch
from torch import func, nn

from glowcore import GlowConfig, build
from glowcore.transforms.affine_move import affine_move
from glowcore.transforms.base import channels_last
from tests.glowcore.bijections import perturb

# PyTorch's own, where forward-mode differentiation first loads its decompositions.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is")

SETTINGS = {
    "affine": {},
    "floor": {"scale_min": 0.2, "num_levels": 1, "channels": 1},
    "additive": {"coupling": "additive", "permutation": "conv1x1", "num_levels": 1, "channels": 1},
    "position": {"permutation": "shuffle", "position_channels": 2, "num_levels": 1, "channels": 1},
    "classes": {"num_classes": 3, "num_levels": 1, "channels": 1},
}
every_setting = pytest.mark.parametrize("name", SETTINGS)


@pytest.mark.parametrize(("name", "least"), [("affine", 1), ("classes", 2)])
def test_an_export_takes_batches_of_any_size(name, least):
    flow = LogProb(name).flow.float()

    class Encode(nn.Module):
        def __init__(self):
            super().__init__()
            self.flow = flow

        def forward(self, *given):
            return self.flow.encode(*given).flatten()

    given = [torch.rand(5, flow.config.channels, 4, 4)]
    if flow.config.num_classes:
        given.append(torch.tensor([0, 2, 1, 1, 0]))
    batch = torch.export.Dim("batch", min=least, max=64)
    sizes = (tuple({0: batch} for _ in given),)
    exported = torch.export.export(Encode(), tuple(v[:2] for v in given), dynamic_shapes=sizes).module()
    for count in (5, 3):
        batch = [v[:count] for v in given]
        assert (exported(*batch) - flow.encode(*batch).flatten()).abs().max() <= 1e-6


class LogProb(nn.Module):
    """The log-density of one picture as a scalar."""

    def __init__(self, name):
        super().__init__()
        torch.manual_seed(0)
        config = {"image_size": 4, "num_levels": 2, "steps_per_level": 2, "hidden_channels": 5, **SETTINGS[name]}
        flow = build(GlowConfig(**config)).double()
        shape = (flow.config.channels, *flow.image_size)
        flow.initialize(torch.rand(16, *shape))
        self.flow = perturb(flow, 0.05)
        self.x = torch.rand(3, *shape, dtype=torch.float64)
        self.y = torch.tensor([0, 2, 1]) if flow.config.num_classes else None

    def forward(self, x, y=None):
        return self.flow.log_prob(x[None], None if y is None else y[None])[0]

    def label(self, index):
        """The label of a picture."""
        return None if self.y is None else self.y[index]

    def gradients(self, *inputs):
        """Of each picture by plain autograd: those of the given parameters, or of the picture itself."""
        rows = []
        for index, x in enumerate(self.x.clone().unbind()):
            x.requires_grad_()
            rows.append(torch.autograd.grad(self(x, self.label(index)), inputs or (x,), materialize_grads=True))
        return [torch.stack(each) for each in zip(*rows, strict=True)]


def vmapped(function, model, *more):
    """Map a function of picture and label over both, with what comes before them the same for all."""
    in_dims = (*[None] * len(more), 0, None if model.y is None else 0)
    return func.vmap(function, in_dims)(*more, model.x, model.y)


@every_setting
def test_a_batch_is_its_pictures(name):
    model = LogProb(name)
    assert (vmapped(model, model) - model.flow.log_prob(model.x, model.y)).abs().max() <= 1e-11


@every_setting
def test_gradients_of_each_picture(name):
    model = LogProb(name)
    (expected,) = model.gradients()
    assert (vmapped(func.grad(model), model) - expected).abs().max() <= 1e-11
    parameters = dict(model.named_parameters())
    given = {key: p.detach() for key, p in parameters.items()}
    found = vmapped(func.grad(lambda p, x, y: func.functional_call(model, p, (x, y))), model, given)
    for key, wanted in zip(parameters, model.gradients(*parameters.values()), strict=True):
        assert (found[key] - wanted).abs().max() <= 1e-11


@every_setting
def test_derivatives_in_a_direction(name):
    model = LogProb(name)
    direction = torch.randn_like(model.x)
    (gradients,) = model.gradients()
    for index, expected in enumerate((gradients * direction).sum(dim=(1, 2, 3))):
        label = model.label(index)
        found = func.jvp(lambda x, label=label: model(x, label), (model.x[index],), (direction[index],))[1]
        assert abs(found - expected) <= 1e-11
    found = func.jacfwd(model)(model.x[0], model.label(0))
    assert (found - gradients[0]).abs().max() <= 1e-11


@every_setting
def test_second_derivatives(name):
    model = LogProb(name)
    expected = torch.autograd.functional.hessian(lambda x: model(x, model.label(0)), model.x[0])
    assert expected.abs().max() > 1e-2
    for hessian in (func.hessian(model), func.jacrev(func.jacrev(model)), func.jacfwd(func.jacfwd(model))):
        assert (hessian(model.x[0], model.label(0)) - expected).abs().max() <= 1e-10


@every_setting
def test_parameters_along_one_direction_and_stacked(name):
    model = LogProb(name)
    parameters = dict(model.named_parameters())
    given = {key: p.detach() for key, p in parameters.items()}

    def of_parameters(values):
        return func.functional_call(model, values, (model.x[0], model.label(0)))

    expected = sum(gradient[0].sum() for gradient in model.gradients(*parameters.values()))
    ones = {key: torch.ones_like(p) for key, p in given.items()}
    assert abs(func.jvp(of_parameters, (given,), (ones,))[1] - expected) <= 1e-10
    stacked = {key: torch.stack([p, 1.01 * p]) for key, p in given.items()}
    found = func.vmap(of_parameters)(stacked)
    for index in range(2):
        assert abs(found[index] - of_parameters({key: p[index] for key, p in stacked.items()})) <= 1e-11


@pytest.mark.parametrize("memory", ["checkpoint", "reversible"])
def test_every_memory_mode_is_differentiated_alike(memory):
    model = LogProb("additive")
    (expected,) = model.gradients()
    hessian = torch.autograd.functional.hessian(model, model.x[0])
    parameters = {key: p.detach() for key, p in model.named_parameters()}
    of_parameters = model.gradients(*model.parameters())
    model.flow.memory = memory
    assert (vmapped(func.grad(model), model) - expected).abs().max() <= 1e-11
    slope = func.jvp(model, (model.x[0],), (torch.ones_like(model.x[0]),))[1]
    assert abs(slope - expected[0].sum()) <= 1e-10
    assert (func.hessian(model)(model.x[0]) - hessian).abs().max() <= 1e-10
    found = func.grad(lambda p: func.functional_call(model, p, (model.x[0],)))(parameters)
    for gradient, wanted in zip(found.values(), of_parameters, strict=True):
        assert (gradient - wanted[0]).abs().max() <= 1e-11


@pytest.mark.parametrize("scale_min", [0.0, 0.3])
def test_the_affine_move_is_differentiated_forwards_as_backwards(scale_min):
    x_b = torch.randn(2, 3, 2, 2, dtype=torch.float64, requires_grad=True)
    h = 3 * torch.randn(2, 6, 2, 2, dtype=torch.float64)
    h.requires_grad_()
    for inputs in ((x_b, h), (x_b.detach(), h), (x_b, h.detach())):
        assert torch.autograd.gradcheck(lambda *v: affine_move(*v, scale_min), inputs, check_forward_ad=True)


@pytest.mark.parametrize("shape", [(2, 3, 4, 6), (1, 3, 4, 4), (2, 1, 4, 4), (2, 5, 1, 1), (1, 1, 1, 1)])
def test_channels_last_is_the_layout_of_that_name(shape):
    for x in (torch.rand(shape), torch.rand(shape).contiguous(memory_format=torch.channels_last),
              torch.rand(*shape[:3], 2 * shape[3])[..., ::2]):  # fmt: skip
        assert torch.equal(channels_last(x), x)
        assert channels_last(x).is_contiguous(memory_format=torch.channels_last)
