"""What leaves a fast form, and how it travels: ordinary tensors, and copies that fold the weights anew."""

import copy
import io
import pickle

import pytest
import torch

from glowcore.exact import ExactFlow
from glowcore.fused import FusedFlow
from tests.glowcore.tiny import model, pictures

FORMS = {
    "torch": lambda flow: FusedFlow(flow, backend="torch"),
    "onnxruntime": lambda flow: FusedFlow(flow, backend="onnxruntime"),
    "bfloat16": lambda flow: FusedFlow(flow, "bfloat16", "torch"),
    "exact": lambda flow: ExactFlow(flow, backend="torch"),
}


def by_torch_save(form):
    file = io.BytesIO()
    torch.save(form, file)
    file.seek(0)
    return torch.load(file, weights_only=False)


COPIES = {"deepcopy": copy.deepcopy, "pickle": lambda form: pickle.loads(pickle.dumps(form)), "save": by_torch_save}


@pytest.mark.parametrize("how", COPIES)
@pytest.mark.parametrize("name", FORMS)
def test_a_copy_is_the_same_form_of_a_model_of_its_own(name, how):
    form = FORMS[name](model())
    other = COPIES[how](form)
    assert (type(other), other.net_dtype, other.backend) == (type(form), form.net_dtype, form.backend)
    batch = pictures(2)
    before = form.encode(batch).flatten()
    assert torch.equal(other.encode(batch).flatten(), before)
    with torch.no_grad():
        other.flow.levels[0].steps[0].actnorm.bias.add_(1)
    assert torch.equal(form.encode(batch).flatten(), before)
    assert not torch.equal(other.encode(batch).flatten(), before)


@pytest.mark.parametrize("name", FORMS)
def test_a_form_has_the_facts_of_its_model(name):
    form = FORMS[name](model().train())
    flow = form.flow
    assert (form.dtype, form.prior, form.latent_shapes()) == (torch.float32, flow.prior, flow.latent_shapes())
    assert form.net_dtype == ("bfloat16" if name == "bfloat16" else "float32")
    assert form.eval() is form
    assert not any(module.training for module in flow.modules())


def test_a_module_that_holds_one_can_be_copied():
    holder = torch.nn.Linear(1, 1)
    holder.fast = FusedFlow(model(), backend="torch")
    assert copy.deepcopy(holder).fast is not holder.fast


@pytest.mark.parametrize("name", ["torch", "onnxruntime", "exact"])
def test_latents_encoded_fast_are_optimised_through_the_module(name):
    flow = model()
    form = FORMS[name](flow)
    latents = form.encode(pictures(2))
    flow.decode(latents).sum().backward()  # to the weights
    assert flow.levels[0].steps[0].coupling.net.conv_mid.weight.grad.abs().max() > 0
    latents = latents.detach()
    for level in latents.levels:
        level.requires_grad_()
    flow.decode(latents).square().sum().backward()
    assert all(level.grad.abs().max() > 0 for level in latents.levels)
    back = form.decode(latents)  # those that are optimised are shown by the fast form again
    assert not back.requires_grad
    assert (back - pictures(2) / 255).abs().max() < 1e-4


@pytest.mark.parametrize("name", FORMS)
def test_all_that_leaves_is_an_ordinary_tensor(name):
    form = FORMS[name](model())
    latents = form.encode(pictures(2))
    found = [*latents.levels, latents.log_prob, form.decode(latents), form.bits_per_dim(pictures(2)), form.sample([0])]
    if isinstance(form, ExactFlow):
        found += [part.back for part in form.encode_parts(pictures(2))] + [*form.decode_marked(latents)]
    assert not any(tensor.is_inference() or tensor.requires_grad for tensor in found)


@pytest.mark.parametrize("name", FORMS)
def test_a_form_folded_in_inference_mode_answers_outside_of_it_and_back(name):
    with torch.inference_mode():
        form = FORMS[name](model())
        inside = form.encode(pictures(2))
    outside = form.encode(pictures(2))
    assert not outside.levels[0].is_inference()
    assert torch.equal(outside.flatten(), inside.flatten())
    assert torch.equal(form.decode(inside), form.decode(outside))
    with torch.inference_mode():
        assert torch.equal(form.decode(outside), form.decode(inside))
