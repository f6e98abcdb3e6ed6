"""What leaves a fast form, and how it travels: ordinary tensors, and copies that fold the weights anew."""

import copy
import io
import pickle
import subprocess
import sys

import pytest
import torch

from glowcore import Flow, Latents
from glowcore.exact import ExactFlow
from glowcore.fused import FusedFlow
from glowcore.likelihood_model import LikelihoodModel
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


def results(form):
    """The results of all methods of a flow or of its fast form, by name, as numbers or tensors."""
    noise, batch, y = (lambda: torch.Generator().manual_seed(0)), pictures(3), torch.tensor([0, 2, 1])
    latents, x = form.encode(batch, y), form.dequantised(batch, noise())
    *eps, top = form.raw_levels(latents)
    found = {
        "encode": latents,
        "decode": form.decode(latents),
        "log_prob": form.log_prob(batch, y),
        "bits_per_dim": form.bits_per_dim(batch, y, generator=noise()),
        "forward": form.forward(batch, y, generator=noise()),
        "__call__": form(batch, y, generator=noise()),
        "encode_dequantised": form.encode_dequantised(batch, y, generator=noise()),
        "encode_cube": form.encode_cube(x, y),
        "bits_of": form.bits_of(latents),
        "sample_latents": form.sample_latents([0, 1], 0.7, 1),
        "sample": form.sample([0, 1], 0.7, 1),
        "for_display": form.for_display(batch / 255),
        "as_float": form.as_float(batch),
        "checked_images": form.checked_images(batch),
        "dequantised": x,
        "raw_levels": torch.cat([level.flatten(1) for level in (*eps, top)], 1),
        "checked_levels": torch.cat([level.flatten(1) for level in form.checked_levels(latents)], 1),
        "finish_encoding": form.finish_encoding(eps, top, latents.log_prob, y),
        "latent_shapes": torch.tensor(form.latent_shapes()),
        "initialize": form.initialize(batch),
        "train": form.train().training,
        "fused": type(form.fused("bfloat16", "torch")),
    }
    facts = {"image_size", "num_dims", "device", "dtype", "memory", "anchor_every", "unrecoverable", "nondeterministic"}
    found |= {name: getattr(form, name) for name in facts | {"prior", "invertible"}}
    return {name: value.flatten() if isinstance(value, Latents) else value for name, value in found.items()}


@pytest.mark.parametrize("name", ["torch", "onnxruntime", "exact"])
def test_a_form_has_all_methods_of_its_model_with_the_same_results(name):
    flow = model(num_classes=3)
    public = {attribute for attribute in dir(Flow) if not attribute.startswith("_")}
    public -= {attribute for attribute in dir(torch.nn.Module) if attribute not in vars(Flow) | vars(LikelihoodModel)}
    with torch.no_grad():
        expected, found = results(flow), results(FORMS[name](flow))
    assert public - found.keys() == set()
    for attribute, value in expected.items():
        if isinstance(value, torch.Tensor):
            assert (found[attribute] - value).abs().max() <= 1e-3, attribute
        else:
            assert found[attribute] == value, attribute
    form = FORMS[name](flow)
    assert (form.config, form.metadata, form.class_head) == (flow.config, flow.metadata, flow.class_head)


@pytest.mark.parametrize("name", FORMS)
def test_no_method_of_a_form_runs_the_module_where_a_folded_pass_exists(name, monkeypatch):
    form = FORMS[name](model(num_classes=3))
    monkeypatch.setattr(Flow, "encode_cube", None)
    monkeypatch.setattr(Flow, "decode", None)
    results(form)


@pytest.mark.parametrize("name", FORMS)
def test_what_is_the_models_is_set_on_the_model(name):
    form = FORMS[name](model())
    with pytest.raises(AttributeError, match=r"^'memory' is an attribute of the model: set it on \w+Flow\.flow$"):
        form.memory = "reversible"
    for missing in ("to", "nonsense"):
        with pytest.raises(AttributeError, match=rf"^'{type(form).__name__}' object has no attribute '{missing}'$"):
            getattr(form, missing)
    form.flow.memory = "reversible"
    assert form.memory == "reversible"
    before = form.encode(pictures(2)).flatten()
    for fixed, value in (("flow", model()), ("net_dtype", "bfloat16"), ("backend", "auto")):
        with pytest.raises(AttributeError, match=rf"^'{fixed}' cannot be changed: make another \w+Flow\("):
            setattr(form, fixed, value)
    assert torch.equal(form.encode(pictures(2)).flatten(), before)
    with pytest.raises(AttributeError, match=r"no attribute 'flow'$"):
        type(form).__new__(type(form)).config  # noqa: B018


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


def test_a_program_may_end_while_onnxruntime_is_being_built():
    code = (
        "import threading, torch; from glowcore import GlowConfig, build; from glowcore.fused import onnx_backend; "
        "begun, make = threading.Event(), onnx_backend._session; "
        "onnx_backend._session = lambda model: (begun.set(), make(model))[1]; "
        "flow = build(GlowConfig(image_size=32, num_levels=3, steps_per_level=8, hidden_channels=64)); "
        "flow.initialize(torch.rand(8, 3, 32, 32)); flow.fused(); assert begun.wait(60)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
