"""Models that save rejects, leaving the earlier model in place, and unusual ones that it accepts."""

import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from glowcore import checkpoint
from glowcore.errors import CheckpointError
from glowcore.exact import ExactFlow
from tests.glowcore.model_folders import small_model

pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script")  # of the compiler itself


def test_what_is_not_json_is_not_saved(model, tmp_path):
    broken = small_model()
    for value in (float("nan"), torch.zeros(1), {1, 2}):
        broken.metadata = {"value": value}
        with pytest.raises(CheckpointError, match=r"config\.json: not saved"):
            checkpoint.save(broken, tmp_path / "m")
    assert not (tmp_path / "m").exists()


def test_nan_and_infinite_weights_are_never_saved(folder, model):
    before = checkpoint.fingerprint(folder)
    broken = small_model()
    next(broken.parameters()).data.flatten()[0] = float("nan")
    with pytest.raises(CheckpointError, match=r"model\.safetensors: not saved, tensor \S+ holds NaN"):
        checkpoint.save(broken, folder)
    broken = small_model()
    broken.attributes.score_weights[0, 0] = float("inf")
    with pytest.raises(CheckpointError, match=r"attributes\.safetensors: not saved, tensor score_weights holds NaN"):
        checkpoint.save(broken, folder)
    assert checkpoint.fingerprint(folder) == before


def test_what_would_not_load_again_is_not_saved_over_what_does(folder, model):
    before = checkpoint.fingerprint(folder)
    other_net, other_latents = small_model(), small_model(num_levels=1)
    net = "levels.0.steps.0.coupling.net"
    other_net.levels[0].steps[0].coupling.net = torch.nn.Conv2d(6, 12, 3, padding=1)
    added, wider = small_model(), small_model()
    added.register_buffer("mean", torch.zeros(3))
    conv = wider.levels[0].steps[0].coupling.net.conv_in
    conv.weight.data = conv.weight.data[:, :, :1]
    other_latents.attributes = model.attributes
    for broken, words in (
        (other_net, f"({net} is a Conv2d, expected a CouplingNet)"),
        (added, "(tensor mean does not belong to this config)"),
        (wider, f"(tensor {net}.conv_in.weight is float32 [8, 6, 1, 3], this config expects float32 [8, 6, 3, 3])"),
        (other_latents, "attributes.safetensors: fitted for levels ((6, 4, 4), (24, 2, 2)), the model's are"),
    ):
        with pytest.raises(CheckpointError, match=f"model: not saved, .*{re.escape(words)}") as error:
            checkpoint.save(broken, folder)
        assert "model.safetensors" not in str(error.value)  # no such file was written
        wrong_model = "this model is not what its config builds" in str(error.value)
        assert (
            wrong_model == ("torch.save(model.state_dict(), FILE)" in str(error.value)) == (broken is not other_latents)
        )
    assert checkpoint.fingerprint(folder) == before
    assert checkpoint.load(folder, device="cpu").attributes is not None


def test_a_compiled_model_is_saved_as_the_model_inside(model, tmp_path):
    checkpoint.save(torch.compile(model), tmp_path)
    loaded = checkpoint.load(tmp_path, device="cpu").state_dict()
    assert all(torch.equal(tensor, loaded[name]) for name, tensor in model.state_dict().items())


@pytest.mark.parametrize("wrap", [lambda m: m.fused(backend="torch"), ExactFlow, torch.nn.DataParallel, torch.compile])
def test_of_a_wrapper_the_model_inside_is_saved(model, tmp_path, wrap):
    checkpoint.save(model, tmp_path / "plain")
    checkpoint.save(wrap(model), tmp_path / "wrapped")
    assert checkpoint.fingerprint(tmp_path / "wrapped") == checkpoint.fingerprint(tmp_path / "plain")


@pytest.mark.parametrize("other", [None, torch.nn.Linear(1, 1), {}])
def test_what_is_no_model_is_not_saved(tmp_path, other):
    with pytest.raises(CheckpointError, match=f"not saved, a {type(other).__name__} is no model"):
        checkpoint.save(other, tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_saving_leaves_the_global_generator_alone(model, tmp_path):
    state = torch.get_rng_state()
    checkpoint.save(model, tmp_path)
    assert torch.equal(torch.get_rng_state(), state)


def test_facts_of_attributes_are_stored_as_json_has_them(tmp_path):
    model = small_model()
    facts = {"Young": {"separation": np.float64(0.75), "orthogonal_to": ("Smiling",)}}
    model.attributes = replace(model.attributes, facts=facts)
    checkpoint.save(model, tmp_path)
    young = checkpoint.load(tmp_path, device="cpu").attributes.facts["Young"]
    assert (young["separation"], young["orthogonal_to"]) == (0.75, ["Smiling"])


def test_facts_of_attributes_that_would_be_left_out_are_refused(tmp_path):
    model = small_model()
    model.attributes = replace(model.attributes, facts={"Young": {"direction": "mine"}})
    with pytest.raises(CheckpointError) as error:
        checkpoint.save(model, tmp_path)
    assert str(error.value) == (
        f"{tmp_path}: not saved, attribute 'Young': direction is 'mine', expected an object with the kind of the "
        "direction, as a fit stores it"
    )
